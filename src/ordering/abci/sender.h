// Gives this node's commands to the engine, in one order: what was given before and is due again goes before anything new, oldest first;
// an engine's pool and its gossip keep that order. So a burst of one actor cannot overtake itself by more than the ledger's window
// forgives, not even when the engine dies in the middle of it and its pool with it.
//
// A new envelope takes what is ready, at most batch_bytes, while there is room among those in flight. On an idle network it leaves at once;
// while others are in flight it waits for more until it is full, a proposal comes, or gather_ms are over: an engine's cost is by the
// envelope, and each block takes one of every busy node. A proposal, not the block's end: the next proposer begins right after that with
// what its pool has by then, and what left at a block's end would wait for the block after.
//
// A command that several callers gave stands once in an envelope, and all of them are answered by it.
//
// Numbers of one actor beyond that window wait for those before them; when they waited too long, more are told `busy` unless owed.
//
// Thread-safety: start and stop belong to one thread; the rest is safe from any. Answers that it gives run on its own thread.
#pragma once

#include <atomic>
#include <deque>
#include <thread>

#include "ordering/abci/engine_rpc.h"
#include "ordering/abci/in_flight.h"
#include "ordering/local/intake.h"

namespace careledger::ordering::abci {

struct SenderConfig {
  std::size_t batch_bytes = 64 * 1024;
  std::uint32_t repeat_ms = 5'000;  // an envelope that is not final by then is given again
  std::uint32_t gather_ms = 100;
};

class Sender {
 public:
  // Borrows everything until stop() has returned.
  Sender(const replica::Replica& replica, const Proposals& proposals, const Clock& clock, Transport& transport, local::Intake& intake,
         InFlight& in_flight, EnvelopeMaker& maker, SenderConfig config)
      : replica_(replica),
        proposals_(proposals),
        clock_(clock),
        rpc_(transport),
        intake_(intake),
        in_flight_(in_flight),
        maker_(maker),
        config_(config) {}
  ~Sender() { stop(); }
  void start();
  void proposal_came();                // what is gathered leaves: it is in the pools in time for the next one
  void block_ended();                  // there may be room, or nothing in flight any more
  void engine_started();               // everything in flight is due: its pool is empty
  void stop();                         // idempotent; what it had taken and not yet given is left in left()
  std::vector<local::Pending> left();  // after stop()

 private:
  void run();
  void refill(std::uint64_t wait_until_ns);
  std::vector<local::Pending> choose(std::uint64_t wait_until_ns);
  void take_held(std::vector<local::Pending>& chosen, std::size_t& bytes);
  void hold(local::Pending pending);
  std::uint64_t give_due();
  bool give(const InFlight::Again& envelope);
  Result<kernel::KernelCode> judge(const InFlight::Again& envelope) const;
  void settle(const InFlight::Again& envelope, kernel::KernelCode code);
  Answer answer_for(const local::Pending& pending, bool taken, kernel::KernelCode code) const;

  const replica::Replica& replica_;
  const Proposals& proposals_;
  const Clock& clock_;
  EngineRpc rpc_;
  local::Intake& intake_;
  InFlight& in_flight_;
  EnvelopeMaker& maker_;
  const SenderConfig config_;
  std::atomic<bool> stopping_{false};

  // Its thread's alone.
  std::map<AccountId, std::multimap<std::uint64_t, local::Pending>> held_;  // too far from the actor's numbers under way
  std::deque<Envelope> sealed_;                                             // waiting for room
  std::uint64_t not_before_ns_ = 0;                                         // the engine is full or away until then
  std::thread thread_;
};

}  // namespace careledger::ordering::abci
