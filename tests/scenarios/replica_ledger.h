// A replica with its store: commands go through envelopes, execution, the Merkle map and commit.
#pragma once

#include "ledger_under_test.h"
#include "replica/ledger_store.h"
#include "replica/replica.h"

namespace careledger::scenarios {

class ReplicaLedger final : public LedgerUnderTest {
 public:
  using StoreOpener = std::function<std::shared_ptr<storage::Store>()>;
  // Closes the replica and its store and opens them again after every so many blocks.
  ReplicaLedger(const Setup& setup, StoreOpener open, std::uint64_t blocks_between_restarts);
  LedgerId ledger() const override { return replica_->ledger(); }
  BlockTime next_time() const override { return time_; }
  void pass_ms(std::int64_t ms) override { time_.value += ms; }
  void send_as(const OrganisationId& sender, const kernel::Signer& batch_signer) override {
    setup_.sender = sender;
    setup_.batch_signer = batch_signer;
  }
  std::vector<kernel::Code> block(std::span<const ledger::SignedCommand> commands) override;
  Digest app_hash() const { return replica_->view().app_hash(); }

 private:
  void open();

  Setup setup_;
  StoreOpener open_;
  std::uint64_t blocks_between_restarts_;
  std::unique_ptr<replica::Replica> replica_;
  BlockTime time_;
  std::uint64_t batches_ = 0;
};

}  // namespace careledger::scenarios
