// Puts the heads of one audit map on the ledger, one at a time, and answers for lists at them. For src/vault alone.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "ordering/ordering.h"
#include "vault/answers.h"
#include "vault/audit.h"
#include "vault/signer.h"

namespace careledger::vault {

class HeadKeeper {  // safe from any thread
 public:
  explicit HeadKeeper(AuditMap::State& state, std::optional<AuditHead> last) : state_(state), head_(std::move(last)) {}
  ~HeadKeeper() { stop(); }

  void start(ordering::Ordering& ordering, CommandSigner& signer);
  void stop();
  void entries_came();  // cheap: the flusher calls it after every group
  void wait_for(std::uint64_t size, UniqueFunction<void(const Result<AuditHead>&)> done);
  void list(const Subject& subject, const ListRange& range, UniqueFunction<void(Result<AccessList>)> done);

  std::optional<AuditHead> head() const;
  std::uint64_t heads() const;
  std::uint64_t refused() const;
  std::uint64_t fold_us_last() const;

 private:
  struct ListJob {
    Subject subject;
    ListRange range;
    std::uint64_t size;
    std::uint64_t until_ns;
    UniqueFunction<void(Result<AccessList>)> done;
  };
  struct Waiter {
    std::uint64_t until_ns;
    UniqueFunction<void(const Result<AuditHead>&)> done;
  };
  using Lock = std::unique_lock<std::mutex>;

  void run();
  bool head_is_due(std::uint64_t now) const;
  bool make_head(Lock& lock);
  Result<AuditHead> fold_and_sign();
  void send(Lock& lock);
  void receive(std::uint64_t sending, const ordering::Answer& answer);
  void judge(Lock& lock, const ordering::Answer& answer);
  bool serve(Lock& lock);  // true when it answered somebody, and so let go of the lock
  void refuse(Lock& lock, const std::string& why);
  std::uint64_t patience() const;                              // until when somebody who asks now waits
  std::optional<std::uint64_t> next_wake(bool waiting) const;  // nothing: only when something changes
  bool give_up_on(Lock& lock, std::uint64_t now);              // those who waited long enough; true when it let go of the lock
  void abandon(Lock& lock, const Error& why);

  AuditMap::State& state_;
  ordering::Ordering* ordering_ = nullptr;
  CommandSigner* signer_ = nullptr;
  std::shared_ptr<AnswerLink<HeadKeeper>> link_;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool running_ = false;
  bool idle_ = false;              // the thread waits without a deadline
  std::optional<AuditHead> head_;  // newest final one
  std::optional<AuditHead> flight_;
  std::optional<ordering::Answer> answer_;
  std::uint64_t sending_ = 0;
  std::uint64_t wanted_ = 0;          // size that somebody waits for
  std::uint64_t epoch_start_ns_ = 0;  // when the last head went out
  std::uint64_t not_before_ns_ = 0;
  std::uint64_t heads_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t fold_us_last_ = 0;
  std::multimap<std::uint64_t, Waiter> waiters_;
  std::vector<ListJob> lists_;
};

}  // namespace careledger::vault
