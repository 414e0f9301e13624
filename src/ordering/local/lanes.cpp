#include "ordering/local/lanes.h"

#include <algorithm>
#include <iterator>

#include "kernel/timing.h"

namespace careledger::ordering::local {
namespace {

void move_all(std::vector<Pending>& from, std::vector<Pending>& to) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

BlockTime Lanes::due(Lane lane, BlockTime now) const { return lane == Lane::mixed ? kernel::epoch_end(now, epoch_ms_) : now; }

void Lanes::put(Pending pending, BlockTime now) {
  if (pending.lane != Lane::mixed) {
    urgent_bytes_ += pending.bytes.size();
    urgent_.push_back(std::move(pending));
    return;
  }
  mixed_[due(Lane::mixed, now).value].push_back(std::move(pending));
}

// A clock that was set back must not hold a command for longer than an epoch.
bool Lanes::mixed_due(BlockTime now) const {
  return !mixed_.empty() && (mixed_.begin()->first <= now.value || mixed_.begin()->first > now.value + epoch_ms_);
}

std::optional<std::uint64_t> Lanes::oldest_urgent_ns() const {
  if (urgent_.empty()) return std::nullopt;
  return urgent_.front().arrived_ns;
}

std::optional<BlockTime> Lanes::next_due() const {
  if (mixed_.empty()) return std::nullopt;
  return BlockTime{mixed_.begin()->first};
}

// By digest; then every actor's commands change places among themselves.
void Lanes::sort(std::vector<Pending>& epoch) {
  std::sort(epoch.begin(), epoch.end(), [](const Pending& a, const Pending& b) { return a.digest < b.digest; });
  std::map<AccountId, std::vector<std::size_t>> places;
  for (std::size_t i = 0; i < epoch.size(); ++i) places[epoch[i].actor].push_back(i);
  for (const auto& [actor, mine] : places) {
    std::vector<Pending> ordered;
    for (const std::size_t place : mine) ordered.push_back(std::move(epoch[place]));
    std::ranges::sort(ordered, std::less{}, [](const Pending& one) { return std::pair(one.sequence, one.digest); });
    for (std::size_t i = 0; i < mine.size(); ++i) epoch[mine[i]] = std::move(ordered[i]);
  }
}

std::vector<Pending> Lanes::take(BlockTime now, std::size_t bytes_max) {
  std::vector<Pending> taken;
  std::size_t bytes = 0;
  const auto fits = [&](const Pending& next) {
    if (taken.size() >= take_max_ || (!taken.empty() && next.bytes.size() > bytes_max - bytes)) return false;
    bytes += std::min(next.bytes.size(), bytes_max - bytes);
    return true;
  };
  for (; !urgent_.empty() && fits(urgent_.front()); urgent_.pop_front()) {
    urgent_bytes_ -= urgent_.front().bytes.size();
    taken.push_back(std::move(urgent_.front()));
  }
  while (urgent_.empty() && mixed_due(now)) {
    std::vector<Pending>& epoch = mixed_.begin()->second;
    sort(epoch);
    std::size_t count = 0;
    for (; count < epoch.size() && fits(epoch[count]); ++count) taken.push_back(std::move(epoch[count]));
    epoch.erase(epoch.begin(), epoch.begin() + static_cast<std::ptrdiff_t>(count));
    if (!epoch.empty()) break;
    mixed_.erase(mixed_.begin());
  }
  return taken;
}

std::vector<Pending> Lanes::take_all() {
  std::vector<Pending> left(std::make_move_iterator(urgent_.begin()), std::make_move_iterator(urgent_.end()));
  urgent_.clear();
  urgent_bytes_ = 0;
  for (auto& [due, epoch] : mixed_) move_all(epoch, left);
  mixed_.clear();
  return left;
}

}  // namespace careledger::ordering::local
