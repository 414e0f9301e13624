#include "replica/snapshot.h"

namespace careledger::replica {
namespace {

constexpr std::size_t kHeaderBytesMax = 16u << 20;
constexpr std::size_t kChunksMax = 100'000;  // what CometBFT v0.38 takes

tl::unexpected<Error> refused(const char* what) { return fail(ErrorKind::invalid, std::string("snapshot: ") + what); }

Result<proof::CompactRange> log_of(const SnapshotHeader& header) {
  std::vector<Digest> peaks;
  for (const auto& bytes : header.log_peaks()) {
    const auto peak = Digest::from(bytes);
    if (!peak) return refused("a hash has the wrong size");
    peaks.push_back(*peak);
  }
  const std::uint64_t size = header.tip().log_size();
  CARELEDGER_TRY(proof::CompactRange log, proof::CompactRange::from(size - size % kTileLeaves, std::move(peaks)));
  for (const auto& bytes : header.log_tail()) {
    const auto leaf = Digest::from(bytes);
    if (!leaf || log.size() == size) return refused("the end of the log does not fit");
    log.append(*leaf);
  }
  if (log.size() != size) return refused("the end of the log is missing");
  return log;
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
  CARELEDGER_TRY(const proof::CompactRange log, log_of(header));
  if (log.root() != *log_root) return refused("the log's hashes do not give its root");
  if (header.chunk_starts_size() == 0 || static_cast<std::size_t>(header.chunk_starts_size()) > kChunksMax ||
      !header.chunk_starts(0).empty())
    return refused("the list of pieces is not sound");
  for (int i = 1; i < header.chunk_starts_size(); ++i)
    if (header.chunk_starts(i) <= header.chunk_starts(i - 1)) return refused("the pieces are out of order");
  return header;
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

Result<SnapshotReader> SnapshotReader::make(View view, std::size_t chunk_bytes, const std::stop_token& stop) {
  SnapshotReader out(std::move(view));
  const View::Committed& at = *out.view_.committed_;
  SnapshotHeader header;
  header.set_format(kSnapshotFormat);
  Tip& tip = *header.mutable_tip();
  tip.set_ledger(at.ledger.bytes());
  tip.set_height(at.height.value);
  tip.set_time_ms(at.time.value);
  tip.set_log_size(at.log.size());
  tip.set_log_root(at.log.root().bytes());
  tip.set_state_root(at.tree.root().bytes());
  tip.set_first_height(at.height.value + 1);
  const LogAt log(*at.log_store, at.reader());
  const std::uint64_t whole = at.log.size() - at.log.size() % kTileLeaves;
  CARELEDGER_TRY(const proof::CompactRange tiles, proof::range_at(log, whole));
  for (const Digest& peak : tiles.peaks()) header.add_log_peaks(peak.bytes());
  for (std::uint64_t index = whole; index < at.log.size(); ++index) {
    CARELEDGER_TRY(const Digest leaf, log.node({0, index}));
    header.add_log_tail(leaf.bytes());
  }
  std::size_t bytes = 0;
  out.starts_.emplace_back();
  const auto rows = at.reader().iterate(columns::kState, storage::Range::all());
  for (rows->seek_first(); rows->valid(); rows->next()) {
    if (stop.stop_requested()) return fail(ErrorKind::cancelled, "snapshot: no longer wanted");
    if (bytes >= chunk_bytes) {
      out.starts_.emplace_back(rows->key());
      bytes = 0;
    }
    bytes += rows->key().size() + rows->value().size();
  }
  CARELEDGER_CHECK(rows->status());
  for (const Bytes& start : out.starts_) header.add_chunk_starts(start);
  out.header_ = header.SerializeAsString();
  return out;
}

Result<Bytes> SnapshotReader::chunk(std::size_t index) const {
  if (index >= starts_.size()) return fail(ErrorKind::not_found, "snapshot: no such piece");
  const storage::Range range{starts_[index], index + 1 < starts_.size() ? starts_[index + 1] : Bytes()};
  CARELEDGER_TRY(const auto proven, view_.committed_->tree.prove_range(view_.committed_->source(), range, SIZE_MAX, SIZE_MAX));
  return proof::encode(proven.cut);
}

Result<SnapshotLoader> SnapshotLoader::begin(std::shared_ptr<storage::Store> store, ByteView header, const TrustedPoint& trusted) {
  CARELEDGER_TRY(SnapshotHeader decoded, decode_header(header, trusted));
  CARELEDGER_TRY(const auto tip, store->get(columns::kMeta, kTipKey));
  if (tip) return fail(ErrorKind::precondition, "snapshot: there is a ledger already");
  CARELEDGER_CHECK(clear(*store, columns::kState));
  storage::Batch batch;
  batch.put(columns::kMeta, kLoadingKey, {});
  CARELEDGER_CHECK(store->write(batch, storage::Durability::synced));
  return SnapshotLoader(std::move(store), std::move(decoded));
}

Result<void> SnapshotLoader::add(ByteView chunk) {
  if (next_ >= chunks()) return refused("there are more pieces than the header names");
  CARELEDGER_TRY(const proof::MapCut cut, proof::decode_cut(chunk, kSnapshotChunkBytesMax));
  CARELEDGER_TRY(const proof::MapView known, proof::MapView::verify(cut, *Digest::from(header_.tip().state_root())));
  const int index = static_cast<int>(next_);
  const Bytes until = next_ + 1 < chunks() ? header_.chunk_starts(index + 1) : Bytes();
  CARELEDGER_TRY(const auto rows, known.range(header_.chunk_starts(index), until));
  storage::Batch batch;
  for (const proof::MapLeaf& row : rows) {
    if (!row.value) return refused("a row lacks its value");
    batch.put(columns::kState, row.key, *row.value);
  }
  CARELEDGER_CHECK(store_->write(batch, storage::Durability::buffered));
  ++next_;
  return {};
}

Result<void> SnapshotLoader::finish() {
  if (next_ < chunks()) return fail(ErrorKind::precondition, "snapshot: pieces are missing");
  storage::Batch batch;
  CARELEDGER_TRY(const proof::CompactRange log, log_of(header_));
  CARELEDGER_CHECK(keep_log_end(log, header_.tip().height(), {header_.log_tail().begin(), header_.log_tail().end()}, batch));
  batch.erase(columns::kMeta, kLoadingKey);
  batch.put(columns::kMeta, kTipKey, header_.tip().SerializeAsString());
  return store_->write(batch, storage::Durability::synced);
}

}  // namespace careledger::replica
