#include "ordering/abci/in_flight.h"

#include <algorithm>

namespace careledger::ordering::abci {

bool InFlight::wait_for_room() {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return closed_ || given_.size() < max_; });
  return !closed_;
}

std::uint64_t InFlight::add(Bytes envelope, std::vector<local::Pending> commands, std::uint64_t now_ns, std::uint64_t due_ns) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = ++numbers_;
  Given& given = given_[number];
  given.bytes = std::move(envelope);
  given.first_ns = now_ns;
  given.due_ns = due_ns;
  for (local::Pending& command : commands) {
    const Digest digest = command.digest;
    by_command_.emplace(digest, number);
    given.commands.emplace(digest, std::move(command));
  }
  return number;
}

std::vector<Answered> InFlight::finalise(std::span<const kernel::Receipt> receipts) {
  std::vector<Answered> answered;
  const std::lock_guard lock(mutex_);
  for (const kernel::Receipt& receipt : receipts) {
    const auto found = by_command_.find(receipt.command);
    if (found == by_command_.end()) continue;  // another node's
    const auto given = given_.find(found->second);
    const auto command = given->second.commands.find(receipt.command);
    Answer answer;
    answer.outcome = Outcome::final;
    answer.receipt = receipt;
    answered.push_back({std::move(command->second.done), std::move(answer)});
    given->second.commands.erase(command);
    by_command_.erase(found);
    if (given->second.commands.empty()) drop(given);
  }
  return answered;
}

void InFlight::drop(std::map<std::uint64_t, Given>::iterator at) {
  given_.erase(at);
  room_.notify_all();
}

std::vector<local::Pending> InFlight::remove(std::uint64_t number) {
  std::vector<local::Pending> left;
  const std::lock_guard lock(mutex_);
  const auto given = given_.find(number);
  if (given == given_.end()) return left;
  for (auto& [digest, command] : given->second.commands) {
    const auto [begin, end] = by_command_.equal_range(digest);
    const auto mine = std::find_if(begin, end, [number](const auto& entry) { return entry.second == number; });
    if (mine != end) by_command_.erase(mine);
    left.push_back(std::move(command));
  }
  drop(given);
  return left;
}

std::vector<InFlight::Again> InFlight::take_due(std::uint64_t now_ns, std::uint64_t next_due_ns) {
  std::vector<Again> due;
  const std::lock_guard lock(mutex_);
  for (auto& [number, given] : given_) {
    if (given.due_ns > now_ns) continue;
    given.due_ns = next_due_ns;
    due.push_back({number, given.bytes});
  }
  return due;
}

void InFlight::set_due(std::uint64_t number, std::uint64_t due_ns) {
  const std::lock_guard lock(mutex_);
  if (const auto given = given_.find(number); given != given_.end()) given->second.due_ns = due_ns;
}

std::optional<std::uint64_t> InFlight::oldest_ns() const {
  const std::lock_guard lock(mutex_);
  if (given_.empty()) return std::nullopt;
  return given_.begin()->second.first_ns;  // numbers rise with time
}

std::size_t InFlight::size() const {
  const std::lock_guard lock(mutex_);
  return given_.size();
}

void InFlight::refuse() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  room_.notify_all();
}

std::vector<local::Pending> InFlight::take_all() {
  std::vector<local::Pending> left;
  const std::lock_guard lock(mutex_);
  for (auto& [number, given] : given_)
    for (auto& [digest, command] : given.commands) left.push_back(std::move(command));
  given_.clear();
  by_command_.clear();
  return left;
}

}  // namespace careledger::ordering::abci
