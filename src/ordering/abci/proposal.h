// Which envelopes may stand in a block. One rule picks them for our own proposal and judges the proposals of others, so that an honest
// proposal is never rejected: it looks at the bytes, the block's time and the committed state of the height below, which all nodes share.
//
// An envelope stands when it and all its commands parse, it is signed by an organisation (or founder) that may send, came not twice in the
// block, and holds at least one command whose number the block would consume: right ledger, known actor, signed, in time, not used up. So
// an envelope is of use once, and nobody else can have it ordered again in its sender's name. What becomes of its commands is decided by
// execution and never a reason to reject a block.
//
// One that holds a command twice (by its digest) is malformed: no honest node seals it. Two envelopes may hold the same command: a client
// that hears nothing gives it to another node too, and neither knows of the other. A block that was decided is executed whatever it holds:
// of a command that stands in it twice the second copy is `replayed`.
//
// For our own proposals there is one more: no command that expires too far ahead of the block's time. After an outage the first block
// carries the time of before; such an envelope waits for the next.
//
// Thread-safety: safe from any thread.
#pragma once

#include <memory>
#include <span>

#include "base/recent.h"
#include "ordering/abci/abci.pb.h"
#include "replica/replica.h"

namespace careledger::ordering::abci {

using Transactions = google::protobuf::RepeatedPtrField<Bytes>;

class Proposals {
 public:
  explicit Proposals(const replica::Replica& replica) : replica_(replica) {}

  struct Judgement {
    // ok, too_large, malformed, unknown_actor, actor_not_active, bad_signature; when it holds nothing that a block at the given time would
    // consume, what its first command would get.
    kernel::KernelCode code = kernel::KernelCode::ok;
    Digest envelope;        // SHA-256 of its bytes
    OrganisationId sender;  // when it is ok
  };
  Result<Judgement> judge(ByteView transaction, BlockTime time) const;

  // The first ones of `offered` that stand, that do not have to wait, in order, in at most `bytes_max` bytes as the engine counts them.
  Result<std::vector<Bytes>> pick(const Transactions& offered, std::int64_t bytes_max, BlockTime time) const;

  // Whether a block of exactly these may be voted for. The error is a disk's; a proposal that breaks the rule is `false`.
  Result<bool> accepts(const Transactions& proposed, BlockTime time) const;

 private:
  struct Parsed {
    kernel::KernelCode form = kernel::KernelCode::ok;
    kernel::ReceivedBatch batch;  // when its form is sound
  };
  std::shared_ptr<const Parsed> parse(ByteView transaction, const Digest& digest) const;
  Result<kernel::KernelCode> judge(const Parsed& parsed, BlockTime time) const;

  const replica::Replica& replica_;
  // An envelope is asked about when it comes, after each block while it waits, for a proposal and for a vote; parsing is most of the cost.
  static constexpr std::size_t kKeptBytes = 16u << 20;
  mutable Recent<Digest, std::shared_ptr<const Parsed>, IdHash> parsed_{kKeptBytes};
};

}  // namespace careledger::ordering::abci
