#include "ordering/abci/proposal.h"

#include <algorithm>
#include <set>

#include "crypto/hash.h"

namespace careledger::ordering::abci {
namespace {

using kernel::KernelCode;

// One tag byte, the length as a varint, the bytes: what a transaction takes in the engine's block data.
std::int64_t bytes_in_block(ByteView transaction) {
  std::int64_t bytes = 2;
  for (std::size_t left = transaction.size(); left >= 0x80; left >>= 7) ++bytes;
  return bytes + static_cast<std::int64_t>(transaction.size());
}

// Asked one by one, so that an envelope of use costs one command.
KernelCode use_of(const replica::Replica& replica, const std::vector<kernel::ReceivedCommand>& commands, BlockTime time) {
  const KernelCode first = replica.judge(commands.front(), time);
  const auto consumed = [&](const kernel::ReceivedCommand& command) { return replica.judge(command, time) == KernelCode::ok; };
  return first == KernelCode::ok || std::any_of(commands.begin() + 1, commands.end(), consumed) ? KernelCode::ok : first;
}

KernelCode code_of_refusal(const Error& error) {
  return error.kind == ErrorKind::too_large ? KernelCode::too_large : KernelCode::malformed;
}

bool must_wait(const kernel::ReceivedBatch& batch, BlockTime time) {
  return std::ranges::any_of(batch.commands, [&](const auto& one) { return one.expires.value > time.value + kernel::kExpiryAheadMaxMs; });
}

bool holds_one_twice(const std::vector<kernel::ReceivedCommand>& commands) {
  std::vector<Digest> digests;
  digests.reserve(commands.size());
  for (const kernel::ReceivedCommand& command : commands) digests.push_back(command.digest);
  std::ranges::sort(digests);
  return std::ranges::adjacent_find(digests) != digests.end();
}

// What it takes in memory: a command of a few bytes takes many.
std::size_t weight_of(ByteView transaction, const kernel::ReceivedBatch& batch) {
  return 2 * transaction.size() + batch.commands.size() * sizeof(kernel::ReceivedCommand);
}

}  // namespace

std::shared_ptr<const Proposals::Parsed> Proposals::parse(ByteView transaction, const Digest& digest) const {
  if (auto known = parsed_.find(digest)) return *known;
  auto parsed = std::make_shared<Parsed>();
  auto batch = kernel::receive_batch(transaction);
  if (!batch) {
    parsed->form = code_of_refusal(batch.error());
  } else {
    const auto bad = std::ranges::find_if(batch->commands, [](const auto& one) { return one.verdict != KernelCode::ok; });
    if (bad != batch->commands.end()) parsed->form = bad->verdict;  // all of it is refused, and not kept
    else if (holds_one_twice(batch->commands)) parsed->form = KernelCode::malformed;
    else parsed->batch = std::move(*batch);
  }
  parsed_.keep(digest, parsed, weight_of(transaction, parsed->batch));
  return parsed;
}

Result<KernelCode> Proposals::judge(const Parsed& parsed, BlockTime time) const {
  if (parsed.form != KernelCode::ok) return parsed.form;
  const replica::View view = replica_.view();
  KernelCode code = replica_.check_envelope(parsed.batch, time);
  if (code == KernelCode::ok) code = use_of(replica_, parsed.batch.commands, time);
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);  // what was read is not to be trusted
  return code;
}

Result<Proposals::Judgement> Proposals::judge(ByteView transaction, BlockTime time) const {
  const Digest digest = crypto::sha256(transaction);
  const auto parsed = parse(transaction, digest);
  CARELEDGER_TRY(const KernelCode code, judge(*parsed, time));
  return Judgement{code, digest, parsed->batch.organisation};
}

Result<std::vector<Bytes>> Proposals::pick(const Transactions& offered, std::int64_t bytes_max, BlockTime time) const {
  std::vector<Bytes> picked;
  std::set<Digest> seen;
  std::int64_t bytes = 0;
  for (const Bytes& transaction : offered) {
    const std::int64_t more = bytes_in_block(transaction);
    if (bytes + more > bytes_max) break;
    const Digest digest = crypto::sha256(transaction);
    const auto parsed = parse(transaction, digest);
    if (must_wait(parsed->batch, time) || !seen.insert(digest).second) continue;
    CARELEDGER_TRY(const KernelCode code, judge(*parsed, time));
    if (code != KernelCode::ok) continue;
    bytes += more;
    picked.push_back(transaction);
  }
  return picked;
}

Result<bool> Proposals::accepts(const Transactions& proposed, BlockTime time) const {
  std::set<Digest> seen;
  for (const Bytes& transaction : proposed) {
    const Digest digest = crypto::sha256(transaction);
    if (!seen.insert(digest).second) return false;
    CARELEDGER_TRY(const KernelCode code, judge(*parse(transaction, digest), time));
    if (code != KernelCode::ok) return false;
  }
  return true;
}

}  // namespace careledger::ordering::abci
