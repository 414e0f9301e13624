// Which of its blocks an engine keeps. With each block it is told from where on; what lies below it drops for good. The ledger's own copies
// of the same blocks go with the blocks after that.
//
// A block is dropped when it is older than both bounds: more blocks stand above it, and more time lies between it and the newest one. By
// the same rule the engine forgets evidence against validators, so that with the bounds of the consensus parameters nothing goes that could
// still convict anybody. Blocks go in steps of equal size: also when somebody asks for it late, on a long chain, no block waits for long.
//
// Nothing of this is part of consensus: each node decides for itself, and no answer or hash depends on it.
//
// Thread-safety: pure.
#pragma once

#include <functional>
#include <optional>

#include "base/ids.h"

namespace careledger::ordering::abci {

struct Retention {
  std::uint64_t blocks = 0;       // so many stay below the newest, at least; 0: all of them
  std::int64_t milliseconds = 0;  // and those that are not older than this when the newest is made
  std::uint64_t step = 100;       // so many go at once
};

struct KeptBlocks {
  Height from;                   // the lowest that is kept so far
  Height newest;                 // durable; what the engine has to replay after a crash begins above it
  BlockTime newest_time;         // and its time
  std::optional<Height> needed;  // this one and those above it stay, whatever their age: a snapshot that is offered goes on from there
};

// From where on blocks are kept now: `kept.from`, or one step above. Always below the newest. `time_of` a block here; one that has none
// cannot be read, and stays: an audit names it.
Height keep_from(const Retention& retention, const KeptBlocks& kept, const std::function<std::optional<BlockTime>(Height)>& time_of);

}  // namespace careledger::ordering::abci
