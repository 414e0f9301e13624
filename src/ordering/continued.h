// The ordering of a network whose ledger was an embedded one: an engine's, with the old chain's headers below it, which no engine has.
//
// A node that had the ledger before has all of them; one that came when it grew, the last three.
//
// Thread-safety: as Ordering says.
#pragma once

#include <memory>

#include "ordering/grown.h"
#include "ordering/ordering.h"
#include "replica/replica.h"

namespace careledger::ordering {

// Borrows the replica until stop() has returned.
std::unique_ptr<Ordering> continue_chain(std::unique_ptr<Ordering> engine, const replica::Replica& replica, Grown grown);

}  // namespace careledger::ordering
