// Whether this machine's clock is wrong, as the blocks tell: their time lies in the middle of what the validators' clocks say, so that a
// single clock that differs from it is the one that is wrong.
//
// Behind is seen at once: no block comes from the future. Ahead is seen when blocks come for a while and the clock stays as far ahead of
// them: an old block alone may be caught up with, or the first one after the network stood still.
//
// Not thread-safe.
#pragma once

#include <optional>

#include "base/ids.h"

namespace careledger::ordering::abci {

class ClockWatch {
 public:
  // A block became durable when the clock said `now`. How many milliseconds the clock is ahead of the blocks (below 0: behind them), once
  // each time that it is seen to be wrong.
  std::optional<std::int64_t> block(BlockTime block, BlockTime now, std::uint64_t monotonic_ns);

 private:
  bool is_ahead(std::int64_t ahead_ms, std::uint64_t monotonic_ns);

  struct Seen {
    std::int64_t ahead_ms;
    std::uint64_t at_ns;
    int blocks;
  };
  std::optional<Seen> first_;  // of the blocks that the clock is ahead of by about the same time
  bool told_ = false;
};

}  // namespace careledger::ordering::abci
