// Which commands go into the next block, and in which order. Urgent and owed ones as they come; mixed ones when the epoch in which they
// came is over, by digest, but each actor's in the order of their numbers: the ledger's window forgives 256 of them. That tells nothing,
// since actor and number stand in the commands.
//
// Reads no clock, so that the simulation of what a reader of the ledger can learn (tests/linkage) runs this very code. Not thread-safe.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/function.h"
#include "ordering/ordering.h"

namespace careledger::ordering::local {

struct Pending {
  OrganisationId organisation;
  Bytes bytes;  // the SignedCommand
  Lane lane = Lane::urgent;
  Digest digest;
  UniqueFunction<void(const Answer&)> done;
  AccountId actor{};  // who signed it, and under which number
  std::uint64_t sequence = 0;
  std::uint64_t arrived_ns = 0;   // on the monotonic clock
  std::uint64_t wait_max_ns = 0;  // busy when those before it had waited longer as it came; 0: it is taken all the same
};

class Lanes {
 public:
  Lanes(std::uint32_t epoch_ms, std::size_t take_max) : epoch_ms_(epoch_ms), take_max_(take_max) {}

  void put(Pending pending, BlockTime now);
  bool has_ready(BlockTime now) const { return !urgent_.empty() || mixed_due(now); }
  bool fills(std::size_t bytes) const { return urgent_bytes_ >= bytes || urgent_.size() >= take_max_; }  // with urgent ones alone
  std::optional<std::uint64_t> oldest_urgent_ns() const;
  std::optional<BlockTime> next_due() const;  // nullopt: none of the mixed lane waits
  // What is ready, urgent first: at most take_max, and no more than bytes_max but for the first.
  std::vector<Pending> take(BlockTime now, std::size_t bytes_max = SIZE_MAX);
  std::vector<Pending> take_all();                // whatever waits
  BlockTime due(Lane lane, BlockTime now) const;  // when a command that comes now is ready

 private:
  bool mixed_due(BlockTime now) const;
  static void sort(std::vector<Pending>& epoch);

  const std::uint32_t epoch_ms_;
  const std::size_t take_max_;
  std::deque<Pending> urgent_;  // and owed
  std::size_t urgent_bytes_ = 0;
  std::map<std::int64_t, std::vector<Pending>> mixed_;  // by the end of their epoch
};

}  // namespace careledger::ordering::local
