// The organisation's commands that must not tell when they were asked for, on their way to the ledger.
//
// Kept in the vault until the epoch is over, then signed and sent together, in the order of their names. They get their numbers and their
// expiry at that moment: a number drawn when somebody was enrolled would stand between the numbers of two anchors, whose blocks everybody
// can see, and would have left the ledger's window of numbers long before the epoch is over.
//
// What the ledger could not take goes with the next epoch; what it refused for good is dropped with an alert. Thread-safety: safe from any
// thread, release() but from one at a time.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/function.h"
#include "ordering/ordering.h"
#include "vault/answers.h"
#include "vault/relationships.h"
#include "vault/signer.h"

namespace careledger::vault {

struct QuietOutboxParts {
  OrganisationId organisation;
  Relationships& relationships;
  ordering::Ordering& ordering;
  CommandSigner& signer;
  const Clock& clock;
  std::uint32_t epoch_ms;
  std::function<void(const std::string&)> on_alert{};  // any thread
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

  // Signs and sends all that waits. For the thread, and for simulations that have none.
  Result<void> release();

 private:
  void run();
  void judge(const Digest& name, bool proposal, const ordering::Answer& answer);
  void alert(const std::string& what) const;

  const QuietOutboxParts parts_;
  const std::shared_ptr<AnswerLink<QuietOutbox>> link_ = std::make_shared<AnswerLink<QuietOutbox>>(this);
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool any_ = true;  // there may be something to release
  using Waiters = std::multimap<Digest, std::pair<std::uint64_t, UniqueFunction<void(const ordering::Answer&)>>>;  // with a ticket
  void leave(const Digest& name, std::uint64_t ticket);                                                            // the lock is held

  Waiters waiters_;
  std::uint64_t tickets_ = 0;
  std::thread thread_;
};

}  // namespace careledger::vault
