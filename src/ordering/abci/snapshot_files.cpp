#include "ordering/abci/snapshot_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/assert.h"
#include "crypto/hash.h"
#include "storage/reserve.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::size_t kHeightDigits = 20;
constexpr std::string_view kWhole = ".whole";
constexpr std::size_t kWholeBytesMax = 16u << 20;

std::string stem_of(Height height) { return fmt::format("{:020}", height.value); }
std::string whole_name(Height height) { return stem_of(height) + std::string(kWhole); }
std::string piece_name(Height height, std::size_t index) { return fmt::format("{}.{:06}", stem_of(height), index); }

// Of one of our files; nothing of others is ever touched.
std::optional<Height> height_in(std::string_view name) {
  Height height;
  if (name.size() <= kHeightDigits || name[kHeightDigits] != '.') return std::nullopt;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kHeightDigits, height.value);
  if (error != std::errc() || end != name.data() + kHeightDigits) return std::nullopt;
  return height;
}

Bytes encode_whole(const StoredSnapshot& snapshot) {
  Bytes fields;
  append_field(fields, snapshot.header);
  for (const Digest& piece : snapshot.pieces) append_field(fields, piece.view());
  return crypto::sha256(fields).bytes() + fields;
}

std::optional<StoredSnapshot> decode_whole(Height height, ByteView bytes) {
  const auto check = take_bytes(bytes, Digest::size);
  if (!check || crypto::sha256(bytes).view() != *check) return std::nullopt;
  const auto header = take_field(bytes);
  if (!header) return std::nullopt;
  StoredSnapshot snapshot{height, Bytes(*header), {}};
  while (!bytes.empty()) {
    const auto field = take_field(bytes);
    const auto piece = field ? Digest::from(*field) : std::nullopt;
    if (!piece) return std::nullopt;
    snapshot.pieces.push_back(*piece);
  }
  return snapshot;
}

tl::unexpected<Error> not_wanted() { return fail(ErrorKind::cancelled, "snapshot: no longer wanted"); }

tl::unexpected<Error> other_bytes(const std::string& path) {
  return fail(ErrorKind::gone, path + " holds other bytes than were written: the snapshot is offered to nobody");
}

template <class Value>
Result<Value> aside(Result<Value> done) {
  if (!done && done.error().kind == ErrorKind::storage) done.error().kind = ErrorKind::unavailable;
  return done;
}

}  // namespace

Result<std::vector<std::string>> SnapshotFiles::names() const {
  if (!files_.exists(folder_)) return std::vector<std::string>{};
  return aside(files_.list(folder_));
}

Result<std::vector<Height>> SnapshotFiles::heights() const {
  CARELEDGER_TRY(const auto all, names());
  std::vector<Height> out;
  for (const std::string& name : all)
    if (const auto height = height_in(name); height && name == whole_name(*height)) out.push_back(*height);
  return out;
}

Result<void> SnapshotFiles::remove_all(const std::function<bool(const std::string& name)>& which) {
  CARELEDGER_TRY(auto all, names());
  std::erase_if(all, [&which](const std::string& name) { return !height_in(name) || !which(name); });
  // The last file first: what is left of one is none from then on.
  std::ranges::partition(all, [](const std::string& name) { return name.ends_with(kWhole); });
  for (const std::string& name : all) CARELEDGER_CHECK(aside(files_.remove(path(name))));
  return {};
}

Result<void> SnapshotFiles::remove(Height height) {
  return remove_all([height](const std::string& name) { return height_in(name) == height; });
}

Result<void> SnapshotFiles::clear() {
  return remove_all([](const std::string&) { return true; });
}

Result<Bytes> SnapshotFiles::piece(const StoredSnapshot& snapshot, std::size_t index) const {
  CARELEDGER_ASSERT(index < snapshot.pieces.size());
  const std::string file = path(piece_name(snapshot.height, index));
  CARELEDGER_TRY(Bytes bytes, aside(files_.read_all(file, replica::kSnapshotChunkBytesMax)));
  if (crypto::sha256(bytes) != snapshot.pieces[index]) return other_bytes(file);
  return bytes;
}

Result<StoredSnapshot> SnapshotFiles::read(Height height, const std::stop_token& stop) const {
  const std::string file = path(whole_name(height));
  CARELEDGER_TRY(const Bytes bytes, aside(files_.read_all(file, kWholeBytesMax)));
  auto snapshot = decode_whole(height, bytes);
  if (!snapshot) return other_bytes(file);
  for (std::size_t i = 0; i < snapshot->pieces.size(); ++i) {
    if (stop.stop_requested()) return not_wanted();
    CARELEDGER_TRY(const Bytes whole, piece(*snapshot, i));
  }
  return std::move(*snapshot);
}

Result<std::vector<StoredSnapshot>> SnapshotFiles::take_up(const LedgerId& ledger, Height reached, std::size_t most,
                                                           const std::stop_token& stop, const std::function<void(const Error&)>& damaged) {
  CARELEDGER_TRY(std::vector<Height> there, heights());
  std::vector<StoredSnapshot> out;
  std::set<std::string> wanted;
  for (auto height = there.rbegin(); height != there.rend() && out.size() < most; ++height) {
    if (*height > reached) continue;
    auto one = read(*height, stop);
    if (!one && one.error().kind == ErrorKind::cancelled) return tl::make_unexpected(std::move(one.error()));
    if (!one) {
      damaged(one.error());
      continue;
    }
    auto name = replica::snapshot_name(one->header);
    if (!name || name->ledger != ledger || name->height != *height || name->state_chunks != one->pieces.size()) continue;
    one->log_ends = std::move(name->log_ends);
    wanted.insert(whole_name(*height));
    for (std::size_t i = 0; i < one->pieces.size(); ++i) wanted.insert(piece_name(*height, i));
    out.push_back(std::move(*one));
  }
  CARELEDGER_CHECK(remove_all([&wanted](const std::string& name) { return !wanted.contains(name); }));
  return out;
}

Result<StoredSnapshot> SnapshotFiles::write(Height height, const replica::SnapshotReader& reader, const std::stop_token& stop) {
  CARELEDGER_CHECK(aside(files_.make_folder(folder_)));
  StoredSnapshot snapshot{height, reader.header(), {}, reader.log_ends()};
  for (std::size_t i = 0; i < reader.state_chunks(); ++i) {
    if (stop.stop_requested()) return not_wanted();
    CARELEDGER_TRY(const Bytes piece, reader.chunk(i));
    if (piece.size() > replica::kSnapshotChunkBytesMax) return fail(ErrorKind::too_large, "snapshot: a piece is too large to be sent");
    CARELEDGER_TRY(const std::uint64_t free, aside(storage::free_bytes(folder_)));
    if (free < leave_free_ + piece.size())
      return fail(ErrorKind::too_large, fmt::format("snapshot of block {}: {} MB are free where {} lies, too few to write it", height.value,
                                                    free / 1'000'000, folder_));
    CARELEDGER_CHECK(aside(files_.replace(path(piece_name(height, i)), piece)));
    snapshot.pieces.push_back(crypto::sha256(piece));
  }
  CARELEDGER_CHECK(aside(files_.replace(path(whole_name(height)), encode_whole(snapshot))));
  return snapshot;
}

}  // namespace careledger::ordering::abci
