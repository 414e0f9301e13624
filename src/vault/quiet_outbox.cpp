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
  for (auto& [name, waiter] : waiters) waiter.done(ordering::Answer{});
}

Result<void> QuietOutbox::Signed::load(Relationships& relationships) {
  if (loaded_) return {};
  CARELEDGER_TRY(const std::vector<HeldCommand> held, relationships.held());
  for (const HeldCommand& one : held)
    if (one.is_signed()) add(one.name, kernel::receive_bytes(one.payload).actor, one.payload.size());
  loaded_ = true;
  return {};
}

bool QuietOutbox::Signed::fits(const SignedBounds& bounds, const AccountId& account, std::size_t bytes) const {
  const auto count = count_.find(account);
  return of_.size() < bounds.commands && bytes_ + bytes <= bounds.bytes && (count == count_.end() || count->second < bounds.an_account);
}

void QuietOutbox::Signed::add(const Digest& name, const AccountId& account, std::size_t bytes) {
  if (!of_.emplace(name, Place{account, bytes}).second) return;
  ++count_[account];
  bytes_ += bytes;
}

void QuietOutbox::Signed::remove(const Digest& name) {
  const auto place = of_.find(name);
  if (place == of_.end()) return;
  const auto count = count_.find(place->second.account);
  if (--count->second == 0) count_.erase(count);
  bytes_ -= place->second.bytes;
  of_.erase(place);
}

Result<BlockTime> QuietOutbox::hold_signed(const kernel::ReceivedCommand& command, ByteView bytes,
                                           UniqueFunction<void(const ordering::Answer&)> done) {
  const std::lock_guard holding(holding_mutex_);
  {
    const std::lock_guard lock(signed_mutex_);
    CARELEDGER_CHECK(signed_.load(parts_.relationships));
    if (signed_.has(command.digest)) {
      CARELEDGER_CHECK(join(command.digest, std::move(done)));
      return kernel::epoch_end(parts_.clock.now(), parts_.epoch_ms);
    }
    if (!signed_.fits(parts_.signed_bounds, command.actor, bytes.size()))
      return fail(ErrorKind::busy, "as many commands wait for the end of the epoch as may");
    signed_.add(command.digest, command.actor, bytes.size());
  }
  auto until = keep({command.digest, ContractId{0}, Bytes(bytes)}, std::move(done));
  if (!until) forget(command.digest);
  return until;
}

// One more who waits, with the number to leave by. Always before the command can go out, so that no answer passes unheard: judge() forgets
// the place before it looks who waits.
Result<std::uint64_t> QuietOutbox::join(const Digest& name, UniqueFunction<void(const ordering::Answer&)> done) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return fail(ErrorKind::unavailable, "the node is stopping; ask again when it runs");
  const std::uint64_t number = ++waiters_so_far_;
  if (done) waiters_.emplace(name, Waiter{number, std::move(done)});
  return number;
}

void QuietOutbox::leave(const Digest& name, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = waiters_.equal_range(name);
  const auto mine = std::find_if(first, last, [&](const auto& one) { return one.second.number == number; });
  if (mine != last) waiters_.erase(mine);
}

Result<BlockTime> QuietOutbox::hold(HeldCommand command, UniqueFunction<void(const ordering::Answer&)> done) {
  CARELEDGER_ASSERT(!command.is_signed());
  return keep(command, std::move(done));
}

Result<BlockTime> QuietOutbox::keep(const HeldCommand& command, UniqueFunction<void(const ordering::Answer&)> done) {
  const BlockTime until = kernel::epoch_end(parts_.clock.now(), parts_.epoch_ms);
  CARELEDGER_TRY(const std::uint64_t number, join(command.name, std::move(done)));
  if (auto held = parts_.relationships.hold(command); !held) {
    leave(command.name, number);
    return tl::make_unexpected(std::move(held.error()));
  }
  const std::lock_guard lock(mutex_);
  any_ = true;
  changed_.notify_all();
  return until;
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
    Bytes command = one.payload;
    if (!one.is_signed()) {
      CARELEDGER_TRY(command, parts_.signer.sign(one.contract, one.payload));
    }
    parts_.ordering.submit(
        parts_.organisation, std::move(command), ordering::Lane::owed,
        [link = link_, name = one.name, theirs = one.is_signed(), proposal = is_proposal(one)](const ordering::Answer& answer) {
          link->tell([&](QuietOutbox& outbox) { outbox.judge(name, theirs, proposal, answer); });
        });
  }
  return {};
}

void QuietOutbox::judge(const Digest& name, bool theirs, bool proposal, const ordering::Answer& answer) {
  const bool again = theirs ? !answer.receipt : wants_another_try(answer);  // nobody here signs a patient's command anew
  if (!again) {
    if (const auto dropped = parts_.relationships.drop(name); !dropped) alert(dropped.error().message);
    forget(name);
    if (!theirs && !is_there(answer.receipt->code)) {
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
    for (auto it = first; it != last; ++it) due.push_back(std::move(it->second.done));
    waiters_.erase(first, last);
  }
  for (auto& done : due) done(answer);
}

void QuietOutbox::forget(const Digest& name) {
  const std::lock_guard lock(signed_mutex_);
  signed_.remove(name);
}

void QuietOutbox::alert(const std::string& what) const {
  if (parts_.on_alert) parts_.on_alert(what);
}

}  // namespace careledger::vault
