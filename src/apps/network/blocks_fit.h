// Whether the two halves of a network's node go together: the blocks that its engine keeps, and the ledger that executed them. An engine
// whose ledger is above its blocks, or below the lowest of them, ends at each start; a ledger between them goes on by executing what it
// lacks. An older copy of one half beside the other is how either comes about.
//
// Thread-safety: pure, but where it says otherwise.
#pragma once

#include <memory>

#include "apps/network/engine_store.h"
#include "apps/network/member.h"

namespace careledger::apps::network {

// precondition: they do not go together; in words that say what to do. `begins_above`: the height below the first block, whose state came
// without one: 0, or the seal of a ledger that was an embedded one.
Result<void> check_fit(const Layout& layout, Height ledger, Height begins_above, const EngineBlocks& blocks);

// The same of what an engine was asked for: the newest block that it keeps. What it did not tell goes to `tell` alone, and is 0.
Result<Height> check_told(const Layout& layout, Height ledger, Height begins_above, const Result<EngineBlocks>& kept,
                          const std::function<void(const std::string&)>& tell);

// The same of a node that starts, whose engine does not run yet; the newest block that the engine keeps, 0 when none is known. corrupt:
// they are gone. What the engine's store does not tell is told to on_event alone: without its engine a node reads, and takes records.
Result<Height> check_blocks(const Member::Parts& parts);

// A ledger that is behind its engine's blocks executes them when the engine starts. Until then nobody may go by its state: the
// organisations' numbers and heads are held against a ledger that knows all that they sent before.
//
// Thread-safety: made before anything commits; end() from any thread.
class Replay {
 public:
  Replay(replica::Replica& replica, Height to);
  void end() const;    // the engine did, or our disk failed: nothing is waited for
  void await() const;  // gives up when no block comes for half a minute, since a node without its engine still reads

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace careledger::apps::network
