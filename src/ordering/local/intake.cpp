#include "ordering/local/intake.h"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace careledger::ordering::local {
namespace {

constexpr std::size_t kCheckMax = 2048;  // commands checked at once
constexpr std::uint32_t kRetryAfterMs = 100;

const kernel::Code kReplayed = kernel::code_of(kernel::KernelCode::replayed);
const kernel::Code kTooOld = kernel::code_of(kernel::KernelCode::sequence_too_old);

}  // namespace

Intake::Intake(replica::Replica& replica, const Clock& clock, std::size_t pending_max, std::uint32_t epoch_ms, std::size_t take_max)
    : replica_(replica),
      clock_(clock),
      pending_max_(pending_max),
      epoch_ns_(std::uint64_t{epoch_ms} * 1'000'000u),
      take_max_(take_max),
      checker_([this] { check_loop(); }) {}

Intake::~Intake() {
  for (Pending& pending : close()) pending.done(Answer{});
}

void Intake::submit(Pending pending) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_ && count_ < pending_max_) {
      ++count_;
      incoming_.push_back(std::move(pending));
      arrived_.notify_one();
      return;
    }
  }
  Answer answer;
  answer.outcome = closed() ? Outcome::unknown : Outcome::busy;
  answer.retry_after_ms = kRetryAfterMs;
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
  std::vector<kernel::ReceivedCommand> received;
  received.reserve(some.size());
  for (Pending& pending : some) {
    received.push_back(kernel::receive_bytes(pending.bytes));
    pending.digest = received.back().digest;
  }
  const std::vector<kernel::Code> codes = replica_.check(received, clock_.now());
  std::vector<Pending> passed;
  std::size_t refused = 0;
  for (std::size_t i = 0; i < some.size(); ++i) {
    if (codes[i].ok()) {
      passed.push_back(std::move(some[i]));
    } else {
      answer_early(some[i], codes[i]);
      ++refused;
    }
  }
  const std::lock_guard lock(mutex_);
  count_ -= refused;
  for (Pending& pending : passed) {
    if (pending.lane == Lane::urgent) {
      urgent_.push_back(std::move(pending));
    } else {
      if (mixed_.empty()) mixed_since_ns_ = clock_.monotonic_ns();
      mixed_.push_back(std::move(pending));
    }
  }
  ready_.notify_one();
}

// Bytes that were judged before get their first receipt; everything else went nowhere.
void Intake::answer_early(Pending& pending, kernel::Code code) {
  Answer answer;
  answer.outcome = Outcome::refused;
  if (code == kReplayed || code == kTooOld) {
    if (const auto first = replica_.view().find_receipt(pending.digest); first && *first) {
      answer.outcome = Outcome::final;
      answer.receipt = **first;
    }
  }
  if (!answer.receipt) answer.receipt = kernel::Receipt{replica_.ledger(), pending.digest, code, {}, 0};
  pending.done(answer);
}

bool Intake::mixed_due() const { return !mixed_.empty() && clock_.monotonic_ns() >= mixed_since_ns_ + epoch_ns_; }

bool Intake::has_ready() const {
  const std::lock_guard lock(mutex_);
  return !urgent_.empty() || mixed_due();
}

std::vector<Pending> Intake::take(std::uint64_t deadline_ns) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const std::uint64_t now = clock_.monotonic_ns();
    if (closed_ || woken_ || !urgent_.empty() || mixed_due() || now >= deadline_ns) break;
    std::uint64_t until = deadline_ns;
    if (!mixed_.empty()) until = std::min(until, mixed_since_ns_ + epoch_ns_);
    ready_.wait_for(lock, std::chrono::nanoseconds(std::min<std::uint64_t>(until - now, 3'600'000'000'000u)));
  }
  woken_ = false;
  std::vector<Pending> taken;
  if (closed_) return taken;
  while (!urgent_.empty() && taken.size() < take_max_) {
    taken.push_back(std::move(urgent_.front()));
    urgent_.pop_front();
  }
  if (mixed_due()) {
    std::sort(mixed_.begin(), mixed_.end(), [](const Pending& a, const Pending& b) { return a.digest < b.digest; });
    const std::size_t room = std::min(take_max_ - taken.size(), mixed_.size());
    const auto end = mixed_.begin() + static_cast<std::ptrdiff_t>(room);
    taken.insert(taken.end(), std::make_move_iterator(mixed_.begin()), std::make_move_iterator(end));
    mixed_.erase(mixed_.begin(), end);
  }
  return taken;
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
  for (std::deque<Pending>* queue : {&incoming_, &urgent_}) {
    left.insert(left.end(), std::make_move_iterator(queue->begin()), std::make_move_iterator(queue->end()));
    queue->clear();
  }
  left.insert(left.end(), std::make_move_iterator(mixed_.begin()), std::make_move_iterator(mixed_.end()));
  mixed_.clear();
  return left;
}

}  // namespace careledger::ordering::local
