// What the embedded ledger stores beside each block: its header with the commit, and the hash of the newest block's results.
//
// Thread-safety: pure functions over a View.
#pragma once

#include "ordering/local/chain_maker.h"
#include "replica/replica.h"

namespace careledger::ordering::local {

std::vector<replica::SideRow> side_rows(const proof::Block& block, const proof::Commit& commit, ByteView results_hash,
                                        const proof::ValidatorSet& validators);
Result<proof::SignedHeader> read_header(const replica::View& view, Height height);  // not_found, corrupt
Result<proof::ValidatorSet> read_validators(const replica::View& view);             // not_found before the first block
// The tip as the store has it; the genesis tip when there is no block.
Result<Tip> read_tip(const replica::View& view);

}  // namespace careledger::ordering::local
