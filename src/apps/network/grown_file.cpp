#include "apps/network/grown_file.h"

#include "apps/network/description.h"
#include "apps/network/member_folder.h"
#include "codec/fhir/instant.h"
#include "kernel/tables.h"

namespace careledger::apps::network {
namespace {

constexpr std::string_view kMagic = "careledger-grown/1\n";

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

Result<ordering::Grown> kept_grown(const Layout& layout) {
  auto bytes = system_files().read_all(layout.grown(), ordering::kGrownBytesMax);
  if (!bytes)
    return fail(bytes.error().kind,
                layout.grown() + " cannot be read, without which the ledger's network is not found: " + bytes.error().message);
  auto grown = ordering::decode_grown(*bytes);
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
