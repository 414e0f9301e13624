// The blocks of an embedded ledger's chain as they were made: taken from the store of who has them, and put into another one, which then
// has what the first has. They are executed again for that, so that whatever does not follow from them shows.
//
// Thread-safety: one thread a replica.
#pragma once

#include "proof/chain.h"
#include "replica/replica.h"

namespace careledger::ordering::local {

// As it was signed, byte for byte: its id is the one in its commit. not_found: the block, or the header before it, is not kept here;
// corrupt.
Result<proof::Block> stored_block(const replica::View& view, Height height);

// Puts the next block of that chain into a replica which holds those before it; `commit` is the block's own. invalid: it does not follow
// them, or its header does not say what they gave.
Result<void> repeat_block(replica::Replica& replica, const proof::Block& block, const proof::Commit& commit,
                          const proof::ValidatorSet& validators);

}  // namespace careledger::ordering::local
