#include "apps/network/grown_file.h"

#include <algorithm>

#include "apps/clock_check.h"
#include "apps/network/member_folder.h"
#include "codec/fhir/instant.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"

namespace careledger::apps::network {
namespace {

constexpr std::string_view kMagic = "careledger-grown/1\n";
constexpr std::int64_t kSealAheadMaxMs = 60'000;

// What is decided of a member, without its consent to that.
Bytes decided(contracts::governance::AdmitMember admit) {
  admit.clear_until_ms();
  admit.clear_consent();
  return kernel::encode(admit);
}

}  // namespace

Result<void> write_grown_file(Files& files, const std::string& path, ByteView grown, const replica::SnapshotReader& state) {
  CARELEDGER_TRY(const auto file, files.open(path, true));
  CARELEDGER_CHECK(file->truncate(0));
  CARELEDGER_CHECK(file->append(kMagic));
  CARELEDGER_CHECK(append_part(*file, grown));
  for (std::size_t index = 0; index < state.chunks(); ++index) {
    CARELEDGER_TRY(const Bytes piece, state.chunk(index));
    CARELEDGER_CHECK(append_part(*file, piece));
  }
  return file->sync();
}

Result<GrownFile> GrownFile::open(Files& files, const std::string& path) {
  CARELEDGER_TRY(auto parts, SizedParts::open(files, path, kMagic, "file of a grown ledger", "careledger network grow writes one"));
  GrownFile out(std::move(parts));
  CARELEDGER_TRY(auto bytes, out.parts_.next(ordering::kGrownBytesMax));
  if (!bytes) return fail(ErrorKind::malformed, path + " was cut off: ask for it again");
  out.bytes_ = std::move(*bytes);
  auto grown = ordering::decode_grown(out.bytes_);
  if (!grown) return fail(grown.error().kind, path + ": " + grown.error().message);
  out.grown_ = std::move(*grown);
  return out;
}

Result<std::optional<Bytes>> GrownFile::next_piece() { return parts_.next(replica::kSnapshotChunkBytesMax); }

Result<std::vector<Description>> entrants_of(const ordering::Grown& grown) {
  const contracts::governance::Grow grow = ordering::last_command(grown);
  std::vector<Bytes> admitted;
  for (const auto& member : grow.members()) admitted.push_back(decided(member));
  std::vector<Description> out;
  for (const Bytes& text : grown.descriptions) {
    CARELEDGER_TRY(Description one, read_description(text, std::nullopt));
    const auto found = one.application ? std::ranges::find(admitted, decided(admission_of(one))) : admitted.end();
    if (found == admitted.end())
      return fail(ErrorKind::invalid, one.member.name() +
                                          " is not described as the ledger's last command admitted it: name the same "
                                          "descriptions as then");
    admitted.erase(found);
    out.push_back(std::move(one));
  }
  if (!admitted.empty()) return fail(ErrorKind::invalid, "the description of a member whom the ledger's last command admitted is missing");
  return out;
}

Result<void> check_come(const std::string& what, BlockTime time, BlockTime now) {
  if (time.value <= now.value + kSealAheadMaxMs) return {};
  return fail(ErrorKind::precondition, what + " is of " + codec::fhir::format_instant(time) + ", " + span(time.value - now.value) +
                                           " ahead of this machine's clock: no engine would make a block before then. Set the clock if it "
                                           "is this one that is wrong; if not, wait until then");
}

Result<ordering::Grown> kept_grown(const Layout& layout) {
  auto bytes = system_files().read_all(layout.grown(), ordering::kGrownBytesMax);
  if (!bytes)
    return fail(bytes.error().kind,
                layout.grown() + " cannot be read, without which the ledger's network is not found: " + bytes.error().message);
  auto grown = ordering::decode_grown(*bytes);
  if (!grown && grown.error().kind == ErrorKind::unsupported) return grown;
  if (!grown) return fail(ErrorKind::corrupt, layout.grown() + ": " + grown.error().message);
  return grown;
}

std::string grown_text(ByteView bytes, const ordering::Grown& grown) {
  std::string out = "number " + ordering::number_of(bytes).hex() + "\n";
  out += "ledger " + kernel::ledger_id(grown.founding).hex() + "\n";
  out += "seal " + std::to_string(grown.seal().height) + " " + to_hex(proof::hash_of(grown.seal())) + "\n";
  out += "sealed " + codec::fhir::format_instant(proof::block_time(grown.seal().time)) + "\n";
  out += grown.owner.name + ": account " + grown.owner.organisation.hex() + "\n";
  for (const Bytes& text : grown.descriptions)
    if (const auto one = read_description(text, std::nullopt))
      out += one->member.name() + ": account " + kernel::account_id(one->member).hex() + "\n";
  for (const proof::Validator& validator : grown.successors.validators)
    out += "validator " + validator.key.hex() + " " + std::to_string(validator.power) + "\n";
  return out;
}

}  // namespace careledger::apps::network
