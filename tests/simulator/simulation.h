// Four replicas, one seed: virtual time, a network that loses and delays, members that crash between any two steps, disks that fail, and a
// proposer who now and then lies. At most one of the four misbehaves at a time.
//
// After each block: one app hash and one set of results for all that reached it; no command is applied twice; what was acknowledged stays.
// At the end everybody catches up, a new node replays the chain from nothing, another is filled from a snapshot, and all are one ledger.
// The same seed gives the same run, step by step: `trace` is a digest of it.
#pragma once

#include <map>
#include <set>

#include "crypto/hash.h"
#include "simulator/sim_node.h"

namespace careledger::simulator {

struct Report {
  std::uint64_t blocks = 0, commands = 0, faults = 0, lies_rejected = 0;
  Digest trace;
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed);
  Report run(std::uint64_t blocks);  // ends the program at the first thing that does not hold, after saying which seed

 private:
  std::uint64_t one_of(std::uint64_t count) { return random_() % count; }
  bool one_in(std::uint64_t count) { return one_of(count) == 0; }
  void note(ByteView what, std::uint64_t value);
  void must(bool holds, const char* what);

  void found();
  void disturb();
  void gossip();
  Decided decide();
  std::vector<kernel::Misbehaviour> accuse();
  Decided lie(const Decided& honest);
  void deliver();
  void catch_up(std::size_t index, std::uint64_t up_to);
  bool apply(SimNode& node, std::uint64_t height, Fault fault);
  void count(const std::vector<kernel::Receipt>& receipts);
  void finish();

  std::uint64_t next_height() const { return chain_.size() + 1; }
  bool trouble() const;  // somebody is down or away
  std::vector<std::size_t> ready() const;

  const std::uint64_t seed_;
  std::mt19937_64 random_;
  replica::test::World world_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<bool> away_;  // cut off: runs, and hears nothing
  std::vector<std::vector<Bytes>> pools_;
  std::vector<Bytes> old_;  // batches that were final once
  std::vector<Decided> chain_;
  std::vector<Effect> effects_;  // of each height, from whoever was first
  std::set<Digest> applied_;
  std::uint64_t counted_ = 0;  // heights whose receipts were looked at
  BlockTime time_{replica::test::World::kStart};
  Report report_;
  Bytes trace_;
};

}  // namespace careledger::simulator
