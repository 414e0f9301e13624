#include "ordering/local/intake.h"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace careledger::ordering::local {
namespace {

constexpr std::size_t kCheckMax = 2048;  // commands checked at once

}  // namespace

Intake::Intake(replica::Replica& replica, const Clock& clock, std::size_t pending_max, std::uint32_t epoch_ms, std::size_t take_max)
    : replica_(replica), clock_(clock), pending_max_(pending_max), lanes_(epoch_ms, take_max), checker_([this] { check_loop(); }) {}

Intake::~Intake() {
  for (Pending& pending : close()) pending.done(Answer{});
}

void Intake::submit(Pending pending, const Room& room) {
  pending.arrived_ns = clock_.monotonic_ns();
  pending.wait_max_ns = pending.lane == Lane::urgent ? room.wait_max_ns : 0;
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t oldest_ns = lanes_.oldest_urgent_ns().value_or(pending.arrived_ns);
    const bool late = pending.wait_max_ns > 0 && lanes_.fills(room.wait_bytes) && oldest_ns + pending.wait_max_ns < pending.arrived_ns;
    if (!closed_ && count_ < room.pending_max && !late) {
      ++count_;
      incoming_.push_back(std::move(pending));
      arrived_.notify_one();
      return;
    }
  }
  Answer answer;
  answer.outcome = closed() ? Outcome::unknown : Outcome::busy;
  answer.retry_after_ms = room.retry_after_ms;
  pending.done(answer);
}

void Intake::answered(std::size_t count) {
  const std::lock_guard lock(mutex_);
  count_ -= count;
}

void Intake::check_loop() {
  for (;;) {
    std::deque<Pending> some;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return closed_ || !incoming_.empty(); });
      if (closed_) return;
      if (incoming_.size() <= kCheckMax) {
        some.swap(incoming_);
      } else {
        const auto end = incoming_.begin() + static_cast<std::ptrdiff_t>(kCheckMax);
        some.assign(std::make_move_iterator(incoming_.begin()), std::make_move_iterator(end));
        incoming_.erase(incoming_.begin(), end);
      }
    }
    check_some(std::move(some));
  }
}

void Intake::check_some(std::deque<Pending> some) {
  for (const Lane lane : {Lane::urgent, Lane::owed, Lane::mixed}) {
    std::vector<Pending> mine;
    for (Pending& pending : some)
      if (pending.lane == lane) mine.push_back(std::move(pending));
    if (!mine.empty()) check_lane(std::move(mine), lane);
  }
}

// Judged as of when they will be ready: a command that waits for the end of an epoch must still hold then.
void Intake::check_lane(std::vector<Pending> some, Lane lane) {
  std::vector<kernel::ReceivedCommand> received;
  received.reserve(some.size());
  for (Pending& pending : some) {
    received.push_back(kernel::receive_bytes(pending.bytes));
    pending.digest = received.back().digest;
    pending.actor = received.back().actor;
    pending.sequence = received.back().sequence;
  }
  const BlockTime now = clock_.now();
  const std::vector<kernel::Code> codes = replica_.check(received, lanes_.due(lane, now));
  std::vector<Pending> passed;
  for (std::size_t i = 0; i < some.size(); ++i) {
    if (codes[i].ok()) passed.push_back(std::move(some[i]));
    else some[i].done(first_or_refused(replica_.view(), replica_.ledger(), some[i].digest, codes[i]));
  }
  const std::lock_guard lock(mutex_);
  count_ -= some.size() - passed.size();
  for (Pending& pending : passed) lanes_.put(std::move(pending), now);
  ready_.notify_one();
}

Answer first_or_refused(const replica::View& view, const LedgerId& ledger, const Digest& command, kernel::Code code) {
  if (const auto first = view.find_receipt(command); first && *first) return {Outcome::final, **first, 0};
  return {Outcome::refused, kernel::Receipt{ledger, command, code, {}, 0}, 0};
}

bool Intake::has_ready() const {
  const std::lock_guard lock(mutex_);
  return lanes_.has_ready(clock_.now());
}

void Intake::put_back(std::vector<Pending> some) {
  const std::lock_guard lock(mutex_);
  for (Pending& pending : some) {
    pending.lane = Lane::owed;
    pending.arrived_ns = clock_.monotonic_ns();  // nobody is late for it
    pending.wait_max_ns = 0;
    lanes_.put(std::move(pending), clock_.now());
  }
  ready_.notify_one();
}

std::vector<Pending> Intake::take(std::uint64_t deadline_ns, std::size_t bytes_max) { return take_when(deadline_ns, bytes_max, false); }
std::vector<Pending> Intake::gather(std::uint64_t deadline_ns, std::size_t bytes_max) { return take_when(deadline_ns, bytes_max, true); }

std::vector<Pending> Intake::take_when(std::uint64_t deadline_ns, std::size_t bytes_max, bool full) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const std::uint64_t now_ns = clock_.monotonic_ns();
    const BlockTime now = clock_.now();
    if (closed_ || woken_ || now_ns >= deadline_ns || (full ? lanes_.fills(bytes_max) : lanes_.has_ready(now))) break;
    std::uint64_t wait_ns = std::min<std::uint64_t>(deadline_ns - now_ns, 3'600'000'000'000u);
    if (const auto due = lanes_.next_due(); due && *due > now)
      wait_ns = std::min(wait_ns, static_cast<std::uint64_t>(due->value - now.value) * 1'000'000u);
    ready_.wait_for(lock, std::chrono::nanoseconds(wait_ns));
  }
  woken_ = false;
  return closed_ ? std::vector<Pending>() : lanes_.take(clock_.now(), bytes_max);
}

void Intake::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  ready_.notify_one();
}

bool Intake::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

std::vector<Pending> Intake::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    arrived_.notify_all();
    ready_.notify_all();
  }
  if (checker_.joinable()) checker_.join();
  std::vector<Pending> left;
  const std::lock_guard lock(mutex_);
  left = lanes_.take_all();
  left.insert(left.end(), std::make_move_iterator(incoming_.begin()), std::make_move_iterator(incoming_.end()));
  incoming_.clear();
  return left;
}

}  // namespace careledger::ordering::local
