// The only object that advances state: check, execute, commit, undo, observe.
//
// A block is executed on the committed state without changing it, any number of candidates at once, and gives its app hash. Committing one
// writes rows, block, receipts, index and log in one synced batch and then publishes the view. Ordering (embedded or an engine) drives it.
//
// Thread-safety: view, check, check_envelope, judge and execute are safe from any thread and never wait for commit; commit, not_dropped,
// undo_last and observe belong to one thread.
#pragma once

#include <span>
#include <vector>

#include "base/function.h"
#include "kernel/execute.h"
#include "proof/chain.h"
#include "replica/row_cache.h"
#include "replica/signature_cache.h"
#include "replica/view.h"

namespace careledger::replica {

struct Block {
  Height height;               // view().height() + 1
  BlockTime time;              // after the block before
  std::vector<Bytes> batches;  // encoded SignedBatch, in order; any bytes: a batch that does not parse or hold gets its code
  std::vector<kernel::Misbehaviour> misbehaviour{};  // what the engine says of validators, any; judged before the batches
};

struct BlockEvent {
  std::uint32_t position = 0;  // of the command that emitted it
  kernel::Event event;
};

class Execution {  // a block's effect, not yet durable; dropping it costs nothing
 public:
  Execution(Execution&&) noexcept = default;
  Execution& operator=(Execution&&) noexcept = default;
  Height height() const { return block_.height; }
  Digest app_hash() const;                                                  // after this block
  std::span<const kernel::Receipt> receipts() const { return receipts_; }   // one a command of the batches that held, in block order
  std::vector<std::span<const kernel::Receipt>> receipts_by_batch() const;  // the same; none of a batch that did not hold
  std::span<const proof::TxResult> results() const { return results_; }     // one a batch: what LastResultsHash covers
  std::span<const BlockEvent> events() const { return events_; }
  std::span<const proof::Validator> validator_updates() const { return validator_updates_; }  // of the block

 private:
  friend class Replica;
  friend class BlockRun;
  Execution() = default;
  std::shared_ptr<const View::Committed> base_;
  Block block_;
  std::vector<BatchResult> stored_results_;
  std::vector<kernel::Receipt> receipts_;
  std::vector<proof::TxResult> results_;
  std::vector<BlockEvent> events_;
  std::vector<proof::Validator> validator_updates_;
  kernel::Changes changes_;
  std::vector<std::pair<kernel::Key, kernel::RowValue>> before_;  // what the changed rows held
  StateTree tree_;
  proof::CompactRange log_;
  storage::Batch log_rows_;
  std::vector<Bytes> log_keys_;
};

struct SideRow {  // the ordering's own, stored with the block: headers, commits, validators
  Bytes key;
  Bytes value;
};

// What observers get: after durability, in block order, on the committing thread.
struct CommittedBlock {
  const View& view;
  std::span<const kernel::Receipt> receipts;
  std::span<const BlockEvent> events;
};

inline constexpr std::uint64_t kDroppedAtOnce = 32;  // blocks that a commit takes out, at most

struct Config {
  Bytes founding;              // encoded kernel::Founding: what a new ledger begins with, and what an old one must have begun with
  std::size_t threads = 1;     // helpers for signatures and the Merkle map; never changes a result
  std::size_t views_kept = 8;  // past heights that view_at() answers
  std::size_t signatures_cached = 200'000;   // about 60 bytes each
  std::size_t row_cache_bytes = 32u << 20;   // so that what was read for a check is still there three full blocks later
  std::size_t shown_cache_bytes = 4u << 20;  // of rows that proofs show
};

class Replica {
 public:
  // Opens what the store holds, or writes the genesis state into an empty one. `store` may be shared with readers. Errors: corrupt when
  // rows, log and the stored roots do not fit (the message says which); invalid when the founding document is not sound or is another
  // ledger's; storage. `contracts` must outlive the replica.
  static Result<std::unique_ptr<Replica>> open(const Config& config, std::shared_ptr<storage::Store> store,
                                               std::span<const kernel::Contract> contracts);
  ~Replica();

  const LedgerId& ledger() const { return ledger_; }
  std::span<const kernel::Contract> contracts() const { return contracts_; }
  View view() const;
  Result<View> view_at(Height height) const;  // not_found unless one of the last ones

  // What a node asks before it accepts its own clients' commands: bytes, signatures, sequence, decide on view(), for a block at `now` or
  // later.
  kernel::Code check(const kernel::ReceivedCommand& command, BlockTime now) const;
  // The same for many at once: their signatures are verified as batches, on all threads.
  std::vector<kernel::Code> check(std::span<const kernel::ReceivedCommand> commands, BlockTime now) const;
  kernel::KernelCode check_envelope(const kernel::ReceivedBatch& batch, BlockTime now) const;  // every node: size, organisation, signature
  // Every node: what a block at `now` would say before it consumes the command's number; ok: it would consume it.
  kernel::KernelCode judge(const kernel::ReceivedCommand& command, BlockTime now) const;

  Result<Execution> execute(Block block) const;  // storage, corrupt; invalid when height or time do not follow the committed block

  // Makes the execution durable, then publishes view and receipts. An error is final: every later call gives it again until the
  // store is reopened (a failed sync is never retried). Asserts that the execution stands on the committed state.
  // With it blocks below `keep_from` are taken out, from the lowest on and kDroppedAtOnce at most: first_height() says how far it came. The
  // committed block before this one always stays; so do blocks without which the log could not be proven.
  Result<View> commit(Execution execution, std::span<const SideRow> side_rows = {}, Height keep_from = {});
  // Why the newest commit() took none out that it was to, because what the log needs of them could not be read: the next one tries again.
  const std::optional<Error>& not_dropped() const { return not_dropped_; }
  // Takes the last block back: rows, index, log and side rows are what they were, and what was dropped with it stays dropped. Once:
  // precondition when there is nothing to undo.
  Result<View> undo_last();
  void observe(UniqueFunction<void(const CommittedBlock&)> observer);

  struct StageTimes {  // nanoseconds since the replica was opened, for metrics; `check`: of many commands at once
    std::atomic<std::uint64_t> check{0}, signatures{0}, decide_apply{0}, merkle{0}, durable{0};
  };
  const StageTimes& stage_times() const { return times_; }

 private:
  using Committed = std::shared_ptr<const View::Committed>;
  Replica(const Config& config, std::shared_ptr<storage::Store> store, std::span<const kernel::Contract> contracts);
  Result<void> found();
  Result<void> load(ByteView tip_bytes);
  Result<Committed> make_committed(Height height, BlockTime time, StateTree tree, proof::CompactRange log);
  void publish(Committed committed);
  Result<void> usable() const;
  tl::unexpected<Error> stop_at(Error error);  // the first fault stays the answer
  kernel::BlockContext context_after(const View::Committed& base, BlockTime now) const;
  Result<storage::Batch> batch_of(const Execution& execution, std::span<const SideRow> side_rows, Height first) const;
  Result<Height> drop_blocks(const View::Committed& base, Height keep_from, storage::Batch& batch) const;
  Committed committed() const;

  Config config_;
  std::shared_ptr<storage::Store> store_;
  std::span<const kernel::Contract> contracts_;
  LedgerId ledger_;
  Height first_height_{1};
  std::optional<Error> not_dropped_;
  mutable Workers workers_;
  mutable SignatureCache signatures_;
  mutable RowCache row_cache_;
  std::uint64_t epochs_ = 0;
  std::shared_ptr<BlockStore> blocks_;
  std::shared_ptr<LogStore> log_store_;
  std::shared_ptr<ShownRows> shown_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const View::Committed>> recent_;  // oldest first; the last is the committed state
  std::optional<Error> failed_;
  std::vector<UniqueFunction<void(const CommittedBlock&)>> observers_;
  mutable StageTimes times_;
};

}  // namespace careledger::replica
