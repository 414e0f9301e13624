#include "vault/quiet_outbox.h"

#include <algorithm>
#include <chrono>

#include "contracts/relationship/relationship.h"
#include "kernel/timing.h"

namespace careledger::vault {
namespace {

constexpr std::int64_t kWaitMaxMs = 60'000;  // a clock that is set anew is noticed after that

// The ledger has it: now, or from before a crash.
bool is_there(const kernel::Code& code) {
  return code.ok() || (code.contract.value == contracts::relationship::kContract.id.value &&
                       code.number == static_cast<std::uint16_t>(contracts::relationship::Codes::account_exists));
}

// Held under the id of the relationship, of which nothing stays behind when the ledger refuses it.
bool is_proposal(const HeldCommand& command) {
  contracts::relationship::Payload payload;
  return command.contract == contracts::relationship::kContract.id && payload.ParseFromString(command.payload) && payload.has_propose();
}

// Made anew, with another number and another expiry, it may go.
bool wants_another_try(const ordering::Answer& answer) {
  return !answer.receipt || (answer.receipt->code.contract.value == kernel::kKernel.value && !answer.receipt->code.ok());
}

}  // namespace

QuietOutbox::QuietOutbox(QuietOutboxParts parts) : parts_(std::move(parts)) {}

void QuietOutbox::start() {
  const std::lock_guard lock(mutex_);
  CARELEDGER_ASSERT(!thread_.joinable() && !stopping_);
  thread_ = std::thread([this] { run(); });
}

void QuietOutbox::stop() {
  link_->cut();
  std::unique_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  std::thread thread = std::move(thread_);
  auto waiters = std::exchange(waiters_, {});
  lock.unlock();
  if (thread.joinable()) thread.join();
  for (auto& [name, waiter] : waiters) waiter.second(ordering::Answer{});
}

Result<BlockTime> QuietOutbox::hold(HeldCommand command, UniqueFunction<void(const ordering::Answer&)> done) {
  const BlockTime until = kernel::epoch_end(parts_.clock.now(), parts_.epoch_ms);
  const Digest name = command.name;
  std::unique_lock lock(mutex_);
  if (stopping_) return fail(ErrorKind::unavailable, "the node is stopping: try again when it runs");
  const std::uint64_t ticket = ++tickets_;  // known before the row is there: it may be sent and answered at once
  waiters_.emplace(name, std::pair(ticket, std::move(done)));
  lock.unlock();
  const auto held = parts_.relationships.hold(command);
  lock.lock();
  if (!held) {
    leave(name, ticket);
    return tl::make_unexpected(held.error());
  }
  any_ = true;
  changed_.notify_all();
  return until;
}

void QuietOutbox::leave(const Digest& name, std::uint64_t ticket) {
  const auto [first, last] = waiters_.equal_range(name);
  const auto mine = std::find_if(first, last, [ticket](const auto& waiter) { return waiter.second.first == ticket; });
  if (mine != last) waiters_.erase(mine);
}

void QuietOutbox::run() {
  std::unique_lock lock(mutex_);
  BlockTime due = kernel::epoch_end(parts_.clock.now(), parts_.epoch_ms);
  while (!stopping_) {
    if (!any_) {
      changed_.wait(lock);
      due = kernel::epoch_end(parts_.clock.now(), parts_.epoch_ms);
      continue;
    }
    const std::int64_t left = due.value - parts_.clock.now().value;
    if (left > 0 && left <= parts_.epoch_ms) {
      changed_.wait_for(lock, std::chrono::milliseconds(std::min(left, kWaitMaxMs)));
      continue;
    }
    any_ = false;
    lock.unlock();
    const auto released = release();
    lock.lock();
    if (!released) {
      any_ = true;
      alert("held commands could not be sent (" + released.error().message + "); they go with the next epoch");
    }
    due = kernel::epoch_end(parts_.clock.now(), parts_.epoch_ms);
  }
}

Result<void> QuietOutbox::release() {
  CARELEDGER_TRY(const std::vector<HeldCommand> held, parts_.relationships.held());
  for (const HeldCommand& one : held) {
    CARELEDGER_TRY(Bytes command, parts_.signer.sign(one.contract, one.payload));
    parts_.ordering.submit(parts_.organisation, std::move(command), ordering::Lane::urgent,
                           [link = link_, name = one.name, proposal = is_proposal(one)](const ordering::Answer& answer) {
                             link->tell([&](QuietOutbox& outbox) { outbox.judge(name, proposal, answer); });
                           });
  }
  return {};
}

void QuietOutbox::judge(const Digest& name, bool proposal, const ordering::Answer& answer) {
  const bool again = wants_another_try(answer);
  if (!again) {
    if (const auto dropped = parts_.relationships.drop(name); !dropped) alert(dropped.error().message);
    if (!is_there(answer.receipt->code)) {
      const auto gone = proposal ? parts_.relationships.take_back(id_cast<RelationshipId>(name)) : Result<void>();
      if (!gone) alert(gone.error().message);
      alert("the ledger refused a held command: code " + std::to_string(answer.receipt->code.contract.value) + "." +
            std::to_string(answer.receipt->code.number));
    }
  }
  std::vector<UniqueFunction<void(const ordering::Answer&)>> due;
  {
    const std::lock_guard lock(mutex_);
    any_ = any_ || again;
    changed_.notify_all();
    const auto [first, last] = waiters_.equal_range(name);
    for (auto it = first; it != last; ++it) due.push_back(std::move(it->second.second));
    waiters_.erase(first, last);
  }
  for (auto& done : due) done(answer);
}

void QuietOutbox::alert(const std::string& what) const {
  if (parts_.on_alert) parts_.on_alert(what);
}

}  // namespace careledger::vault
