// A network's ledger whose engine does not run: everything that is here can be read, and nothing is ordered. For `careledger audit` and
// `backup` of a stopped node.
//
// A command is answered `busy`: it went nowhere. Headers and validators are the engine's, and unavailable here.
//
// Thread-safety: as Ordering says.
#pragma once

#include <memory>

#include "ordering/ordering.h"
#include "replica/replica.h"

namespace careledger::ordering {

std::unique_ptr<Ordering> rest(const replica::Replica& replica);  // borrowed

}  // namespace careledger::ordering
