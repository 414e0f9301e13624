// Which envelopes may stand in a block. The same rule picks them for our own proposal and judges the proposals of others, so that an honest
// proposal is never rejected: it looks at the bytes, the block's time and the committed state of the height below, which all nodes share.
//
// An envelope stands when it parses, is signed by an organisation (or founder) that may send, came not twice in the block, and holds at
// least one command whose number is not used up. What its commands do is decided by execution and never a reason to reject a block.
//
// Thread-safety: pure functions over the replica's committed state.
#pragma once

#include <span>

#include "ordering/abci/abci.pb.h"
#include "replica/replica.h"

namespace careledger::ordering::abci {

using Transactions = google::protobuf::RepeatedPtrField<Bytes>;

// Of one envelope: ok, too_large, malformed, unknown_actor, actor_not_active, bad_signature; replayed when all its commands are used up.
Result<kernel::KernelCode> judge_envelope(const replica::Replica& replica, ByteView transaction, BlockTime time);

// The first ones of `offered` that stand, in order, in at most `bytes_max` bytes as the engine counts them.
Result<std::vector<Bytes>> pick(const replica::Replica& replica, const Transactions& offered, std::int64_t bytes_max, BlockTime time);

// Whether a block of exactly these may be voted for. The error is a disk's; a proposal that breaks the rule is `false`.
Result<bool> accepts(const replica::Replica& replica, const Transactions& proposed, BlockTime time);

}  // namespace careledger::ordering::abci
