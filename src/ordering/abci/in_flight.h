// Envelopes that were given to the engine and are not final yet, and who waits for their commands.
//
// Thread-safety: safe from any thread. Answers are handed back, never called under the lock.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <span>

#include "ordering/local/lanes.h"

namespace careledger::ordering::abci {

struct Answered {
  UniqueFunction<void(const Answer&)> done;
  Answer answer;
};

class InFlight {
 public:
  explicit InFlight(std::size_t max) : max_(max) {}

  // Waits until another envelope may go; false after refuse().
  bool wait_for_room();
  std::uint64_t add(Bytes envelope, std::vector<local::Pending> commands, std::uint64_t now_ns, std::uint64_t due_ns);
  // The answers of those that wait for a command of these receipts, which came with a durable block.
  std::vector<Answered> finalise(std::span<const kernel::Receipt> receipts);
  // Takes an envelope out, whatever became of its commands.
  std::vector<local::Pending> remove(std::uint64_t number);

  struct Again {
    std::uint64_t number = 0;
    Bytes envelope;
  };
  std::vector<Again> take_due(std::uint64_t now_ns, std::uint64_t next_due_ns);  // what is to be given again now
  void set_due(std::uint64_t number, std::uint64_t due_ns);
  std::optional<std::uint64_t> oldest_ns() const;  // when the oldest was first given
  std::size_t size() const;
  void refuse();                           // ends every wait for room
  std::vector<local::Pending> take_all();  // whatever waits for an answer

 private:
  struct Given {
    Bytes bytes;
    std::uint64_t first_ns = 0;
    std::uint64_t due_ns = 0;  // when it is given again
    std::multimap<Digest, local::Pending> commands;
  };
  const std::size_t max_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::map<std::uint64_t, Given> given_;
  std::multimap<Digest, std::uint64_t> by_command_;
  std::uint64_t numbers_ = 0;
  bool closed_ = false;

  void drop(std::map<std::uint64_t, Given>::iterator at);
};

}  // namespace careledger::ordering::abci
