#include "ordering/abci/snapshot_keeper.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "base/assert.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::size_t kKept = 2;
constexpr std::size_t kHeaderBytesMax = 3'900'000;  // what the engine carries about a snapshot is below 4 MB
// Its app hash stands in the header after it, its fetcher's state takes one more, and others may be a block or two behind.
constexpr std::uint64_t kBlocksAbove = 4;

// All members walk their rows at the same height, for seconds: what makes blocks and answers goes first. Where that is not allowed, nothing
// is lost but time.
void step_back() {
  constexpr int kNice = 19;
  static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice));
}

}  // namespace

SnapshotKeeper::SnapshotKeeper(Config config, const LedgerId& ledger, Height reached)
    : config_(std::move(config)), files_(*config_.files, config_.folder, config_.leave_free) {
  if (config_.folder.empty()) {
    CARELEDGER_ASSERT(config_.every == 0);
    return;
  }
  if (config_.every == 0) {
    if (const auto cleared = files_.clear(); !cleared) tell(cleared.error());
    return;
  }
  const auto there = files_.heights();
  if (!there) tell(there.error());
  else if (!there->empty()) unread_ = there->front();
  maker_ = std::thread([this, ledger, reached] { make_loop(ledger, reached); });
}

SnapshotKeeper::~SnapshotKeeper() { stop(); }

void SnapshotKeeper::tell(const Error& error) const {
  if (error.kind != ErrorKind::cancelled && config_.on_fault) config_.on_fault(error);
}

void SnapshotKeeper::committed(const replica::View& view) {
  if (config_.every == 0 || view.height().value % config_.every != 0) return;
  const std::lock_guard lock(mutex_);
  if (stopping_.stop_requested()) return;
  wanted_ = view;
  changed_.notify_all();
}

void SnapshotKeeper::make_loop(const LedgerId& ledger, Height reached) {
  step_back();
  take_up(ledger, reached);
  std::unique_lock lock(mutex_);
  for (;;) {
    making_ = false;
    changed_.notify_all();
    changed_.wait(lock, [this] { return stopping_.stop_requested() || wanted_; });
    if (stopping_.stop_requested()) return;
    const replica::View view = *std::exchange(wanted_, std::nullopt);
    making_ = true;
    lock.unlock();
    make(view);
    lock.lock();
  }
}

void SnapshotKeeper::take_up(const LedgerId& ledger, Height reached) {
  auto found = files_.take_up(ledger, reached, kKept, stopping_.get_token(), [this](const Error& error) { tell(error); });
  if (!found) tell(found.error());
  const std::lock_guard lock(mutex_);
  unread_.reset();
  if (!found) return;
  for (StoredSnapshot& one : *found) kept_.push_back(std::make_shared<const StoredSnapshot>(std::move(one)));
}

void SnapshotKeeper::make(const replica::View& view) {
  if (has(view.height())) return;  // made before the block was taken back, or before the engine asked for it again
  auto made = write(view);
  if (made) return keep(std::move(*made));
  if (const auto removed = files_.remove(view.height()); !removed) tell(removed.error());
  tell(made.error());
}

Result<SnapshotKeeper::Kept> SnapshotKeeper::write(const replica::View& view) {
  CARELEDGER_TRY(const auto reader, replica::SnapshotReader::make(view, config_.chunk_bytes, stopping_.get_token()));
  if (reader.header().size() > kHeaderBytesMax) return fail(ErrorKind::too_large, "snapshot: it has too many pieces");
  CARELEDGER_TRY(StoredSnapshot written, files_.write(view.height(), reader, stopping_.get_token()));
  return std::make_shared<const StoredSnapshot>(std::move(written));
}

void SnapshotKeeper::keep(Kept made) {
  Kept old;
  {
    const std::lock_guard lock(mutex_);
    kept_.insert(kept_.begin(), std::move(made));
    std::ranges::sort(kept_, std::greater(), [](const Kept& one) { return one->height; });
    if (kept_.size() <= kKept) return;
    old = std::move(kept_.back());
    kept_.pop_back();
  }
  if (const auto removed = files_.remove(old->height); !removed) tell(removed.error());
}

bool SnapshotKeeper::has(Height height) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(kept_, [height](const Kept& one) { return one->height == height; });
}

std::vector<std::shared_ptr<const StoredSnapshot>> SnapshotKeeper::offered(Height newest) const {
  const std::lock_guard lock(mutex_);
  std::vector<Kept> out;
  for (const Kept& one : kept_)
    if (one->height.value + kBlocksAbove <= newest.value) out.push_back(one);
  return out;
}

std::optional<Height> SnapshotKeeper::oldest() const {
  const std::lock_guard lock(mutex_);
  return kept_.empty() ? unread_ : std::optional(kept_.back()->height);
}

Result<Bytes> SnapshotKeeper::chunk(const replica::View& view, Height height, std::size_t index) {
  Kept found;
  {
    const std::lock_guard lock(mutex_);
    for (const Kept& one : kept_)
      if (one->height == height) found = one;
  }
  if (!found || index >= found->chunks())
    return fail(ErrorKind::not_found, "no such piece of a snapshot of height " + std::to_string(height.value) + " is kept");
  if (index >= found->pieces.size()) {
    const std::size_t of_log = index - found->pieces.size();
    return replica::SnapshotReader::log_chunk(view, of_log == 0 ? 0 : found->log_ends[of_log - 1], found->log_ends[of_log]);
  }
  auto chunk = files_.piece(*found, index);
  if (chunk) return chunk;
  tell(chunk.error());
  const std::lock_guard lock(mutex_);
  std::erase(kept_, found);
  return chunk;
}

void SnapshotKeeper::wait_until_made() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_.stop_requested() || !maker_.joinable() || (!wanted_ && !making_); });
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
