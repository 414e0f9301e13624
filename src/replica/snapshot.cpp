#include "replica/snapshot.h"

namespace careledger::replica {
namespace {

constexpr std::size_t kHeaderBytesMax = 16u << 20;
constexpr std::size_t kChunksMax = 100'000;  // what an engine takes

constexpr std::size_t kLoggedBlockBytes = 8 + 4;   // of a block in a piece of the log, besides its entries
constexpr std::uint64_t kHeightsMax = 1ull << 40;  // as an index key holds them
constexpr std::uint32_t kPositionsMax = 1u << 24;

tl::unexpected<Error> not_wanted() { return fail(ErrorKind::cancelled, "snapshot: no longer wanted"); }
tl::unexpected<Error> refused(const char* what) { return fail(ErrorKind::invalid, std::string("snapshot: ") + what); }

Result<proof::CompactRange> log_after(const LogPiece& piece) {
  std::vector<Digest> peaks;
  for (const auto& bytes : piece.peaks()) {
    const auto peak = Digest::from(bytes);
    if (!peak) return refused("a hash has the wrong size");
    peaks.push_back(*peak);
  }
  auto log = proof::CompactRange::from(piece.until(), std::move(peaks));
  if (!log) return refused("the number of the log's hashes does not fit its size");
  return log;
}

// That the log was at each piece's end what the header says it was.
Result<void> check_log(const SnapshotHeader& header, const Digest& root) {
  const std::uint64_t size = header.tip().log_size();
  std::uint64_t before = 0;
  for (const LogPiece& piece : header.log_pieces()) {
    if (piece.until() <= before || piece.until() > size) return refused("the pieces of the log are out of order");
    before = piece.until();
    CARELEDGER_TRY(const proof::CompactRange log, log_after(piece));
    std::vector<Digest> path;
    for (const auto& bytes : piece.path()) {
      const auto hash = Digest::from(bytes);
      if (!hash) return refused("a hash has the wrong size");
      path.push_back(*hash);
    }
    if (!proof::verify_consistency(piece.until(), log.root(), size, root, path)) return refused("the log's hashes do not lead to its root");
  }
  if (before != size || (size == 0 && root != proof::log_empty_root())) return refused("the end of the log is missing");
  return {};
}

Result<SnapshotHeader> decode_header(ByteView bytes, const TrustedPoint& trusted) {
  SnapshotHeader header;
  if (!proof::parse_canonical(bytes, header, "snapshot", kHeaderBytesMax)) return refused("the header does not parse");
  if (header.format() != kSnapshotFormat)
    return fail(ErrorKind::newer_format, "snapshot: format " + std::to_string(header.format()) + " is not known here");
  const auto log_root = Digest::from(header.tip().log_root());
  const auto state_root = Digest::from(header.tip().state_root());
  if (!log_root || !state_root || header.tip().ledger().size() != LedgerId::size) return refused("a hash has the wrong size");
  if (proof::app_hash({*log_root, header.tip().log_size(), *state_root}) != trusted.app_hash)
    return refused("the header is not of the trusted app hash");
  const Tip& tip = header.tip();  // the app hash does not cover these
  if (tip.ledger() != trusted.ledger.view() || tip.height() != trusted.height.value || tip.time_ms() != trusted.time.value ||
      tip.first_height() != tip.height() + 1)
    return refused("the header is of another ledger, height or time than the trusted block");
  CARELEDGER_CHECK(check_log(header, *log_root));
  if (header.chunk_starts_size() == 0 ||
      static_cast<std::size_t>(header.chunk_starts_size()) + static_cast<std::size_t>(header.log_pieces_size()) > kChunksMax ||
      !header.chunk_starts(0).empty())
    return refused("the list of pieces is not sound");
  for (int i = 1; i < header.chunk_starts_size(); ++i)
    if (header.chunk_starts(i) <= header.chunk_starts(i - 1)) return refused("the pieces are out of order");
  return header;
}

struct BlockOfLog {
  Height height;
  std::vector<LogEntry> entries;
};

Result<BlockOfLog> take_block(ByteView& rest) {
  const auto height = take_u64(rest);
  const auto count = height ? take_u32(rest) : std::nullopt;
  const auto row = count && *count > 0 ? take_bytes(rest, *count * kLogEntryBytes) : std::nullopt;
  if (!row || *height >= kHeightsMax) return refused("a piece of the log does not parse");
  BlockOfLog block{{*height}, entries_in(*row)};
  for (std::size_t i = 0; i < block.entries.size(); ++i)
    if (block.entries[i].position >= kPositionsMax || (i > 0 && block.entries[i].position <= block.entries[i - 1].position))
      return refused("the entries of a block of the log are out of order");
  return block;
}

Result<void> clear(storage::Store& store, storage::Column column) {
  storage::Batch batch;
  const auto at = store.iterate(column, storage::Range::all());
  for (at->seek_first(); at->valid(); at->next()) {
    batch.erase(column, at->key());
    if (batch.count() < 10'000) continue;
    CARELEDGER_CHECK(store.write(batch, storage::Durability::buffered));
    batch.clear();
  }
  CARELEDGER_CHECK(at->status());
  return store.write(batch, storage::Durability::synced);
}

}  // namespace

std::optional<SnapshotName> snapshot_name(ByteView bytes) {
  SnapshotHeader header;
  if (!proof::parse_canonical(bytes, header, "snapshot", kHeaderBytesMax)) return std::nullopt;
  const auto ledger = LedgerId::from(header.tip().ledger());
  if (!ledger || header.format() != kSnapshotFormat) return std::nullopt;
  SnapshotName name{*ledger, {header.tip().height()}, static_cast<std::size_t>(header.chunk_starts_size())};
  for (const LogPiece& piece : header.log_pieces()) name.log_ends.push_back(piece.until());
  return name;
}

void SnapshotReader::fill_tip(const View& view, Tip& tip) {
  tip.set_ledger(view.ledger().bytes());
  tip.set_height(view.height().value);
  tip.set_time_ms(view.time().value);
  tip.set_log_size(view.log_size());
  tip.set_log_root(view.log_root().bytes());
  tip.set_state_root(view.state_root().bytes());
  tip.set_first_height(view.height().value + 1);
}

Result<SnapshotReader> SnapshotReader::make(View view, std::size_t chunk_bytes, const std::stop_token& stop) {
  SnapshotReader out(std::move(view));
  CARELEDGER_CHECK(out.find_starts(chunk_bytes, stop));
  CARELEDGER_CHECK(out.find_log_ends(chunk_bytes, stop));
  SnapshotHeader header;
  header.set_format(kSnapshotFormat);
  fill_tip(out.view_, *header.mutable_tip());
  for (const Bytes& start : out.starts_) header.add_chunk_starts(start);
  for (const std::uint64_t until : out.log_ends_) CARELEDGER_CHECK(out.add_log_piece(until, header));
  out.header_ = header.SerializeAsString();
  return out;
}

Result<void> SnapshotReader::find_starts(std::size_t chunk_bytes, const std::stop_token& stop) {
  std::size_t bytes = 0;
  starts_.emplace_back();
  const auto rows = view_.committed_->reader().iterate(columns::kState, storage::Range::all());
  for (rows->seek_first(); rows->valid(); rows->next()) {
    if (stop.stop_requested()) return not_wanted();
    if (bytes >= chunk_bytes) {
      starts_.emplace_back(rows->key());
      bytes = 0;
    }
    bytes += rows->key().size() + rows->value().size();
  }
  return rows->status();
}

Result<void> SnapshotReader::find_log_ends(std::size_t chunk_bytes, const std::stop_token& stop) {
  std::size_t bytes = 0;
  const std::uint64_t size = view_.log_size();
  const auto add = [&](const LoggedBlock& block) -> Result<void> {
    if (stop.stop_requested()) return not_wanted();
    const std::uint64_t end = block.first + block.count;
    bytes += kLoggedBlockBytes + static_cast<std::size_t>(block.count) * kLogEntryBytes;
    if (bytes < chunk_bytes && end < size) return {};
    log_ends_.push_back(end);
    bytes = 0;
    return {};
  };
  return view_.committed_->log_store->each_block(view_.committed_->reader(), 0, size, add);
}

Result<void> SnapshotReader::add_log_piece(std::uint64_t until, SnapshotHeader& header) const {
  const LogAt log(*view_.committed_->log_store, view_.committed_->reader());
  LogPiece& piece = *header.add_log_pieces();
  piece.set_until(until);
  CARELEDGER_TRY(const proof::CompactRange there, proof::range_at(log, until));
  for (const Digest& peak : there.peaks()) piece.add_peaks(peak.bytes());
  CARELEDGER_TRY(const proof::Path path, proof::prove_consistency(log, until, view_.log_size()));
  for (const Digest& hash : path) piece.add_path(hash.bytes());
  return {};
}

Result<Bytes> SnapshotReader::chunk(std::size_t index) const {
  if (index >= chunks()) return fail(ErrorKind::not_found, "snapshot: no such piece");
  if (index >= starts_.size()) {
    const std::size_t of_log = index - starts_.size();
    return log_chunk(view_, of_log == 0 ? 0 : log_ends_[of_log - 1], log_ends_[of_log]);
  }
  const storage::Range range{starts_[index], index + 1 < starts_.size() ? starts_[index + 1] : Bytes()};
  CARELEDGER_TRY(const auto proven, view_.committed_->tree.prove_range(view_.committed_->source(), range, SIZE_MAX, SIZE_MAX));
  return proof::encode(proven.cut);
}

Result<Bytes> SnapshotReader::log_chunk(const View& view, std::uint64_t from, std::uint64_t until) {
  const View::Committed& at = *view.committed_;
  Bytes out;
  const auto add = [&](const LoggedBlock& block) -> Result<void> {
    CARELEDGER_TRY(const std::vector<LogEntry> entries, at.log_store->entries(at.reader(), block));
    append_u64(out, block.height.value);
    append_u32(out, static_cast<std::uint32_t>(entries.size()));
    for (const LogEntry& entry : entries) append_entry(out, entry);
    return {};
  };
  CARELEDGER_CHECK(at.log_store->each_block(at.reader(), from, until, add));
  return out;
}

Result<SnapshotLoader> SnapshotLoader::begin(std::shared_ptr<storage::Store> store, ByteView header, const TrustedPoint& trusted) {
  CARELEDGER_TRY(SnapshotHeader decoded, decode_header(header, trusted));
  CARELEDGER_TRY(const auto tip, store->get(columns::kMeta, kTipKey));
  if (tip) return fail(ErrorKind::precondition, "snapshot: there is a ledger already");
  for (const storage::Column column : {columns::kState, columns::kIndex, columns::kLog}) CARELEDGER_CHECK(clear(*store, column));
  storage::Batch batch;
  batch.put(columns::kMeta, kLoadingKey, {});
  CARELEDGER_CHECK(store->write(batch, storage::Durability::synced));
  return SnapshotLoader(std::move(store), std::move(decoded));
}

Result<void> SnapshotLoader::add(ByteView chunk) {
  if (next_ >= chunks()) return refused("there are more pieces than the header names");
  storage::Batch batch;
  if (next_ < state_chunks()) {
    CARELEDGER_CHECK(add_state(chunk, batch));
    CARELEDGER_CHECK(store_->write(batch, storage::Durability::buffered));
  } else {
    CARELEDGER_CHECK(add_log(chunk, batch));
  }
  ++next_;
  return {};
}

Result<void> SnapshotLoader::add_state(ByteView chunk, storage::Batch& batch) const {
  CARELEDGER_TRY(const proof::MapCut cut, proof::decode_cut(chunk, kSnapshotChunkBytesMax));
  CARELEDGER_TRY(const proof::MapView known, proof::MapView::verify(cut, *Digest::from(header_.tip().state_root())));
  const int index = static_cast<int>(next_);
  const Bytes until = next_ + 1 < state_chunks() ? header_.chunk_starts(index + 1) : Bytes();
  CARELEDGER_TRY(const auto rows, known.range(header_.chunk_starts(index), until));
  for (const proof::MapLeaf& row : rows) {
    if (!row.value) return refused("a row lacks its value");
    batch.put(columns::kState, row.key, *row.value);
  }
  return {};
}

// Every byte of a piece goes into the log's hashes, so one piece alone is right.
Result<void> SnapshotLoader::add_log(ByteView chunk, storage::Batch& batch) {
  if (chunk.size() > kSnapshotChunkBytesMax) return refused("a piece is too large");
  CARELEDGER_TRY(const proof::CompactRange wanted, log_after(header_.log_pieces(static_cast<int>(next_ - state_chunks()))));
  proof::CompactRange log = log_;
  Height height = logged_;
  std::vector<Bytes> keys;
  while (!chunk.empty()) {
    CARELEDGER_TRY(const BlockOfLog block, take_block(chunk));
    if (block.height <= height || block.height.value > header_.tip().height()) return refused("the blocks of the log are out of order");
    height = block.height;
    append_to_log(log, height, block.entries, batch, keys);
    for (const LogEntry& entry : block.entries) batch.put(columns::kIndex, index_key(entry.command, {height, entry.position}), {});
  }
  if (log.size() != wanted.size() || log.root() != wanted.root()) return refused("a piece of the log does not give its hashes");
  CARELEDGER_CHECK(store_->write(batch, storage::Durability::buffered));
  log_ = std::move(log);
  logged_ = height;
  return {};
}

Result<void> SnapshotLoader::finish() {
  if (next_ < chunks()) return fail(ErrorKind::precondition, "snapshot: pieces are missing");
  storage::Batch batch;
  batch.erase(columns::kMeta, kLoadingKey);
  batch.put(columns::kMeta, kTipKey, header_.tip().SerializeAsString());
  return store_->write(batch, storage::Durability::synced);
}

}  // namespace careledger::replica
