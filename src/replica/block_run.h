// One block on one committed state: parse, verify signatures, run the commands in order, update the Merkle map and the log. Internal to
// replica/.
#pragma once

#include <unordered_map>

#include "replica/depth_guard.h"
#include "replica/replica.h"

namespace careledger::replica {

// Committed rows with everything that was read kept for the length of a block. Not thread-safe.
class CachedRows final : public kernel::Rows {
 public:
  CachedRows(const View::Committed& base, RowCache& cache) : below_(base.rows), epoch_(base.epoch), cache_(cache) {}
  kernel::RowValue read(const kernel::Key& key) const override;
  std::vector<Entry> read_prefix(ByteView prefix, Limit limit) const override { return below_.read_prefix(prefix, limit); }
  Result<void> prefetch(std::span<const kernel::Key> keys, Workers& workers);  // in any order; repeats are fine

 private:
  const StoredRows& below_;
  std::uint64_t epoch_;
  RowCache& cache_;
  mutable KnownRows rows_;
};

// Signatures of an actor who is known in `rows`, over bytes that stay where they are.
void collect_signatures(const AccountId& actor, ByteView signed_bytes, std::span<const kernel::KeySignature> signatures,
                        const kernel::Rows& rows, std::vector<crypto::SignedItem>& items);
// The rows that judging a command asks for, as far as it tells: its actor's account and sequence window, and what its contract foresees.
void add_keys(const kernel::ReceivedCommand& command, const kernel::Prepared* prepared, std::vector<kernel::Key>& keys);

// What the kernel asks of the replica. Signatures that were verified beforehand are known by where their messages lie.
class BlockHost final : public kernel::Host {
 public:
  BlockHost(SignatureCache& cache, const StateTree& tree) : cache_(cache), depth_(tree) {}
  // Those of `items` for which `holds` says so. Their messages must stay where they are, as they are.
  void remember(std::span<const crypto::SignedItem> items, const std::vector<bool>& holds);
  bool holds(const crypto::PublicKey& key, ByteView signed_bytes, const crypto::Signature& signature) override;
  bool too_deep(const kernel::Key& added) override { return depth_.too_deep(added.view()); }

 private:
  SignatureCache& cache_;
  DepthGuard depth_;
  std::unordered_multimap<const char*, crypto::SignedItem> held_;  // by the first byte of the message
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
        overlay_(rows_),
        host_(cache, execution.base_->tree) {}
  Result<void> run();

 private:
  struct Incoming {
    Result<kernel::ReceivedBatch> batch = fail(ErrorKind::malformed, "");
    std::vector<std::unique_ptr<const kernel::Prepared>> prepared;  // one a command
  };
  void receive();
  Result<void> prefetch_and_verify();
  void verify(std::span<const crypto::SignedItem> items);
  Result<void> run_batches();
  void run_batch(const Incoming& incoming, const kernel::BlockContext& context);
  Result<void> finish_state();
  void finish_validators();
  void finish_log();

  Execution& out_;
  std::span<const kernel::Contract> contracts_;
  SignatureCache& cache_;
  Workers& workers_;
  Replica::StageTimes& times_;
  CachedRows rows_;
  kernel::Overlay overlay_;
  BlockHost host_;
  std::vector<Incoming> batches_;
};

}  // namespace careledger::replica
