// From which block on this node has signed headers. A ledger has them of all its blocks, from its first height on, but in a network where
// the engine was told to drop old ones (abci/retention.h): the ledger remembers below which, and drops its own after that.
//
// Thread-safety: pure, of a view.
#pragma once

#include "replica/replica.h"

namespace careledger::ordering {

// From where on the engine was told to keep blocks; nullopt: it never was. Errors: as first_header().
Result<std::optional<Height>> headers_remembered(const replica::View& view);
// The lowest block whose header, votes and validators are here; corrupt, when it would lie above the newest block too; storage.
Result<Height> first_header(const replica::View& view);
// not_found: they are not here, and who may have them.
Result<void> check_header_kept(const replica::View& view, Height height);
// What is stored with the block from which on they are dropped.
replica::SideRow headers_from(Height first);

}  // namespace careledger::ordering
