#include "ordering/abci/snapshot_keeper.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::size_t kKept = 2;
constexpr std::size_t kHeaderBytesMax = 3'900'000;  // what the engine carries about a snapshot is below 4 MB
// Its app hash stands in the header after it, its fetcher's state takes one more, and others may be a block or two behind.
constexpr std::uint64_t kBlocksAbove = 4;

}  // namespace

SnapshotKeeper::SnapshotKeeper(Config config) : config_(std::move(config)) {
  if (config_.every > 0) maker_ = std::thread([this] { make_loop(); });
}

SnapshotKeeper::~SnapshotKeeper() { stop(); }

void SnapshotKeeper::committed(const replica::View& view) {
  if (config_.every == 0 || view.height().value % config_.every != 0) return;
  const std::lock_guard lock(mutex_);
  if (stopping_.stop_requested()) return;
  wanted_ = view;
  changed_.notify_all();
}

void SnapshotKeeper::make_loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_.stop_requested() || wanted_; });
    if (stopping_.stop_requested()) return;
    const replica::View view = *std::exchange(wanted_, std::nullopt);
    making_ = true;
    lock.unlock();
    make(view);
    lock.lock();
    making_ = false;
    changed_.notify_all();
  }
}

void SnapshotKeeper::make(const replica::View& view) {
  auto reader = replica::SnapshotReader::make(view, config_.chunk_bytes, stopping_.get_token());
  if (reader && reader->header().size() > kHeaderBytesMax) reader = fail(ErrorKind::too_large, "snapshot: it has too many pieces");
  if (!reader) {
    if (reader.error().kind != ErrorKind::cancelled && config_.on_fault) config_.on_fault(reader.error());
    return;
  }
  const auto made = std::make_shared<const KeptSnapshot>(KeptSnapshot{view.height(), std::move(*reader)});
  const std::lock_guard lock(mutex_);
  kept_.insert(kept_.begin(), made);
  if (kept_.size() > kKept) kept_.pop_back();
}

std::vector<std::shared_ptr<const KeptSnapshot>> SnapshotKeeper::offered(Height newest) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const KeptSnapshot>> out;
  for (const auto& one : kept_)
    if (one->height.value + kBlocksAbove <= newest.value) out.push_back(one);
  return out;
}

std::optional<Height> SnapshotKeeper::oldest() const {
  const std::lock_guard lock(mutex_);
  return kept_.empty() ? std::nullopt : std::optional(kept_.back()->height);
}

Result<Bytes> SnapshotKeeper::chunk(Height height, std::size_t index) const {
  std::shared_ptr<const KeptSnapshot> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& one : kept_)
      if (one->height == height) found = one;
  }
  if (!found) return fail(ErrorKind::not_found, "no snapshot of height " + std::to_string(height.value) + " is kept");
  CARELEDGER_TRY(Bytes chunk, found->reader.chunk(index));
  if (chunk.size() > replica::kSnapshotChunkBytesMax) return fail(ErrorKind::too_large, "snapshot: a piece is too large to be sent");
  return chunk;
}

void SnapshotKeeper::wait_until_made() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_.stop_requested() || (!wanted_ && !making_); });
}

void SnapshotKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_.request_stop();
    changed_.notify_all();
  }
  if (maker_.joinable()) maker_.join();
  const std::lock_guard lock(mutex_);
  wanted_.reset();
  kept_.clear();
}

}  // namespace careledger::ordering::abci
