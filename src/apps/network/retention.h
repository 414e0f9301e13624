// What an operator may ask of his engine about old blocks, and what is said where they are missed.
//
// Thread-safety: pure.
#pragma once

#include <string_view>

#include "base/result.h"
#include "ordering/abci/retention.h"

namespace careledger::apps::network {

// `serve --keep-blocks`: 0 keeps all blocks; invalid, with the least number, when something would go that can still convict a validator or
// that engines still trust (two weeks). A trust file may be believed for longer (`prove --trusting-period`).
Result<ordering::abci::Retention> retention_of(std::uint64_t keep_blocks);

// For whoever waits for blocks that do not come; a line.
inline constexpr std::string_view kOldBlocksHint =
    "  A member that drops old blocks (serve --keep-blocks) cannot give them: one that keeps all must be among those that this node "
    "knows.\n";

}  // namespace careledger::apps::network
