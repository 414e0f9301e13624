// Where an embedded ledger ends and the network begins that it grew into: what the state says of it (contracts/governance, `grow`).
//
// Thread-safety: pure, of a view.
#pragma once

#include <optional>

#include "contracts/governance/governance.h"
#include "proof/chain.h"
#include "replica/view.h"

namespace careledger::ordering {

// Nothing while the ledger has not grown, and of one that was a network from the beginning.
std::optional<contracts::governance::Growth> growth_of(const replica::View& view);

// The block that ends the old chain; the network's first is the one after it.
Height seal_height(const contracts::governance::Growth& growth);

// Members with a vote, by the state: who signs the blocks to come.
proof::ValidatorSet voters(const replica::View& view);

}  // namespace careledger::ordering
