// What the engine is told when members voted about its largest block.
#include <gtest/gtest.h>

#include "contracts/all.h"
#include "contracts/build.h"
#include "kernel/canonical.h"
#include "kernel/test_members.h"
#include "ordering/abci/application.h"
#include "replica/ledger_store.h"

namespace careledger::ordering::abci {
namespace {

namespace governance = contracts::governance;
using careledger::abci::Request;
using careledger::abci::Response;

// Members 1 to 4 have 10 votes each.
class VotedLimits : public ::testing::Test {
 protected:
  void SetUp() override {
    founding_ = kernel::encode(kernel::test_founding(
        {kernel::test_member(1), kernel::test_member(2), kernel::test_member(3), kernel::test_member(4)}, kBegin.value - 1));
    open();
  }
  void open() {
    application_.reset();
    auto opened = replica::Replica::open({.founding = founding_}, store_, contracts::all());
    ASSERT_TRUE(opened) << opened.error().message;
    replica_ = std::move(*opened);
    application_ = std::make_unique<Application>(*replica_, ApplicationConfig{.version = "test"});
  }

  ledger::SignedCommand command(std::uint8_t n, const contracts::build::Order& order) {
    const auto key = kernel::test_key(n);
    return kernel::sign_command({replica_->ledger(), kernel::test_member_id(n), ++sequence_[n], {kBegin.value + 600'000}, order.contract},
                                order.payload, kernel::Signer{1, &key});
  }
  Bytes envelope(const std::vector<ledger::SignedCommand>& commands) {
    const auto key = kernel::test_key(11);
    return kernel::encode(kernel::sign_batch(kernel::test_member_id(1), ++batches_, commands, {2, &key}));
  }
  Bytes proposal_of(std::uint64_t bytes, Digest& id) {
    governance::Action action;
    action.mutable_set_parameter()->set_parameter(static_cast<std::uint32_t>(governance::Parameter::block_bytes));
    action.mutable_set_parameter()->set_value(bytes);
    const auto proposal = command(1, contracts::build::propose(action, {kBegin.value + contracts::kDayMs}));
    id = governance::proposal_id(kernel::digest_of(proposal));
    return envelope({proposal});
  }
  Bytes votes_on(const Digest& id) {
    std::vector<ledger::SignedCommand> votes;
    for (std::uint8_t n = 1; n <= 3; ++n) votes.push_back(command(n, contracts::build::vote(id, true)));
    return envelope(votes);
  }

  // What the engine is told with a block of its largest one from the next on; 0: nothing.
  std::int64_t told_with(const std::vector<Bytes>& transactions) {
    Request request;
    auto& block = *request.mutable_finalize_block();
    const Height height = next(replica_->view().height());
    block.set_height(static_cast<std::int64_t>(height.value));
    block.mutable_time()->set_seconds(kBegin.value / 1000 + static_cast<std::int64_t>(height.value));
    for (const Bytes& one : transactions) *block.add_txs() = one;
    const auto answer = application_->handle(request);
    CARELEDGER_ASSERT(answer.has_value());
    const auto& finalized = answer->finalize_block();
    if (!finalized.has_consensus_param_updates()) return 0;
    const auto& updates = finalized.consensus_param_updates();
    EXPECT_EQ(updates.block().max_gas(), -1);
    EXPECT_FALSE(updates.has_evidence() || updates.has_validator() || updates.has_version() || updates.has_abci());
    return updates.block().max_bytes();
  }
  void commit() {
    Request request;
    request.mutable_commit();
    ASSERT_TRUE(application_->handle(request));
  }

  static constexpr BlockTime kBegin{1'800'000'000'000};
  std::shared_ptr<storage::Store> store_ = replica::memory_ledger_store();
  Bytes founding_;
  std::unique_ptr<replica::Replica> replica_;
  std::unique_ptr<Application> application_;
  std::map<std::uint8_t, std::uint64_t> sequence_;
  std::uint64_t batches_ = 0;
};

TEST_F(VotedLimits, AreToldOnceWithTheBlockAfterTheDecisionAndAgainWhenItIsReplayed) {
  constexpr std::int64_t kSmall = 1 << 20;
  Digest id;
  EXPECT_EQ(told_with({proposal_of(kSmall, id)}), 0);
  commit();
  EXPECT_EQ(told_with({votes_on(id)}), 0);
  commit();
  const Height decided = replica_->view().height();
  EXPECT_EQ(told_with({}), kSmall);
  EXPECT_EQ(told_with({}), kSmall);
  open();  // died before its Commit
  EXPECT_EQ(told_with({}), kSmall);
  commit();
  EXPECT_EQ(told_with({}), 0);
  const auto at = [&](std::uint64_t height) {
    return governance::value_of(replica_->view().state(), governance::Parameter::block_bytes, {height});
  };
  EXPECT_EQ(at(decided.value + 1), 2u << 20);
  EXPECT_EQ(at(decided.value + 2), 1u << 20);
}

// Of many changes the newest are remembered: each still with its block.
TEST_F(VotedLimits, OfManyChangesTheNewestAreRemembered) {
  std::vector<std::pair<Height, std::uint64_t>> decided;
  for (int round = 0; round < governance::kSettingsMax + 2; ++round) {
    const std::uint64_t bytes = (1u << 20) + static_cast<std::uint64_t>(round);
    Digest id;
    told_with({proposal_of(bytes, id)});
    commit();
    told_with({votes_on(id)});
    commit();
    decided.emplace_back(replica_->view().height(), bytes);
    EXPECT_EQ(told_with({}), static_cast<std::int64_t>(bytes));
    commit();
  }
  const auto row = replica_->view().state().get(governance::kParameterHistory, 4);
  ASSERT_EQ(row->settings_size(), governance::kSettingsMax);
  for (std::size_t i = 2; i < decided.size(); ++i) {
    const Height from{decided[i].first.value + governance::kParameterDelay};
    EXPECT_EQ(governance::value_of(replica_->view().state(), governance::Parameter::block_bytes, from), decided[i].second);
    EXPECT_EQ(row->settings(static_cast<int>(i) - 2).height(), from.value);
  }
}

}  // namespace
}  // namespace careledger::ordering::abci
