#include "ordering/local/lanes.h"

#include <algorithm>
#include <iterator>

#include "kernel/timing.h"

namespace careledger::ordering::local {
namespace {

void move_some(std::vector<Pending>& from, std::size_t count, std::vector<Pending>& to) {
  const auto end = from.begin() + static_cast<std::ptrdiff_t>(std::min(count, from.size()));
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(end));
  from.erase(from.begin(), end);
}

}  // namespace

BlockTime Lanes::due(Lane lane, BlockTime now) const { return lane == Lane::urgent ? now : kernel::epoch_end(now, epoch_ms_); }

void Lanes::put(Pending pending, BlockTime now) {
  if (pending.lane == Lane::urgent) urgent_.push_back(std::move(pending));
  else mixed_[due(Lane::mixed, now).value].push_back(std::move(pending));
}

// A clock that was set back must not hold a command for longer than an epoch.
bool Lanes::mixed_due(BlockTime now) const {
  return !mixed_.empty() && (mixed_.begin()->first <= now.value || mixed_.begin()->first > now.value + epoch_ms_);
}

std::optional<BlockTime> Lanes::next_due() const {
  if (mixed_.empty()) return std::nullopt;
  return BlockTime{mixed_.begin()->first};
}

std::vector<Pending> Lanes::take(BlockTime now) {
  std::vector<Pending> taken;
  for (; !urgent_.empty() && taken.size() < take_max_; urgent_.pop_front()) taken.push_back(std::move(urgent_.front()));
  while (mixed_due(now) && taken.size() < take_max_) {
    std::vector<Pending>& epoch = mixed_.begin()->second;
    std::sort(epoch.begin(), epoch.end(), [](const Pending& a, const Pending& b) { return a.digest < b.digest; });
    move_some(epoch, take_max_ - taken.size(), taken);
    if (epoch.empty()) mixed_.erase(mixed_.begin());
  }
  return taken;
}

std::vector<Pending> Lanes::take_all() {
  std::vector<Pending> left(std::make_move_iterator(urgent_.begin()), std::make_move_iterator(urgent_.end()));
  urgent_.clear();
  for (auto& [due, epoch] : mixed_) move_some(epoch, epoch.size(), left);
  mixed_.clear();
  return left;
}

}  // namespace careledger::ordering::local
