#include "vault/audit_store.h"

#include <algorithm>
#include <set>

#include "base/files.h"
#include "storage/encrypted_files.h"
#include "vault/encoding.h"

namespace careledger::vault {
namespace {

constexpr storage::Column kState{0};
constexpr storage::Column kRows{1};    // subject ‖ time ‖ number -> index, offset
constexpr storage::Column kSpines{2};  // subject -> Spine
constexpr storage::Column kTiles{3};   // u64 -> up to 256 leaf hashes of the log
constexpr storage::Column kNodes{4};   // u8 level ‖ u64 index -> hash, from level 8 up
constexpr storage::Column kPlaces{5};  // u64 index -> offset, of every 64th entry
constexpr storage::Column kTree{6};    // hash -> TreeNode

constexpr std::uint8_t kTileLevel = 8;
constexpr std::uint64_t kTileLeaves = 1u << kTileLevel;
constexpr std::uint64_t kPlaceEvery = 64;
constexpr ByteView kFoldedKey = "folded";
constexpr ByteView kHeadKey = "head";
constexpr ByteView kWrittenKey = "written";  // u64: the newest record version that a folded entry wrote

Bytes node_key(proof::LogNodeId id) { return Bytes(1, static_cast<char>(id.level)) + u64_bytes(id.index); }

Bytes encode_place(FilePlace place) {
  Bytes out;
  append_varint(out, place.index);
  append_varint(out, place.offset);
  return out;
}

Bytes encode_node(const TreeNode& node) {
  Bytes out;
  append_u16(out, static_cast<std::uint16_t>(node.bit));
  return out.append(node.left.view()).append(node.right.view());
}

std::optional<TreeNode> decode_node(ByteView in) {
  if (in.size() != 2 + 2 * Digest::size) return std::nullopt;
  const std::uint32_t bit = *take_u16(in);
  return TreeNode{bit, *Digest::from(in.substr(0, Digest::size)), *Digest::from(in.substr(Digest::size))};
}

std::optional<FilePlace> decode_place(ByteView in) {
  const auto index = take_varint(in);
  const auto offset = take_varint(in);
  if (!index || !offset || !in.empty()) return std::nullopt;
  return FilePlace{*index, *offset};
}

Bytes encode_head(const AuditHead& head) {
  Bytes out = head.map_root.bytes() + head.log_root.bytes();
  append_varint(out, head.size);
  append_varint(out, head.height.value);
  append_varint(out, head.position);
  return out + head.signed_command;
}

std::optional<AuditHead> decode_head(ByteView in) {
  const auto map_root = take_bytes(in, 32);
  const auto log_root = take_bytes(in, 32);
  const auto size = take_varint(in);
  const auto height = take_varint(in);
  const auto position = take_varint(in);
  if (!map_root || !log_root || !size || !height || !position) return std::nullopt;
  return AuditHead{*Digest::from(*map_root), *Digest::from(*log_root), *size, Bytes(in), {*height}, static_cast<std::uint32_t>(*position)};
}

storage::StoreOptions options_of(const std::string& folder) {
  storage::StoreOptions options;
  options.folder = folder;
  options.columns = {{"state", true, true},  {"rows", false, true},  {"spines", true, true}, {"tiles", true, false},
                     {"nodes", true, false}, {"places", true, true}, {"tree", true, false}};
  options.format = "audit-map";
  options.format_version = 1;
  options.cache_bytes = 8u << 20;
  options.write_buffer_bytes = 8u << 20;
  return options;
}

tl::unexpected<Error> damaged(ByteView what) {
  return fail(ErrorKind::corrupt,
              "a row of the audit map (" + Bytes(what) + ") is damaged: remove the map's folder, it is rebuilt from the audit file");
}

}  // namespace

Result<std::unique_ptr<AuditStore>> AuditStore::open(const std::string& folder, Keystore& keys, Entropy& entropy,
                                                     std::shared_ptr<storage::Room> room) {
  auto made = std::unique_ptr<AuditStore>(new AuditStore());
  storage::StoreOptions options = options_of(folder);
  if (folder.empty()) {
    made->store_ = storage::open_memory_store(options);
  } else {
    CARELEDGER_TRY(const crypto::Secret root, keys.symmetric(Purpose::files));
    options.disk = storage::encrypted_disk(root, entropy);
    options.room = std::move(room);
    CARELEDGER_TRY(made->store_, storage::open_rocks_store(options));
  }
  CARELEDGER_CHECK(made->load());
  return made;
}

Result<void> AuditStore::load() {
  folded_ = {0, kAuditHeaderBytes};
  CARELEDGER_TRY(const auto head, store_->get(kState, kHeadKey));
  if (head) {
    head_ = decode_head(*head);
    if (!head_) return damaged(kHeadKey);
  }
  CARELEDGER_TRY(const auto written, store_->get(kState, kWrittenKey));
  if (written) {
    ByteView number = *written;
    newest_written_ = take_u64(number).value_or(0);
  }
  CARELEDGER_TRY(const auto folded, store_->get(kState, kFoldedKey));
  if (!folded) return {};
  ByteView in = *folded;
  const auto index = take_varint(in);
  const auto offset = take_varint(in);
  if (!index || !offset || in.size() % 32 != 0) return damaged(kFoldedKey);
  folded_ = {*index, *offset};
  std::vector<Digest> peaks;
  for (; !in.empty(); in.remove_prefix(32)) peaks.push_back(*Digest::from(in.substr(0, 32)));
  CARELEDGER_TRY(log_, proof::CompactRange::from(folded_.index, std::move(peaks)));
  if (folded_.index % kTileLeaves != 0) {
    CARELEDGER_TRY(const auto tile, store_->get(kTiles, u64_bytes(folded_.index / kTileLeaves)));
    if (!tile || tile->size() != folded_.index % kTileLeaves * 32) return damaged("tile");
    tile_ = *tile;
  }
  const auto spines = store_->iterate(kSpines, storage::Range::all());
  for (spines->seek_first(); spines->valid(); spines->next()) {
    const auto subject = Subject::from(spines->key());
    auto spine = subject ? Spine::decode(*subject, spines->value()) : std::nullopt;
    if (!spine) return damaged("spine");
    tree_.load(*subject, std::move(*spine));
  }
  tree_.root();  // whoever asks for a list before the next entry is folded gets hashes, and not what the nodes began with
  return spines->status();
}

void AuditStore::fold_one(const Folding& entry, storage::Batch& batch) {
  tree_.add(entry.subject, entry.key, entry.commitment,
            [&batch](const TreeNode& node) { batch.put(kTree, proof::map_inner(node.left, node.right).view(), encode_node(node)); });
  const Digest leaf = proof::log_leaf(audit_log_leaf(entry.key, entry.commitment));
  log_.append(leaf, [&batch](proof::LogNodeId id, const Digest& hash) {
    if (id.level >= kTileLevel) batch.put(kNodes, node_key(id), hash.view());
  });
  tile_ += leaf.view();
  if (tile_.size() == kTileLeaves * 32) {
    batch.put(kTiles, u64_bytes(entry.place.index / kTileLeaves), tile_);
    tile_.clear();
  }
  batch.put(kRows, entry.key, encode_place(entry.place));
  if (entry.place.index % kPlaceEvery == 0) batch.put(kPlaces, u64_bytes(entry.place.index), u64_bytes(entry.place.offset));
}

// One batch, buffered: what a loss of power takes is folded again from the file.
Result<void> AuditStore::fold(std::span<const Folding> entries, FilePlace next) {
  if (entries.empty()) return {};
  if (failed_) return tl::make_unexpected(*failed_);  // the tree is ahead of the rows
  storage::Batch batch;
  std::set<Subject> touched;
  std::uint64_t written = newest_written_;
  for (const Folding& entry : entries) {
    fold_one(entry, batch);
    touched.insert(entry.subject);
    written = std::max(written, entry.written);
  }
  if (written != newest_written_) batch.put(kState, kWrittenKey, u64_bytes(written));
  for (const Subject& subject : touched) batch.put(kSpines, subject.view(), tree_.find(subject)->encode());
  if (!tile_.empty()) batch.put(kTiles, u64_bytes(entries.back().place.index / kTileLeaves), tile_);
  Bytes folded = encode_place(next);
  for (const Digest& peak : log_.peaks()) folded += peak.view();
  batch.put(kState, kFoldedKey, folded);
  auto kept = store_->write(batch, storage::Durability::buffered);
  if (!kept) {
    failed_ = kept.error();
    return kept;
  }
  folded_ = next;
  newest_written_ = written;
  return {};
}

namespace {

Result<AuditStore::Row> row_at(const storage::Iterator& rows) {
  const auto place = decode_place(rows.value());
  if (!place) return damaged("entry row");
  return AuditStore::Row{Bytes(rows.key()), *place};
}

// Keys ascend with time and indexes with them: halves the time until it knows where rows may begin that have the index or a larger one.
Result<void> seek_index(storage::Iterator& rows, const Subject& subject, std::uint64_t index) {
  std::int64_t low = 0, high = INT64_MAX;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    rows.seek(audit_key(subject, {middle}, 0));
    CARELEDGER_CHECK(rows.status());
    if (!rows.valid()) {
      high = middle;
      continue;
    }
    CARELEDGER_TRY(const AuditStore::Row row, row_at(rows));
    if (row.place.index >= index) high = middle;
    else low = middle + 1;
  }
  rows.seek(audit_key(subject, {std::max<std::int64_t>(low - 1, 0)}, 0));  // entries of one millisecond may lie on both sides
  return rows.status();
}

}  // namespace

Result<std::vector<AuditStore::Row>> AuditStore::rows_of(const Subject& subject, std::uint64_t limit, ByteView from) const {
  const auto rows = store_->iterate(kRows, storage::Range::prefix(subject.view()));
  if (from.empty()) rows->seek_first();
  else rows->seek(from);
  std::vector<Row> found;
  for (; rows->valid() && found.size() < limit; rows->next()) {
    CARELEDGER_TRY(Row row, row_at(*rows));
    found.push_back(std::move(row));
  }
  CARELEDGER_CHECK(rows->status());
  return found;
}

Result<std::vector<AuditStore::Row>> AuditStore::rows_from(const Subject& subject, std::uint64_t index, std::uint64_t limit) const {
  if (index == 0) return rows_of(subject, limit);
  const auto rows = store_->iterate(kRows, storage::Range::prefix(subject.view()));
  CARELEDGER_CHECK(seek_index(*rows, subject, index));
  std::vector<Row> found;
  for (; rows->valid() && found.size() < limit; rows->next()) {
    CARELEDGER_TRY(Row row, row_at(*rows));
    if (row.place.index >= index) found.push_back(std::move(row));
  }
  CARELEDGER_CHECK(rows->status());
  return found;
}

Result<std::vector<AuditStore::Row>> AuditStore::rows_before(const Subject& subject, ByteView key, std::uint64_t limit) const {
  const auto rows = store_->iterate(kRows, storage::Range::prefix(subject.view()));
  if (key.empty()) rows->seek_last();
  else rows->seek_backward(key);
  if (!key.empty() && rows->valid() && rows->key() == key) rows->prev();
  std::vector<Row> found;
  for (; rows->valid() && found.size() < limit; rows->prev()) {
    CARELEDGER_TRY(Row row, row_at(*rows));
    found.push_back(std::move(row));
  }
  CARELEDGER_CHECK(rows->status());
  std::ranges::reverse(found);
  return found;
}

Result<std::vector<AuditStore::Row>> AuditStore::rows_sharing(ByteView key, std::uint32_t bits) const {
  Bytes first(key);
  for (std::size_t at = 0; at < first.size(); ++at) {
    const std::uint32_t kept = bits > at * 8 ? std::min(bits - static_cast<std::uint32_t>(at) * 8, 8u) : 0;
    first[at] = static_cast<char>(static_cast<unsigned char>(first[at]) & (0xff00u >> kept));
  }
  const auto rows = store_->iterate(kRows, storage::Range::prefix(key.substr(0, Subject::size)));
  std::vector<Row> found;
  for (rows->seek(first); rows->valid(); rows->next()) {
    if (rows->key() != key && proof::split_bit(rows->key(), key) < bits) break;
    CARELEDGER_TRY(Row row, row_at(*rows));
    found.push_back(std::move(row));
  }
  CARELEDGER_CHECK(rows->status());
  return found;
}

Result<std::optional<TreeNode>> AuditStore::tree_node(const Digest& hash) const {
  CARELEDGER_TRY(const auto stored, store_->get(kTree, hash.view()));
  if (!stored) return std::optional<TreeNode>();
  const auto node = decode_node(*stored);
  if (!node) return damaged("tree node");
  return node;
}

Result<FilePlace> AuditStore::place_before(std::uint64_t index) const {
  const auto rows = store_->iterate(kPlaces, storage::Range::all());
  rows->seek_backward(u64_bytes(index));
  if (!rows->valid()) {
    CARELEDGER_CHECK(rows->status());
    return FilePlace{0, kAuditHeaderBytes};
  }
  ByteView key = rows->key();
  ByteView value = rows->value();
  const auto known = take_u64(key);
  const auto offset = take_u64(value);
  if (!known || !offset) return damaged("place");
  return FilePlace{*known, *offset};
}

Result<Digest> AuditStore::node(proof::LogNodeId id) const {
  if (id.level >= kTileLevel) {
    CARELEDGER_TRY(const auto hash, store_->get(kNodes, node_key(id)));
    if (!hash || hash->size() != 32) return damaged("log node");
    return *Digest::from(*hash);
  }
  const std::uint64_t first = id.index << id.level;
  const std::uint64_t count = std::uint64_t{1} << id.level;
  CARELEDGER_TRY(const auto tile, store_->get(kTiles, u64_bytes(first / kTileLeaves)));
  const std::uint64_t at = first % kTileLeaves;
  if (!tile || tile->size() < (at + count) * 32) return damaged("log tile");
  proof::CompactRange range;
  for (std::uint64_t i = at; i < at + count; ++i) range.append(*Digest::from(ByteView(*tile).substr(i * 32, 32)));
  return range.root();
}

Result<void> AuditStore::put_head(const AuditHead& head) {
  storage::Batch batch;
  batch.put(kState, kHeadKey, encode_head(head));
  return store_->write(batch, storage::Durability::buffered);
}

}  // namespace careledger::vault
