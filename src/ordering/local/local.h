// The embedded ledger's ordering: one process, one validator, group commit.
//
// A block takes what has arrived while the last one became durable; no timer delays an urgent command. Commands of the mixed lane wait
// for the end of the epoch and are sorted by digest. After a block with commands exactly one without follows when nothing else waits: its
// header carries the app hash that makes the last write provable. Besides that, one block a day, so that trust in old headers can be kept
// up.
//
// When the ledger grows into a network, its last command stands alone in a block, and the block after it is the last of this chain: the
// seal, whose header names who signs from then on. This node's key is not used any more, and every command is answered `sealed`. A crash
// between the two is made up for at the next start.
//
// Durable before anyone is told. A storage fault ends ordering: everything pending and everything later gets `unknown`, and has_quorum()
// turns false; reopen the node.
#pragma once

#include <atomic>
#include <memory>

#include "base/clock.h"
#include "ordering/ordering.h"
#include "replica/replica.h"

namespace careledger::ordering::local {

// Nanoseconds that the embedded ordering itself spends, beside the replica's stages (replica::Replica::StageTimes).
struct StageTimes {
  std::atomic<std::uint64_t> envelopes{0};  // commands put into their organisations' signed envelopes
  std::atomic<std::uint64_t> header{0};     // the block's hashes, its header and the validator's vote
  std::atomic<std::uint64_t> answers{0};    // receipts handed to whoever waits for them
};

struct Config {
  std::uint64_t app_version = 1;            // protocol version, in every header
  std::uint32_t epoch_ms = 10'000;          // mixed lane [1, 3,600,000]
  std::size_t pending_max = 65'536;         // commands taken and not yet answered; above it: busy
  std::size_t block_commands_max = 8'192;   // in one block
  std::uint64_t quiet_ms_max = 86'400'000;  // longest time without a block
  std::shared_ptr<StageTimes> times = {};   // counted here too when given, for measurements
};

// What the last command names: the newest block, and the state after it.
struct Newest {
  proof::SignedHeader header;
  replica::View view;
};

class Local : public Ordering {
 public:
  // Puts the command that `make` signs, of what is newest then, alone into the next block. `done` hears its receipt; of one that grew the
  // ledger when the seal is durable. precondition: there is no block yet, or the ledger is sealed; unavailable: it was stopped, or its
  // disk failed. Both run on the ordering's thread, or on the caller's when the answer is known at once.
  using Make = UniqueFunction<Result<Bytes>(const Newest&)>;
  virtual void put_alone(OrganisationId organisation, Make make, UniqueFunction<void(const Result<kernel::Receipt>&)> done) = 0;
  virtual bool sealed() const = 0;
};

// Borrows replica and clock until stop() has returned. `validator` signs every header and nothing else; it must be the key under which
// this ledger's first block was signed (corrupt otherwise), but for a sealed one, which needs none. precondition: the ledger is a
// network's.
Result<std::unique_ptr<Local>> start(replica::Replica& replica, crypto::SigningKey validator, const Clock& clock, const Config& config);

}  // namespace careledger::ordering::local
