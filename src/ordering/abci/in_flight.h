// Envelopes that were given to the engine and are not final yet, and who waits for their commands.
//
// Which receipt answers a command: one that used its number up, through whosever envelope it came; any other only when it stands in our own
// envelope, because anybody may put the bytes, badly signed or too early, into an envelope of his.
//
// Thread-safety: safe from any thread. Answers are handed back, never called under the lock.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <span>

#include "ordering/abci/application.h"
#include "ordering/envelopes.h"

namespace careledger::ordering::abci {

struct Answered {
  UniqueFunction<void(const Answer&)> done;
  Answer answer;
};

struct Settled {  // by a durable block
  std::vector<Answered> answered;
  std::vector<local::Pending> again;  // stood in a block too early: to be put into another envelope
};

class InFlight {
 public:
  explicit InFlight(std::size_t max) : max_(max) {}

  bool has_room() const;
  void wait_for_room(std::chrono::nanoseconds longest);  // or until wake() or refuse()
  void wake();
  void add(Envelope envelope, std::uint64_t now_ns);  // due at once
  // Adds a caller to a command whose bytes are under way already: true, and `pending` is empty.
  bool join(local::Pending& pending);

  // An actor's numbers under way lie so close together that the ledger's window forgives any order: whether one more does. It counts as
  // under way from then on, until its command is answered or let_go().
  bool hold_number(const local::Pending& pending);
  void let_go(const local::Pending& pending);

  Settled finalise(std::span<const Ordered> block);

  struct Again {
    std::uint64_t number = 0;
    Bytes envelope;
    bool taken = false;  // the engine had it before: it may be anywhere by now
  };
  std::optional<Again> first_due(std::uint64_t now_ns) const;  // to be given now, in the order in which they were added
  void leaves(std::uint64_t number);  // on its way to the engine: from now on it may be anywhere, whatever we hear of that
  void given(std::uint64_t number, std::uint64_t next_due_ns);
  void all_due();                                            // the engine's pool is empty again
  std::optional<std::uint64_t> next_due_ns() const;          // nullopt: there are none
  std::vector<local::Pending> remove(std::uint64_t number);  // whatever became of its commands

  std::optional<std::uint64_t> oldest_ns() const;  // when the oldest was added
  std::size_t size() const;
  void refuse();                           // there is no more room to wait for
  std::vector<local::Pending> take_all();  // whatever waits for an answer

 private:
  struct Given {
    Digest digest;
    Bytes bytes;
    std::uint64_t first_ns = 0;
    std::uint64_t due_ns = 0;  // when it is given, or given again
    bool taken = false;
    std::multimap<Digest, local::Pending> commands;
  };
  using Place = std::map<std::uint64_t, Given>::iterator;
  void answer_all(const kernel::Receipt& receipt, Settled& settled);
  void answer_in(Place given, const kernel::Receipt& receipt, Settled& settled);
  local::Pending take_out(Place given, std::multimap<Digest, local::Pending>::iterator command);
  void drop(Place given);
  void release(const local::Pending& pending);

  const std::size_t max_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::map<std::uint64_t, Given> given_;  // by number, which rises
  std::map<Digest, std::uint64_t> by_envelope_;
  std::multimap<Digest, std::uint64_t> by_command_;
  std::map<AccountId, std::multiset<std::uint64_t>> held_;  // numbers under way
  std::uint64_t numbers_ = 0;
  bool closed_ = false;
  bool woken_ = false;
};

}  // namespace careledger::ordering::abci
