// The embedded ledger's ordering: one process, one validator, group commit.
//
// A block takes what has arrived while the last one became durable; no timer delays an urgent command. Commands of the mixed lane wait
// for the end of the epoch and are sorted by digest. After a block with commands exactly one without follows when nothing else waits: its
// header carries the app hash that makes the last write provable. Besides that, one block a day, so that trust in old headers can be kept
// up.
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

// Borrows replica and clock until stop() has returned. `validator` signs every header and nothing else; it must be the key under which
// this ledger's first block was signed (corrupt otherwise).
Result<std::unique_ptr<Ordering>> start(replica::Replica& replica, crypto::SigningKey validator, const Clock& clock, const Config& config);

}  // namespace careledger::ordering::local
