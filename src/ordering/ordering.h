// Total order for signed commands. Two adapters drive the same replica: local/ (embedded, one process) and abci/ (an engine). Nothing
// above this header knows which one runs, and nothing names an engine or a version of one.
//
// Thread-safety: every method is safe from any thread. `done` runs exactly once for each submission, on a thread of the ordering, or on the
// caller's when the answer is known at once: it must be short and must not call stop().
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/function.h"
#include "base/ids.h"
#include "base/result.h"
#include "crypto/sign.h"
#include "kernel/execute.h"
#include "proof/chain.h"

namespace careledger::ordering {

enum class Outcome : std::uint8_t {
  // Ordered, executed and durable here; the receipt holds the answer. With a code that used the number up (kernel::consumes_number) it is
  // the answer for ever. With another, such as actor_not_active, it is about the copy that was ordered: the bytes are public then, and
  // until they expire a block may still apply them.
  final,
  refused,  // failed the check at this node; went nowhere and used up no sequence number; the receipt's code says why
  busy,     // not accepted; try again after retry_after_ms
  sealed,   // not accepted: the chain of one key has ended, and the network that it grew into takes the same bytes; after retry_after_ms
  unknown,  // accepted, but this node cannot tell what became of it; sending the same bytes again, anywhere, is safe
};

struct Answer {
  Outcome outcome = Outcome::unknown;
  std::optional<kernel::Receipt> receipt;  // for final and refused
  std::uint32_t retry_after_ms = 0;        // for busy and sealed
};

// Urgent commands (grant, heads, anchors) go at once; `busy` while what came before them waits too long to leave. Owed ones go at once
// too, and are not refused for that: a revocation, and what somebody was told would go. Mixed ones wait for the end of the epoch and go in
// the order of their digests, so that the ledger does not tell which act of one patient belongs to which other.
enum class Lane : std::uint8_t { urgent, owed, mixed };

// Signs envelopes for one organisation, with a key that is never the validator's.
class BatchSigner {
 public:
  virtual ~BatchSigner() = default;
  virtual std::uint32_t key_number() const = 0;
  virtual crypto::Signature sign(ByteView message) const = 0;
};

// Whose votes stand in the newest blocks, as far as this node has seen them since it was started: at most 100. A block needs more than two
// thirds of all votes and waits for no other, so that a sound validator may miss some; one that signed none of many is away.
struct Attendance {
  std::size_t blocks = 0;
  std::map<Bytes, std::size_t> signed_by;  // validator's address (20 bytes): how many it signed
};

class Ordering {
 public:
  virtual ~Ordering() = default;

  // Takes `signed_command` (canonical bytes of a SignedCommand) for the organisation that answers for it, or answers at once; never
  // blocks. The same bytes sent twice get the first receipt.
  virtual void submit(OrganisationId organisation, Bytes signed_command, Lane lane, UniqueFunction<void(const Answer&)> done) = 0;

  // The organisation whose batches this node may sign. Replaces an earlier signer of the same organisation.
  virtual void host(OrganisationId organisation, std::shared_ptr<const BatchSigner> signer) = 0;

  // What an outsider needs to believe a height: its header with the commit that signed it, and the validators. not_found.
  virtual Result<proof::SignedHeader> header(Height height) const = 0;
  virtual Result<proof::ValidatorSet> validators(Height height) const = 0;
  virtual Height height() const = 0;  // of the newest durable block; its app hash stands in the header after it

  // Runs `done` once a header that carries the app hash of `height` is durable: at once when it is. Also when
  // there will be none, because the ordering stopped or failed: whoever goes on looks at what is provable, and nobody waits for ever.
  virtual void when_provable(Height height, UniqueFunction<void()> done) = 0;

  virtual Attendance attendance() const { return {}; }  // nothing where one validator signs alone
  virtual bool has_quorum() const = 0;                  // false: writes wait; reads and emergencies go on
  virtual void stop() = 0;  // answers `unknown` to what is pending; touches the replica no more afterwards; idempotent
};

}  // namespace careledger::ordering
