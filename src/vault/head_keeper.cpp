#include "vault/head_keeper.h"

#include <algorithm>

#include "contracts/access/access.h"
#include "vault/access_list.h"
#include "vault/audit_state.h"

namespace careledger::vault {
namespace {

constexpr std::uint64_t kRetryNs = 2'000'000'000;

Error stopped() { return {ErrorKind::unavailable, "the heads of the audit map are not put on the ledger at the moment"}; }

}  // namespace

void HeadKeeper::start(ordering::Ordering& ordering, CommandSigner& signer) {
  const std::lock_guard lock(mutex_);
  CARELEDGER_ASSERT(!thread_.joinable());
  ordering_ = &ordering;
  signer_ = &signer;
  running_ = true;
  link_ = std::make_shared<AnswerLink<HeadKeeper>>(this);
  thread_ = std::thread([this] { run(); });
}

void HeadKeeper::stop() {
  if (link_) link_->cut();
  Lock lock(mutex_);
  running_ = false;
  flight_.reset();
  answer_.reset();
  changed_.notify_all();
  std::thread thread = std::move(thread_);
  lock.unlock();
  if (thread.joinable()) thread.join();
  lock.lock();
  abandon(lock, stopped());
}

void HeadKeeper::abandon(Lock& lock, const Error& why) {
  auto waiters = std::exchange(waiters_, {});
  auto lists = std::exchange(lists_, {});
  lock.unlock();
  for (auto& [size, waiter] : waiters) waiter.done(tl::make_unexpected(why));
  for (ListJob& job : lists) job.done(tl::make_unexpected(why));
  lock.lock();
}

void HeadKeeper::entries_came() {
  const std::lock_guard lock(mutex_);
  if (idle_) changed_.notify_all();
}

void HeadKeeper::wait_for(std::uint64_t size, UniqueFunction<void(const Result<AuditHead>&)> done) {
  Lock lock(mutex_);
  if (head_ && head_->size >= size) {
    const AuditHead head = *head_;
    lock.unlock();
    return done(head);
  }
  if (!running_) {
    lock.unlock();
    return done(tl::make_unexpected(stopped()));
  }
  wanted_ = std::max(wanted_, size);
  waiters_.emplace(size, Waiter{patience(), std::move(done)});
  changed_.notify_all();
}

void HeadKeeper::list(const Subject& subject, const ListRange& range, UniqueFunction<void(Result<AccessList>)> done) {
  Lock lock(mutex_);
  if (!running_) {
    lock.unlock();
    return done(tl::make_unexpected(stopped()));
  }
  const std::uint64_t size = state_.durable;
  wanted_ = std::max(wanted_, size);
  lists_.push_back({subject, range, size, patience(), std::move(done)});
  changed_.notify_all();
}

std::optional<AuditHead> HeadKeeper::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}
std::uint64_t HeadKeeper::heads() const {
  const std::lock_guard lock(mutex_);
  return heads_;
}
std::uint64_t HeadKeeper::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}
std::uint64_t HeadKeeper::fold_us_last() const {
  const std::lock_guard lock(mutex_);
  return fold_us_last_;
}

bool HeadKeeper::head_is_due(std::uint64_t now) const {
  if (flight_ || now < not_before_ns_) return false;
  const std::uint64_t covered = head_ ? head_->size : 0;
  const std::uint64_t have = state_.durable;
  if (have <= covered && (head_ || lists_.empty())) return false;  // an empty map has a head when somebody asks for a list
  return wanted_ > covered || !lists_.empty() || now >= epoch_start_ns_ + std::uint64_t{state_.options.epoch_ms} * 1'000'000;
}

void HeadKeeper::run() {
  Lock lock(mutex_);
  while (running_) {
    if (answer_) {
      const ordering::Answer answer = *std::exchange(answer_, std::nullopt);
      judge(lock, answer);
      continue;
    }
    if (serve(lock)) continue;  // something may have come meanwhile
    const std::uint64_t now = state_.clock.monotonic_ns();
    if (give_up_on(lock, now)) continue;
    if (head_is_due(now)) {
      if (make_head(lock)) send(lock);
      continue;
    }
    if (!running_ || answer_) continue;
    const bool waiting = flight_.has_value();
    const std::uint64_t covered = head_ ? head_->size : 0;
    idle_ = !waiting && state_.durable <= covered;
    if (const auto wake = next_wake(waiting || idle_)) {
      changed_.wait_for(lock, std::chrono::nanoseconds(*wake > now ? *wake - now : 1));
    } else {
      changed_.wait(lock);
    }
    idle_ = false;
  }
}

std::uint64_t HeadKeeper::patience() const { return state_.clock.monotonic_ns() + std::uint64_t{state_.options.head_wait_ms} * 1'000'000; }

std::optional<std::uint64_t> HeadKeeper::next_wake(bool waiting) const {
  std::optional<std::uint64_t> wake;
  if (!waiting) wake = std::max(not_before_ns_, epoch_start_ns_ + std::uint64_t{state_.options.epoch_ms} * 1'000'000);
  const auto no_later_than = [&wake](std::uint64_t at) { wake = std::min(wake.value_or(at), at); };
  for (const auto& [size, waiter] : waiters_) no_later_than(waiter.until_ns);
  for (const ListJob& job : lists_) no_later_than(job.until_ns);
  return wake;
}

bool HeadKeeper::give_up_on(Lock& lock, std::uint64_t now) {
  std::vector<Waiter> waiters;
  std::vector<ListJob> jobs;
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    const auto here = it++;
    if (here->second.until_ns > now) continue;
    waiters.push_back(std::move(here->second));
    waiters_.erase(here);
  }
  for (auto it = lists_.begin(); it != lists_.end();) {
    if (it->until_ns > now) {
      ++it;
      continue;
    }
    jobs.push_back(std::move(*it));
    it = lists_.erase(it);
  }
  if (waiters.empty() && jobs.empty()) return false;
  lock.unlock();
  const Error late{ErrorKind::unavailable, "the ledger does not make a head of the audit map final at the moment; try again"};
  for (Waiter& waiter : waiters) waiter.done(tl::make_unexpected(late));
  for (ListJob& job : jobs) job.done(tl::make_unexpected(late));
  lock.lock();
  return true;
}

Result<AuditHead> HeadKeeper::fold_and_sign() {
  const std::uint64_t began = state_.clock.monotonic_ns();
  CARELEDGER_CHECK(state_.fold_pending());
  AuditHead head;
  head.map_root = state_.store->tree().root();
  head.log_root = state_.store->log_root();
  head.size = state_.store->folded().index;
  const std::uint64_t took = (state_.clock.monotonic_ns() - began) / 1000;
  contracts::access::Payload payload;
  payload.mutable_head()->set_map_root(head.map_root.bytes());
  payload.mutable_head()->set_log_root(head.log_root.bytes());
  payload.mutable_head()->set_size(head.size);
  CARELEDGER_TRY(head.signed_command, signer_->sign(contracts::access::kContract.id, payload.SerializeAsString()));
  const std::lock_guard lock(mutex_);
  fold_us_last_ = took;
  return head;
}

bool HeadKeeper::make_head(Lock& lock) {
  lock.unlock();
  auto head = fold_and_sign();
  lock.lock();
  if (!running_) return false;
  if (!head) {
    refuse(lock, head.error().message);
    return false;
  }
  flight_ = std::move(*head);
  epoch_start_ns_ = state_.clock.monotonic_ns();
  return true;
}

void HeadKeeper::send(Lock& lock) {
  const std::uint64_t sending = ++sending_;
  const Bytes command = flight_->signed_command;
  lock.unlock();
  ordering_->submit(state_.options.organisation, command, ordering::Lane::urgent, [link = link_, sending](const ordering::Answer& answer) {
    link->tell([&](HeadKeeper& keeper) { keeper.receive(sending, answer); });
  });
  lock.lock();
}

void HeadKeeper::receive(std::uint64_t sending, const ordering::Answer& answer) {
  const std::lock_guard lock(mutex_);
  if (sending != sending_ || !flight_) return;
  answer_ = answer;
  changed_.notify_all();
}

void HeadKeeper::judge(Lock& lock, const ordering::Answer& answer) {
  AuditHead head = *std::exchange(flight_, std::nullopt);
  const std::uint64_t now = state_.clock.monotonic_ns();
  switch (answer.outcome) {
    case ordering::Outcome::busy:
    case ordering::Outcome::sealed: not_before_ns_ = now + std::uint64_t{std::max(answer.retry_after_ms, 1u)} * 1'000'000; return;
    case ordering::Outcome::unknown:  // a newer head says more than the same one again
      not_before_ns_ = now + kRetryNs;
      return;
    case ordering::Outcome::final:
    case ordering::Outcome::refused: break;
  }
  CARELEDGER_ASSERT(answer.receipt.has_value());
  const kernel::Code code = answer.receipt->code;
  if (answer.outcome != ordering::Outcome::final || !code.ok()) {
    if (!wants_new_command(code)) refuse(lock, "code " + std::to_string(code.contract.value) + "." + std::to_string(code.number));
    return;
  }
  head.height = answer.receipt->height;
  head.position = answer.receipt->position;
  ++heads_;
  head_ = head;
  lock.unlock();
  static_cast<void>(state_.store->put_head(head));  // a convenience after a restart; the ledger has it
  lock.lock();
}

// Whoever waits is told: the next try may be refused as well, and so on for ever.
void HeadKeeper::refuse(Lock& lock, const std::string& why) {
  ++refused_;
  not_before_ns_ = state_.clock.monotonic_ns() + kRetryNs;
  if (state_.options.on_alert) state_.options.on_alert("a head of the audit map was refused (" + why + "); it is tried again");
  abandon(lock, {ErrorKind::unavailable, "the ledger refuses the heads of the audit map; the operator must look at it"});
}

// Answers whoever the newest final head is good enough for. Lists need the tree as it was at that head: it is, while no newer one was
// folded.
bool HeadKeeper::serve(Lock& lock) {
  if (!head_) return false;
  const AuditHead head = *head_;
  std::vector<Waiter> told;
  for (auto it = waiters_.begin(); it != waiters_.end() && it->first <= head.size; it = waiters_.erase(it))
    told.push_back(std::move(it->second));
  std::vector<ListJob> jobs;
  if (!flight_ && state_.store->folded().index == head.size) {
    for (auto it = lists_.begin(); it != lists_.end();) {
      if (it->size > head.size) {
        ++it;
        continue;
      }
      jobs.push_back(std::move(*it));
      it = lists_.erase(it);
    }
  }
  if (told.empty() && jobs.empty()) return false;
  lock.unlock();
  for (Waiter& waiter : told) waiter.done(head);
  for (ListJob& job : jobs) job.done(make_access_list(state_, job.subject, job.range, head));
  lock.lock();
  return true;
}

}  // namespace careledger::vault
