// Four replicas, one seed: virtual time, a network that loses and delays, members that crash between any two steps, disks that fail, and a
// proposer who now and then lies. At most one of the four misbehaves at a time. Each seed has a crash, a member that is cut off and a disk
// that fails at least, at blocks of its own choice; more come by chance.
//
// After each block: one app hash, one set of results and of validators for all that reached it; the rows and the codes that the kernel
// alone comes to (reference.h), and every rule about rows of every contract; no command is applied twice; what was acknowledged stays. At
// the end everybody catches up, a new node replays the chain from nothing, another is filled from a snapshot, and all are one ledger. The
// same seed gives the same run, step by step: `trace` is a digest of it.
#pragma once

#include <map>
#include <set>

#include "crypto/hash.h"
#include "simulator/region.h"
#include "simulator/sim_node.h"

namespace careledger::simulator {

inline constexpr std::uint64_t kBlocksMin = 50;
inline constexpr std::uint64_t kFaultsMin = 3;

struct Report {
  std::uint64_t blocks = 0, commands = 0, lies_rejected = 0;
  std::uint64_t crashes = 0, cuts = 0, disks = 0, late = 0;  // `late`: batches that came to a member after others had them
  std::map<std::string_view, std::uint64_t> codes;           // how many commands got each
  Digest trace;

  std::uint64_t faults() const { return crashes + cuts + disks; }
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed);
  // kBlocksMin blocks at least. Ends the program at the first thing that does not hold, after saying which seed shows it again.
  Report run(std::uint64_t blocks);

 private:
  enum class Trouble : std::uint8_t { crash, cut, disk };
  struct Planned {
    std::uint64_t height;  // not before this block
    Trouble what;
  };
  struct Late {
    std::uint64_t height;
    std::size_t node;
    Bytes tx;
  };

  std::uint64_t one_of(std::uint64_t count) { return random_() % count; }
  bool one_in(std::uint64_t count) { return one_of(count) == 0; }
  void note(ByteView what, std::uint64_t value);
  void must(bool holds, std::string_view what);

  void plan();
  void begin();
  void disturb();
  void make_trouble(Trouble what);
  void gossip();
  void offer(std::size_t node, const Bytes& tx);
  Decided decide();
  void pass_time();
  std::vector<kernel::Misbehaviour> accuse();
  Decided lie(const Decided& honest);
  void append(Decided block);
  void deliver();
  void catch_up(std::size_t index, std::uint64_t up_to);
  bool apply(SimNode& node, std::uint64_t height, Fault fault);
  void compare(const SimNode& node);
  void finish();
  void fill_from_snapshot(const SimNode& other);

  std::uint64_t next_height() const { return chain_.size() + 1; }
  bool trouble() const;  // somebody is down or away, or a disk is about to fail
  std::vector<std::size_t> ready() const;

  const std::uint64_t seed_;
  std::uint64_t blocks_ = kBlocksMin;
  std::mt19937_64 random_;
  Region region_;
  Reference reference_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<bool> away_;              // cut off: runs, and hears nothing
  std::optional<std::size_t> failing_;  // whose disk fails at its next commit
  std::vector<Planned> planned_;        // by height
  std::vector<std::vector<Bytes>> pools_;
  std::vector<Late> late_;
  std::vector<Bytes> old_;  // batches that were final once
  std::vector<Decided> chain_;
  std::vector<Effect> effects_;  // of each height, from whoever was first
  std::set<Digest> applied_;
  std::uint64_t compared_ = 0;  // heights that were held against the reference
  BlockTime time_{Region::kStart};
  Report report_;
  Bytes trace_;
};

}  // namespace careledger::simulator
