// Commands on their way into a block: received, checked many at once, put into their lane.
//
// Thread-safety: submit, take and close from any thread; a thread of its own checks what came in while the last check ran.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "ordering/local/lanes.h"
#include "replica/replica.h"

namespace careledger::ordering::local {

// What became of bytes that are refused now: their first receipt when they were judged before, whatever is said of them today.
Answer first_or_refused(const replica::View& view, const LedgerId& ledger, const Digest& command, kernel::Code code);

struct Room {
  std::size_t pending_max = 0;         // taken and not yet answered
  std::uint32_t retry_after_ms = 100;  // for whoever finds none
  std::uint64_t wait_max_ns = 0;       // for urgent ones none either while the oldest waits longer to be taken; 0: however long
  std::size_t wait_bytes = 0;          // and so many bytes wait: where fewer do, what comes next takes them all, whenever that is
};

class Intake {
 public:
  Intake(replica::Replica& replica, const Clock& clock, std::size_t pending_max, std::uint32_t epoch_ms, std::size_t take_max);
  ~Intake();

  void submit(Pending pending) { submit(std::move(pending), {pending_max_}); }
  void submit(Pending pending, const Room& room);  // less room than pending_max, for a time
  void answered(std::size_t count);                // that many left for good: makes room

  // Waits until commands are ready for a block, or until `deadline_ns` on the monotonic clock, or `wake()`; gives them, urgent first, then
  // the mixed ones of an epoch that is over, by digest. Empty after close().
  std::vector<Pending> take(std::uint64_t deadline_ns, std::size_t bytes_max = SIZE_MAX);
  // The same, but what is ready waits for more until it fills bytes_max, or the deadline or wake() comes.
  std::vector<Pending> gather(std::uint64_t deadline_ns, std::size_t bytes_max);
  void put_back(std::vector<Pending> some);  // of what was taken: ready once more, as owed
  bool has_ready() const;
  void wake();
  std::vector<Pending> close();  // ends the checking thread; whatever was not taken comes back
  bool closed() const;

 private:
  std::vector<Pending> take_when(std::uint64_t deadline_ns, std::size_t bytes_max, bool full);
  void check_loop();
  void check_some(std::deque<Pending> some);
  void check_lane(std::vector<Pending> some, Lane lane);

  replica::Replica& replica_;
  const Clock& clock_;
  const std::size_t pending_max_;

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::condition_variable ready_;
  std::deque<Pending> incoming_;
  Lanes lanes_;
  std::size_t count_ = 0;
  bool closed_ = false;
  bool woken_ = false;
  std::thread checker_;
};

}  // namespace careledger::ordering::local
