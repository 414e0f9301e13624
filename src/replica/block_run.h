// One block on one committed state: parse, verify signatures, run the commands in order, update the Merkle map and the log. Internal to
// replica/.
#pragma once

#include "replica/depth_guard.h"
#include "replica/replica.h"

namespace careledger::replica {

// Committed rows with everything that was read kept for the length of a block. Not thread-safe.
class CachedRows final : public kernel::Rows {
 public:
  CachedRows(const View::Committed& base, RowCache& cache) : below_(base.rows), epoch_(base.epoch), cache_(cache) {}
  kernel::RowValue read(const kernel::Key& key) const override;
  std::vector<Entry> read_prefix(ByteView prefix, Limit limit) const override { return below_.read_prefix(prefix, limit); }
  Result<void> prefetch(std::vector<kernel::Key> keys, Workers& workers);  // in any order; repeats are fine

 private:
  const StoredRows& below_;
  std::uint64_t epoch_;
  RowCache& cache_;
  mutable KnownRows rows_;
};

// The signatures of commands whose actors are known in `rows`.
void collect_signatures(const kernel::ReceivedCommand& command, const kernel::Rows& rows, std::vector<crypto::SignedItem>& items);
// The rows that every command needs whatever it says: its actor's account and sequence window.
void add_actor_keys(const kernel::ReceivedCommand& command, std::vector<kernel::Key>& keys);

class BlockHost final : public kernel::Host {
 public:
  BlockHost(SignatureCache& cache, const StateTree& tree) : cache_(cache), depth_(tree) {}
  bool holds(const crypto::PublicKey& key, ByteView signed_bytes, const crypto::Signature& signature) override;
  bool too_deep(const kernel::Key& added) override { return depth_.too_deep(added.view()); }

 private:
  SignatureCache& cache_;
  DepthGuard depth_;
};

class BlockRun {
 public:
  BlockRun(Execution& execution, std::span<const kernel::Contract> contracts, SignatureCache& cache, RowCache& row_cache, Workers& workers,
           Replica::StageTimes& times)
      : out_(execution),
        contracts_(contracts),
        cache_(cache),
        workers_(workers),
        times_(times),
        rows_(*execution.base_, row_cache),
        overlay_(rows_) {}
  Result<void> run();

 private:
  void receive();
  Result<void> prefetch_and_verify();
  Result<void> run_batches();
  void run_batch(const Result<kernel::ReceivedBatch>& batch, const kernel::BlockContext& context, BlockHost& host);
  Result<void> finish_state();
  void finish_log();

  Execution& out_;
  std::span<const kernel::Contract> contracts_;
  SignatureCache& cache_;
  Workers& workers_;
  Replica::StageTimes& times_;
  CachedRows rows_;
  kernel::Overlay overlay_;
  std::vector<Result<kernel::ReceivedBatch>> batches_;
};

}  // namespace careledger::replica
