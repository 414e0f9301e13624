// The largest block that a network's node tells light clients of.
#include "apps/network/engine_parts.h"

#include <gtest/gtest.h>

#include "apps/network/member.h"
#include "contracts/all.h"
#include "contracts/build.h"
#include "kernel/authority.h"
#include "kernel/canonical.h"
#include "kernel/test_members.h"
#include "replica/ledger_store.h"
#include "storage/test_faulty_store.h"

namespace careledger::apps::network {
namespace {

namespace governance = contracts::governance;

// Four members, of whom three decide.
class LimitsAtHeights : public ::testing::Test {
 protected:
  void SetUp() override {
    replica::Config config;
    config.founding = kernel::encode(
        kernel::test_founding({kernel::test_member(1), kernel::test_member(2), kernel::test_member(3), kernel::test_member(4)}, kBegin));
    auto opened = replica::Replica::open(config, store_, contracts::all());
    ASSERT_TRUE(opened) << opened.error().message;
    replica_ = std::move(*opened);
  }
  ledger::SignedCommand command(std::uint8_t n, std::uint64_t sequence, const contracts::build::Order& order) {
    const auto key = kernel::test_key(n);
    return kernel::sign_command({replica_->ledger(), kernel::test_member_id(n), sequence, {kBegin + 60'000}, order.contract}, order.payload,
                                kernel::Signer{1, &key});
  }
  // In the first block.
  void vote_for(std::uint64_t block_bytes) {
    governance::Action action;
    action.mutable_set_parameter()->set_parameter(static_cast<std::uint32_t>(governance::Parameter::block_bytes));
    action.mutable_set_parameter()->set_value(block_bytes);
    std::vector<ledger::SignedCommand> commands = {command(1, 1, contracts::build::propose(action, {kBegin + contracts::kDayMs}))};
    const Digest id = governance::proposal_id(kernel::digest_of(commands.front()));
    for (std::uint8_t n = 1; n <= 3; ++n) commands.push_back(command(n, n == 1 ? 2 : 1, contracts::build::vote(id, true)));
    const auto key = kernel::test_key(11);
    auto execution =
        replica_->execute({{1}, {kBegin + 1}, {kernel::encode(kernel::sign_batch(kernel::test_member_id(1), 1, commands, {2, &key}))}});
    ASSERT_TRUE(execution);
    for (const auto& receipt : execution->receipts()) EXPECT_TRUE(receipt.code.ok()) << receipt.code.number;
    ASSERT_TRUE(replica_->commit(std::move(*execution)));
  }

  static constexpr std::int64_t kBegin = 1'800'000'000'000;
  std::shared_ptr<storage::testing::FaultyStore> store_ = std::make_shared<storage::testing::FaultyStore>(replica::memory_ledger_store());
  std::unique_ptr<replica::Replica> replica_;
};

TEST_F(LimitsAtHeights, AreTheFoundedOnesUntilTheVotedOnesBegin) {
  vote_for(1 << 20);
  EXPECT_EQ(block_limits_at(*replica_, {2})->max_bytes, kBlockLimits.max_bytes);
  EXPECT_EQ(block_limits_at(*replica_, {3})->max_bytes, 1 << 20);
  EXPECT_EQ(block_limits_at(*replica_, {3})->max_gas, kBlockLimits.max_gas);
}

TEST_F(LimitsAtHeights, AreAnErrorWhenTheyCannotBeReadAndNotTheFoundedOnes) {
  vote_for(1 << 20);
  store_->fail_reads_of(replica::columns::kState);
  const auto limits = block_limits_at(*replica_, {3});
  ASSERT_FALSE(limits);
  EXPECT_EQ(limits.error().kind, ErrorKind::storage);
}

}  // namespace
}  // namespace careledger::apps::network
