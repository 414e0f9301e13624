// For tests: blocks of a chain as an engine would show their headers, made and executed here, of a store that the test may edit.
#pragma once

#include <gtest/gtest.h>

#include "apps/network/chain_check.h"
#include "ordering/local/chain_rows.h"
#include "ordering/local/chain_writer.h"
#include "replica/test_world.h"

namespace careledger::apps::network {

class CheckedChain : public ::testing::Test, protected ChainSource {
 protected:
  explicit CheckedChain(std::uint64_t seed) : world_(seed), entropy_(seed) {}

  // Once replica_ is open: two organisations are admitted, and propose relationships in the next block.
  void begin(std::size_t proposals) {
    tip_.app_hash = replica_->view().app_hash().bytes();
    tip_.results_hash = proof::results_hash({});
    add({world_.batch({world_.admit(), world_.admit()})});
    std::vector<ledger::SignedCommand> commands;
    for (std::size_t i = 0; i < proposals; ++i) commands.push_back(world_.propose(world_.organisations()[i % 2]));
    add({world_.batch(commands)});
  }
  void add(std::vector<Bytes> batches) {
    const BlockTime now{replica::test::World::kStart + 1000 * static_cast<std::int64_t>(tip_.height.value + 1)};
    ASSERT_TRUE(ordering::local::add_block(*replica_, maker_, tip_, std::move(batches), now));
  }

  Height newest() const override { return replica_->view().height(); }
  Height oldest() const override { return oldest_; }
  Result<proof::SignedHeader> header(Height height) override { return ordering::local::read_header(replica_->view(), height); }
  Result<proof::ValidatorSet> validators(Height) override { return maker_.validators(); }
  Result<ordering::abci::EngineBlock> block(Height height) override {
    CARELEDGER_TRY(const auto found, header(height));
    return ordering::abci::EngineBlock{found.header, {}};
  }

  replica::test::World world_;
  SeededEntropy entropy_;
  std::shared_ptr<storage::Store> store_;
  std::unique_ptr<replica::Replica> replica_;
  ordering::local::ChainMaker maker_{kernel::chain_id(world_.ledger()), 1, crypto::SigningKey::generate(entropy_)};
  ordering::local::Tip tip_;
  Height oldest_{1};  // that the engine still has
};

}  // namespace careledger::apps::network
