// The replica as an engine sees it: ABCI 2.0 calls in, effects and app hashes out.
//
// FinalizeBlock executes and keeps the effect in memory; Commit makes it durable before it answers. Checks, queries and proposals read the
// committed state and never wait for a block that is being executed.
//
// Header times rise by nanoseconds, block times by milliseconds: a block whose header stands in the millisecond of the block before gets
// the next one. All nodes have the same block before, so they agree; a header's own time is what it is.
//
// Thread-safety: handle() is called from one thread a connection; calls that advance the state take turns by a lock.
#pragma once

#include <functional>
#include <mutex>

#include "ordering/abci/attendance.h"
#include "ordering/abci/peer_filter.h"
#include "ordering/abci/pool_book.h"
#include "ordering/abci/proposal.h"
#include "ordering/abci/retention.h"
#include "ordering/abci/snapshot_keeper.h"
#include "ordering/abci/socket_server.h"
#include "replica/replica.h"

namespace careledger::ordering::abci {

struct Ordered {                          // an envelope of a durable block
  Digest envelope;                        // SHA-256 of its bytes
  std::vector<kernel::Receipt> receipts;  // of its commands; none when it did not hold
};

struct ApplicationConfig {
  std::uint64_t app_version = 1;       // stands in every header
  std::string version{};               // of the program; for people
  Height base{};                       // the ledger had blocks up to here before it had an engine, to which it has none of them
  Bytes app_state{};                   // what the engine's genesis must say of the state at that height; none: nothing
  Retention retention{};               // of the engine's blocks, and of the ledger's own; unless told otherwise all are kept
  IsPeer is_peer{};                    // whom the engine may talk to; asked at each connection
  SnapshotKeeper::Config snapshots{};  // for nodes that come later
  // This machine's time, for what may wait in the pool; none: the newest block's, which stands still while nothing is ordered.
  std::function<BlockTime()> now{};
  std::function<void()> on_call{};      // it asked something; on any of its connections
  std::function<void()> on_proposal{};  // one came to be judged: the next block's is made from what the pools get from now on
  // A block is durable: its view and its envelopes. These on the engine's connections: keep them short, ask the engine nothing.
  std::function<void(const replica::View&, std::vector<Ordered>)> on_commit{};
  std::function<void()> on_start{};                                    // an engine asks where to begin: its pool is empty
  std::function<void(const kernel::Misbehaviour&)> on_misbehaviour{};  // stands in a decided block; again when that is replayed
  std::function<void(const PassedOver&)> on_passed_over{};             // an envelope that waits in our pool
  std::function<void(const Error&)> on_failure{};                      // our disk failed: nothing will be committed any more
  // What old blocks need to be dropped, so that they stay: once, until it can be read. It is tried again with each block.
  std::function<void(const Error&)> on_unreadable{};
};

// Whether the engine that asks where to begin speaks what is spoken here; unsupported, with what to install.
Result<void> check_engine(const careledger::abci::RequestInfo& asked);

bool is_of_disk(const Error& error);  // not the engine's doing: what is stored cannot be read or written

class Application final : public Handler {
 public:
  // Borrows the replica. Nothing else may commit to it while an engine drives it.
  Application(replica::Replica& replica, ApplicationConfig config)
      : replica_(replica),
        config_(std::move(config)),
        proposals_(replica),
        snapshots_(config_.snapshots, replica.ledger(), replica.view().height()) {}
  const Proposals& proposals() const { return proposals_; }
  SnapshotKeeper& snapshots() { return snapshots_; }

  // An error is for the engine to stop at: a block that does not follow, another chain, a disk that failed.
  Result<careledger::abci::Response> handle(const careledger::abci::Request& request) override;
  Attendance attendance() const { return attendance_.counted(); }

 private:
  using Request = careledger::abci::Request;
  using Response = careledger::abci::Response;
  Result<Response> answer(const Request& request);
  Result<Response> info(const careledger::abci::RequestInfo& asked);
  Result<Response> init_chain(const careledger::abci::RequestInitChain& asked);
  Result<Response> check_tx(const careledger::abci::RequestCheckTx& asked);
  Result<Response> query(const careledger::abci::RequestQuery& asked) const;
  Result<Response> prepare_proposal(const careledger::abci::RequestPrepareProposal& asked) const;
  Result<Response> process_proposal(const careledger::abci::RequestBlock& asked) const;
  Result<Response> finalize_block(const careledger::abci::RequestBlock& asked);
  Result<std::optional<std::int64_t>> block_bytes_after(Height height) const;
  Result<Response> commit();
  Result<Response> list_snapshots() const;
  Result<Response> load_chunk(const careledger::abci::RequestLoadSnapshotChunk& asked);
  BlockTime time_of(const comet::Timestamp& time) const;

  replica::Replica& replica_;
  const ApplicationConfig config_;
  const Proposals proposals_;
  SnapshotKeeper snapshots_;
  AttendanceBook attendance_;
  PoolBook pool_;
  std::mutex mutex_;
  struct Finalized {
    replica::Execution execution;
    BlockTime time;
    std::vector<Digest> envelopes;
    Bytes proposer;                // its address
    bool has_header_time = false;  // and not a millisecond after the block before
  };
  struct Kept {            // of the engine's blocks once a block is durable
    Height from;           // 0: nobody asked it to drop any
    bool changed = false;  // by this block
    Height own;            // of the ledger's blocks: what was written down of the engine's before this block; 0: all
  };
  Result<Kept> kept_after(const Finalized& block);
  void tell_unreadable(const std::optional<Error>& error, bool& told) const;
  std::optional<Finalized> executed_;  // of the newest FinalizeBlock, not yet committed
  bool told_unreadable_ = false;       // a block, whose time says how old it is
  bool told_undropped_ = false;        // what the log needs of one
};

}  // namespace careledger::ordering::abci
