// Notices an engine that stays behind the others though it runs.
//
// An engine that starts fetches whole blocks from its peers until it has what they have (block sync), and then takes part in consensus,
// until it is started again. CometBFT leaves out peers whose blocks do not reach down to its own height, since such blocks cannot be asked
// for: when at one moment only members that drop old blocks have told what they keep, it takes itself for caught up, at its old height.
// From then on blocks come one by one from whoever keeps all, or none when nobody does; a new start makes it ask everybody anew.
//
// How high the others are is what they say. One that lies alone is not believed: more than a third of the members that this node knows must
// be far above it. And who stays behind after a new start waits twice as long for the next one: it may be that nobody has the blocks.
//
// Thread-safety: one thread.
#pragma once

#include <optional>
#include <vector>

#include "ordering/abci/engine_rpc.h"

namespace careledger::ordering::abci {

// So many blocks lie between this engine and what more than a third of `members` others say that they have; 0: it has them; nullopt: too
// few have said anything.
std::optional<std::uint64_t> blocks_behind(Height own, std::vector<Height> peers, std::size_t members);

class LeftBehind {
 public:
  static constexpr std::uint64_t kFar = 100;  // blocks; fewer are made up for by consensus itself
  explicit LeftBehind(std::uint64_t far = kFar) : far_(far) {}

  // At each look, some time apart: whether it shall be started again, because between two looks it did not make up half of what it lacks.
  bool look(const EngineStatus& engine, std::vector<Height> peers, std::size_t members);

 private:
  static constexpr std::uint32_t kWaitMax = 128;  // looks
  const std::uint64_t far_;
  std::uint64_t before_ = 0;  // how far behind it was at the look before; 0: not far
  std::uint32_t stuck_ = 0;   // looks at which it was
  std::uint32_t wait_ = 1;    // so many are borne
};

}  // namespace careledger::ordering::abci
