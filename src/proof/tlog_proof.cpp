#include "proof/tlog_proof.h"

#include <algorithm>
#include <charconv>

namespace careledger::proof {
namespace {

constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";
constexpr std::size_t kEntrySize = 32 + 8 + 4;

tl::unexpected<Error> unreadable(const std::string& what) { return fail(ErrorKind::malformed, "receipt: " + what); }
tl::unexpected<Error> unproven(const std::string& what) { return fail(ErrorKind::invalid, "receipt: " + what); }

std::string_view next_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

template <class Number>
Number big_endian(ByteView bytes) {
  Number value = 0;
  for (const char byte : bytes) value = static_cast<Number>(value << 8 | static_cast<std::uint8_t>(byte));
  return value;
}

Result<void> read_head(std::string_view head, TlogProof& proof) {
  std::string_view line = next_line(head);
  if (line.starts_with(kExtra)) {
    auto extra = from_base64(line.substr(kExtra.size()));
    if (!extra || extra->empty()) return unreadable("the extra data is not base64");
    proof.extra = std::move(*extra);
    line = next_line(head);
  }
  const std::string_view digits = line.starts_with(kIndex) ? line.substr(kIndex.size()) : std::string_view();
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), proof.index);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return unreadable("no index of an entry");
  while (!head.empty()) {
    const auto hash = Digest::from(from_base64(next_line(head)).value_or(Bytes()));
    if (!hash || proof.path.size() == kMaxLogPath) return unreadable("hash " + std::to_string(proof.path.size()) + " of the proof");
    proof.path.push_back(*hash);
  }
  return {};
}

}  // namespace

Bytes encode(const TlogProof& proof) {
  Bytes out(kTlogProofHead);
  if (!proof.extra.empty()) out += std::string(kExtra) + to_base64(proof.extra) + "\n";
  out += std::string(kIndex) + std::to_string(proof.index) + "\n";
  for (const Digest& hash : proof.path) out += to_base64(hash.view()) + "\n";
  return out + "\n" + proof.checkpoint;
}

Result<TlogProof> parse_tlog_proof(ByteView bytes) {
  if (bytes.size() > kMaxTlogProof) return fail(ErrorKind::too_large, "receipt: too large");
  if (!bytes.starts_with(kTlogProofHead)) return unreadable("it does not begin with c2sp.org/tlog-proof@v1");
  const std::size_t split = bytes.find("\n\n");
  if (split == ByteView::npos) return unreadable("no empty line before the checkpoint");
  TlogProof proof;
  CARELEDGER_CHECK(read_head(bytes.substr(kTlogProofHead.size(), split + 1 - std::min(split + 1, kTlogProofHead.size())), proof));
  proof.checkpoint = bytes.substr(split + 2);
  if (encode(proof) != bytes) return unreadable("a number or a hash is written in an unusual way");
  return proof;
}

Result<Receipt> verify_receipt(ByteView bytes, const Trust& trust) {
  CARELEDGER_TRY(const TlogProof proof, parse_tlog_proof(bytes));
  const auto opened = open_checkpoint(proof.checkpoint, trust);
  if (!opened) return fail(opened.error().kind, "receipt: checkpoint: " + opened.error().message);
  if (opened->witnesses < trust.quorum) return unproven("too few witnesses cosigned");
  if (proof.extra.size() != kEntrySize) return unproven("it carries no entry of a ledger's log");
  const Checkpoint& log = opened->checkpoint;
  if (!verify_inclusion(log_leaf(proof.extra), proof.index, log.size, proof.path, log.root))
    return unproven("its entry is not in the log of the checkpoint");
  const ByteView entry(proof.extra);
  return Receipt{*Digest::from(entry.substr(0, 32)),
                 {big_endian<std::uint64_t>(entry.substr(32, 8))},
                 big_endian<std::uint32_t>(entry.substr(40)),
                 proof.index,
                 *opened};
}

}  // namespace careledger::proof
