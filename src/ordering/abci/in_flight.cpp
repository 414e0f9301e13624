#include "ordering/abci/in_flight.h"

#include <algorithm>

#include "crypto/hash.h"
#include "kernel/sequence.h"

namespace careledger::ordering::abci {
namespace {

const kernel::Code kTooFar = kernel::code_of(kernel::KernelCode::expiry_too_far);

}  // namespace

bool InFlight::has_room() const {
  const std::lock_guard lock(mutex_);
  return !closed_ && given_.size() < max_;
}

void InFlight::wait_for_room(std::chrono::nanoseconds longest) {
  std::unique_lock lock(mutex_);
  room_.wait_for(lock, longest, [this] { return closed_ || woken_ || given_.size() < max_; });
  woken_ = false;
}

void InFlight::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  room_.notify_all();
}

void InFlight::add(Envelope envelope, std::uint64_t now_ns) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = ++numbers_;
  Given& given = given_[number];
  given.digest = crypto::sha256(envelope.bytes);
  given.bytes = std::move(envelope.bytes);
  given.first_ns = given.due_ns = now_ns;
  by_envelope_[given.digest] = number;
  for (local::Pending& command : envelope.commands) {
    const Digest digest = command.digest;
    by_command_.emplace(digest, number);
    given.commands.emplace(digest, std::move(command));
  }
}

bool InFlight::join(local::Pending& pending) {
  const std::lock_guard lock(mutex_);
  const auto found = by_command_.find(pending.digest);
  if (found == by_command_.end()) return false;
  const Digest digest = pending.digest;
  const std::uint64_t number = found->second;
  held_[pending.actor].insert(pending.sequence);
  by_command_.emplace(digest, number);
  given_[number].commands.emplace(digest, std::move(pending));
  return true;
}

bool InFlight::hold_number(const local::Pending& pending) {
  const std::lock_guard lock(mutex_);
  auto& numbers = held_[pending.actor];
  if (!numbers.empty() &&
      std::max(*numbers.rbegin(), pending.sequence) - std::min(*numbers.begin(), pending.sequence) > kernel::kSequenceWindow)
    return false;
  numbers.insert(pending.sequence);
  return true;
}

void InFlight::let_go(const local::Pending& pending) {
  const std::lock_guard lock(mutex_);
  release(pending);
}

void InFlight::release(const local::Pending& pending) {
  const auto numbers = held_.find(pending.actor);
  if (numbers == held_.end()) return;
  if (const auto one = numbers->second.find(pending.sequence); one != numbers->second.end()) numbers->second.erase(one);
  if (numbers->second.empty()) held_.erase(numbers);
}

local::Pending InFlight::take_out(Place given, std::multimap<Digest, local::Pending>::iterator command) {
  local::Pending out = std::move(command->second);
  const auto [begin, end] = by_command_.equal_range(out.digest);
  const auto mine = std::find_if(begin, end, [&](const auto& entry) { return entry.second == given->first; });
  if (mine != end) by_command_.erase(mine);
  given->second.commands.erase(command);
  release(out);
  return out;
}

void InFlight::answer_all(const kernel::Receipt& receipt, Settled& settled) {
  for (auto found = by_command_.find(receipt.command); found != by_command_.end(); found = by_command_.find(receipt.command)) {
    const auto given = given_.find(found->second);
    answer_in(given, receipt, settled);
    if (given->second.commands.empty()) drop(given);
  }
}

void InFlight::answer_in(Place given, const kernel::Receipt& receipt, Settled& settled) {
  auto& commands = given->second.commands;
  for (auto command = commands.find(receipt.command); command != commands.end(); command = commands.find(receipt.command)) {
    local::Pending pending = take_out(given, command);
    if (receipt.code == kTooFar) settled.again.push_back(std::move(pending));
    else settled.answered.push_back({std::move(pending.done), {Outcome::final, receipt, 0}});
  }
}

Settled InFlight::finalise(std::span<const Ordered> block) {
  Settled settled;
  const std::lock_guard lock(mutex_);
  for (const Ordered& envelope : block)
    for (const kernel::Receipt& receipt : envelope.receipts) {
      const auto own = by_envelope_.find(envelope.envelope);
      if (kernel::consumes_number(receipt.code)) answer_all(receipt, settled);
      else if (own != by_envelope_.end()) answer_in(given_.find(own->second), receipt, settled);
    }
  for (const Ordered& envelope : block)
    if (const auto own = by_envelope_.find(envelope.envelope); own != by_envelope_.end() && given_[own->second].commands.empty())
      drop(given_.find(own->second));
  return settled;
}

void InFlight::drop(Place given) {
  by_envelope_.erase(given->second.digest);
  given_.erase(given);
  room_.notify_all();
}

std::vector<local::Pending> InFlight::remove(std::uint64_t number) {
  std::vector<local::Pending> left;
  const std::lock_guard lock(mutex_);
  const auto given = given_.find(number);
  if (given == given_.end()) return left;
  while (!given->second.commands.empty()) left.push_back(take_out(given, given->second.commands.begin()));
  drop(given);
  return left;
}

std::optional<InFlight::Again> InFlight::first_due(std::uint64_t now_ns) const {
  const std::lock_guard lock(mutex_);
  const auto due = std::ranges::find_if(given_, [&](const auto& entry) { return entry.second.due_ns <= now_ns; });
  if (due == given_.end()) return std::nullopt;
  return Again{due->first, due->second.bytes, due->second.taken};
}

void InFlight::given(std::uint64_t number, std::uint64_t next_due_ns) {
  const std::lock_guard lock(mutex_);
  const auto found = given_.find(number);
  if (found == given_.end()) return;
  found->second.due_ns = next_due_ns;
}

void InFlight::leaves(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  if (const auto found = given_.find(number); found != given_.end()) found->second.taken = true;
}

void InFlight::all_due() {
  const std::lock_guard lock(mutex_);
  for (auto& [number, given] : given_) given.due_ns = 0;
}

std::optional<std::uint64_t> InFlight::next_due_ns() const {
  const std::lock_guard lock(mutex_);
  std::optional<std::uint64_t> next;
  for (const auto& [number, given] : given_) next = std::min(next.value_or(given.due_ns), given.due_ns);
  return next;
}

std::optional<std::uint64_t> InFlight::oldest_ns() const {
  const std::lock_guard lock(mutex_);
  if (given_.empty()) return std::nullopt;
  return given_.begin()->second.first_ns;
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
  by_envelope_.clear();
  by_command_.clear();
  held_.clear();
  return left;
}

}  // namespace careledger::ordering::abci
