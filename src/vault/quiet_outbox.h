// The organisation's commands that must not tell when they were asked for, on their way to the ledger.
//
// Kept in the vault until the epoch is over, then signed and sent together, in the order of their names. They get their numbers and their
// expiry at that moment: a number drawn when somebody was enrolled would stand between the numbers of two anchors, whose blocks everybody
// can see, and would have left the ledger's window of numbers long before the epoch is over.
//
// What the ledger could not take goes with the next epoch; what it refused for good is dropped with an alert.
//
// Commands that patients have signed wait in the same way, but within bounds of their own: whoever captured one may send it as often as he
// likes, and takes one place; a patient has a few; all together stay far below what the ledger takes at once, so that they are in nobody's
// way. Thread-safety: safe from any thread, release() but from one at a time.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/function.h"
#include "kernel/command.h"
#include "ordering/ordering.h"
#include "vault/answers.h"
#include "vault/relationships.h"
#include "vault/signer.h"

namespace careledger::vault {

// Of patients' commands that wait.
struct SignedBounds {
  std::size_t commands = 8192;  // of one block
  std::size_t bytes = 16u << 20;
  std::size_t an_account = 4;
};

struct QuietOutboxParts {
  OrganisationId organisation;
  Relationships& relationships;
  ordering::Ordering& ordering;
  CommandSigner& signer;
  const Clock& clock;
  std::uint32_t epoch_ms;
  std::function<void(const std::string&)> on_alert{};  // any thread
  SignedBounds signed_bounds{};
};

class QuietOutbox {
 public:
  explicit QuietOutbox(QuietOutboxParts parts);
  ~QuietOutbox() { stop(); }

  void start();  // a thread that releases at the end of every epoch; first what waits from before
  void stop();   // idempotent; what waits stays in the vault, and whoever waits for it is told `unknown`

  // Durable when it returns, with the end of the epoch. `done` runs once, on a thread of ordering, perhaps before this returns: keep it
  // short. After an error it does not run. unavailable while stopping: nothing is held then.
  Result<BlockTime> hold(HeldCommand command, UniqueFunction<void(const ordering::Answer&)> done);

  // The same for a command that its patient signed and the caller has checked, unless it waits already: then it keeps its one place, and
  // this is one more who is told. busy: no place is left, for this account or for all.
  Result<BlockTime> hold_signed(const kernel::ReceivedCommand& command, ByteView bytes, UniqueFunction<void(const ordering::Answer&)> done);

  // Signs and sends all that waits. For the thread, and for simulations that have none.
  Result<void> release();

 private:
  void run();
  // Patients' commands that wait, and what they take. Filled from the vault before the first use.
  class Signed {
   public:
    Result<void> load(Relationships& relationships);
    bool has(const Digest& name) const { return of_.contains(name); }
    bool fits(const SignedBounds& bounds, const AccountId& account, std::size_t bytes) const;
    void add(const Digest& name, const AccountId& account, std::size_t bytes);
    void remove(const Digest& name);

   private:
    struct Place {
      AccountId account;
      std::size_t bytes = 0;
    };
    bool loaded_ = false;
    std::map<Digest, Place> of_;
    std::map<AccountId, std::size_t> count_;
    std::size_t bytes_ = 0;
  };
  Result<BlockTime> keep(const HeldCommand& command, UniqueFunction<void(const ordering::Answer&)> done);
  void forget(const Digest& name);
  Result<std::uint64_t> join(const Digest& name, UniqueFunction<void(const ordering::Answer&)> done);
  void leave(const Digest& name, std::uint64_t number);
  void judge(const Digest& name, bool theirs, bool proposal, const ordering::Answer& answer);  // theirs: a patient signed it
  void alert(const std::string& what) const;

  const QuietOutboxParts parts_;
  const std::shared_ptr<AnswerLink<QuietOutbox>> link_ = std::make_shared<AnswerLink<QuietOutbox>>(this);
  std::mutex holding_mutex_;  // before signed_mutex_; while one of them becomes durable
  std::mutex signed_mutex_;   // before mutex_
  Signed signed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool any_ = true;  // there may be something to release
  struct Waiter {
    std::uint64_t number = 0;
    UniqueFunction<void(const ordering::Answer&)> done;
  };
  std::uint64_t waiters_so_far_ = 0;
  std::multimap<Digest, Waiter> waiters_;
  std::thread thread_;
};

}  // namespace careledger::vault
