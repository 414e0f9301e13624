// Adds one block to the chain of an embedded ledger: made, signed, executed, durable. The one way; the sequencer and whoever shows what a
// stolen key can do use it alike.
//
// Thread-safety: one thread a replica.
#pragma once

#include "ordering/local/chain_maker.h"
#include "replica/replica.h"

namespace careledger::ordering::local {

struct AddedBlock {
  replica::View view;
  std::vector<std::vector<kernel::Receipt>> receipts;  // of each batch, in order; none of one that did not hold
  std::uint64_t header_ns = 0;                         // what the block's hashes, its header and the vote took
};
// The block after `tip`, at max(tip + 1 ms, now); `successors` as ChainMaker::next() says. `tip` is the new one when it returns well, and
// untouched otherwise; after a storage fault the replica must be reopened.
Result<AddedBlock> add_block(replica::Replica& replica, const ChainMaker& maker, Tip& tip, std::vector<Bytes> batches, BlockTime now,
                             const proof::ValidatorSet* successors = nullptr);

}  // namespace careledger::ordering::local
