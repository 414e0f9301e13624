// Ordering by an engine: signed commands travel in envelopes through its pool, and are answered when the block that holds them is durable
// here.
//
// An envelope takes what is ready, at most batch_bytes: at once while none of this node's is in flight; else when it is full or a block
// is proposed (sender.h). At most `in_flight_max` of a node are not final. So an idle network answers at once and a busy one fills its
// batches. An envelope that is not final after `repeat_ms` is given to the engine again, with the same bytes, and all are when the engine
// was started again: its pool does not outlive it. Commands are final at most once, and those of one actor keep their order.
//
// Without a quorum nothing becomes final: commands wait, has_quorum() is false, and everything goes on when the engine does. has_quorum()
// is true until something says otherwise: an envelope that waits, empty blocks that do not come, no engine at our socket.
//
// A failed disk ends it: what waits gets `unknown`, has_quorum() is false, the socket is closed, and on_fault gets the error (storage or
// corrupt) once; the host then ends the engine, which nothing answers any more, and opens the node again.
//
// Thread-safety: as Ordering says. No callback runs on the engine's connection.
#pragma once

#include <memory>

#include "base/clock.h"
#include "ordering/abci/application.h"
#include "ordering/abci/engine_rpc.h"
#include "ordering/ordering.h"

namespace careledger::ordering::abci {

struct EngineConfig {
  ApplicationConfig application;     // its clock and hooks but on_misbehaviour, on_passed_over and on_unreadable are set here
  std::string socket;                // where the engine dials
  std::uint32_t epoch_ms = 10'000;   // mixed lane [1, 3,600,000]
  std::size_t pending_max = 65'536;  // commands taken and not yet answered; above it: busy
  // Urgent ones get busy, with this time, while more than the next envelope takes waits and the first of it, or of their actor, has waited
  // longer and blocks come: the network cannot do more. A burst may wait, and so does what slow blocks make wait.
  std::uint32_t wait_max_ms = 250;
  std::size_t batch_bytes = 64 * 1024;
  // Envelopes: one in the block that is decided, one that the next proposer has, one on its way to him. More would only wait in the pools.
  std::size_t in_flight_max = 3;
  std::uint32_t repeat_ms = 5'000;
  std::uint32_t gather_ms = 100;                 // how long a command waits for others while envelopes are in flight and no proposal comes
  std::uint32_t quorum_ms = 3'000;               // an envelope that waits longer says that there is no quorum
  std::uint32_t empty_block_ms = 10'000;         // how often the engine makes one on an idle chain
  std::function<void(const Error&)> on_disk{};   // ours failed, and the engine hears of it next: on its connection, keep it short
  std::function<void(const Error&)> on_fault{};  // a connection of the engine ended badly, or our disk failed; any thread
  // This machine's clock is wrong: by so many milliseconds ahead of the blocks, below 0: behind them (clock_watch.h); one thread.
  std::function<void(std::int64_t)> on_clock{};
};

// Listens on the socket and serves the engine from then on. Borrows replica, transport and clock until stop() has returned.
Result<std::unique_ptr<Ordering>> start(replica::Replica& replica, Transport& transport, const Clock& clock, EngineConfig config);

}  // namespace careledger::ordering::abci
