// How long a proposal and a freeze last when nobody says it, in a network whose members voted about that.
#include "apps/governance_acts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "contracts/all.h"
#include "contracts/build.h"
#include "kernel/authority.h"
#include "kernel/canonical.h"
#include "kernel/test_keys.h"
#include "replica/ledger_store.h"
#include "storage/test_faulty_store.h"

namespace careledger::apps {
namespace {

namespace build = contracts::build;
namespace governance = contracts::governance;
using contracts::kDayMs;
using governance::Codes;
using governance::Parameter;

// Four members with a vote; the fourth is a regulator, and supervises.
class UsualEnds : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<kernel::FoundingMember> members;
    for (std::uint8_t n = 1; n <= 4; ++n) members.push_back(founder_of(n));
    std::ranges::sort(members, {}, [](const kernel::FoundingMember& one) { return kernel::account_id(one); });
    kernel::Founding founding;
    founding.set_format(kernel::kFoundedTogether);
    founding.set_name("network");
    founding.set_created_ms(time_.value - 1);
    founding.set_epoch_ms(1000);
    founding.set_protocol(1);
    for (auto& one : members) *founding.add_members() = std::move(one);
    replica::Config config;
    config.founding = kernel::encode(founding);
    auto opened = replica::Replica::open(config, store_, contracts::all());
    ASSERT_TRUE(opened) << opened.error().message;
    replica_ = std::move(*opened);
    block({});
  }
  static kernel::FoundingMember founder_of(std::uint8_t n) {
    kernel::FoundingMember out;
    *out.mutable_authority() = kernel::single_key(kernel::test_key(n).public_key());
    kernel::add_key(*out.mutable_authority(), kernel::KeyRole::batch, kernel::test_key(10 + n).public_key());
    out.set_nonce(Bytes(32, static_cast<char>(n)));
    out.set_name("member " + std::to_string(n));
    const auto kind = n == 4 ? contracts::registry::OrganisationKind::regulator : contracts::registry::OrganisationKind::hospital;
    out.set_kind(static_cast<std::uint32_t>(kind));
    out.set_sealing_key(Bytes(32, 's'));
    out.set_weight(10);
    out.set_validator_key(kernel::test_key(20 + n).public_key().bytes());
    return out;
  }

  ledger::SignedCommand command(std::uint8_t n, const build::Order& order) {
    const auto key = kernel::test_key(n);
    return kernel::sign_command(
        {replica_->ledger(), kernel::account_id(founder_of(n)), ++sequence_[n], {time_.value + 60'000}, order.contract}, order.payload,
        kernel::Signer{1, &key});
  }
  // What became of each command.
  std::vector<Codes> block(const std::vector<ledger::SignedCommand>& commands) {
    const auto key = kernel::test_key(11);
    std::vector<Bytes> batches;
    if (!commands.empty())
      batches.push_back(kernel::encode(kernel::sign_batch(kernel::account_id(founder_of(1)), ++batches_, commands, {2, &key})));
    time_.value += 1;
    auto execution = replica_->execute({next(replica_->view().height()), time_, std::move(batches)});
    CARELEDGER_ASSERT(execution.has_value());
    std::vector<Codes> codes;
    for (const auto& receipt : execution->receipts()) {
      EXPECT_EQ(receipt.code.contract, ContractId{6});
      codes.push_back(static_cast<Codes>(receipt.code.number));
    }
    EXPECT_TRUE(replica_->commit(std::move(*execution)));
    return codes;
  }
  Codes proposed(const governance::Action& action, BlockTime deadline) {
    return block({command(1, build::propose(action, deadline))}).front();
  }
  Codes frozen(BlockTime until) { return block({command(4, build::freeze(until))}).front(); }
  // By the first three members; it holds from the second block after this one.
  void decide(const governance::Action& action) {
    const auto proposal = command(1, build::propose(action, {time_.value + kDayMs}));
    const Digest id = governance::proposal_id(kernel::digest_of(proposal));
    std::vector<ledger::SignedCommand> commands = {proposal};
    for (std::uint8_t n = 1; n <= 3; ++n) commands.push_back(command(n, build::vote(id, true)));
    EXPECT_EQ(block(commands), (std::vector<Codes>(4, Codes::ok)));
  }
  static governance::Action days(Parameter parameter, std::uint64_t value) {
    governance::Action action;
    action.mutable_set_parameter()->set_parameter(static_cast<std::uint32_t>(parameter));
    action.mutable_set_parameter()->set_value(value);
    return action;
  }
  static governance::Action supervisor() {
    governance::Action action;
    action.mutable_set_supervisor()->set_organisation(kernel::account_id(founder_of(4)).bytes());
    return action;
  }
  BlockTime after_days(std::int64_t days) const { return {time_.value + days * kDayMs}; }
  BlockTime deadline() const { return usual_deadline(replica_->view()).value(); }
  BlockTime end_of_freeze() const { return usual_end_of_freeze(replica_->view()).value(); }

  BlockTime time_{1'800'000'000'000};
  std::shared_ptr<storage::testing::FaultyStore> store_ = std::make_shared<storage::testing::FaultyStore>(replica::memory_ledger_store());
  std::unique_ptr<replica::Replica> replica_;
  std::map<std::uint8_t, std::uint64_t> sequence_;
  std::uint64_t batches_ = 0;
};

TEST_F(UsualEnds, AProposalLastsSevenDaysWhereTheMembersAllowThem) {
  EXPECT_EQ(deadline(), after_days(7));
  EXPECT_EQ(proposed(supervisor(), deadline()), Codes::ok);
  decide(days(Parameter::proposal_days, 60));
  block({});
  EXPECT_EQ(deadline(), after_days(7));
}

TEST_F(UsualEnds, AProposalLastsNoLongerThanTheMembersAllow) {
  decide(days(Parameter::proposal_days, 2));
  EXPECT_EQ(deadline(), after_days(2)) << "one block still has the old bound; what is sent now may stand in a later one";
  block({});
  EXPECT_EQ(deadline(), after_days(2));
  EXPECT_EQ(proposed(supervisor(), after_days(7)), Codes::deadline_out_of_bounds);
  EXPECT_EQ(proposed(supervisor(), deadline()), Codes::ok);
  decide(days(Parameter::proposal_days, 9));
  EXPECT_EQ(deadline(), after_days(2)) << "the next block still has the shorter one";
  EXPECT_EQ(proposed(supervisor(), deadline()), Codes::ok);
  EXPECT_EQ(deadline(), after_days(7));
}

TEST_F(UsualEnds, AFreezeLastsSevenDaysOrWhatIsLeftOfThoseThatTheMembersAllow) {
  decide(supervisor());
  EXPECT_EQ(end_of_freeze(), after_days(7));
  decide(days(Parameter::freeze_days, 3));
  block({});
  EXPECT_EQ(end_of_freeze(), after_days(3));
  EXPECT_EQ(frozen(after_days(7)), Codes::freeze_out_of_bounds);
  EXPECT_EQ(frozen(after_days(2)), Codes::ok);
  const BlockTime begun = time_;
  time_.value += kDayMs;
  block({});
  const BlockTime latest{begun.value + 3 * kDayMs};
  EXPECT_EQ(end_of_freeze(), latest) << "it is two days more, counted from the beginning";
  EXPECT_EQ(frozen({latest.value + 1}), Codes::freeze_out_of_bounds);
  EXPECT_EQ(frozen(end_of_freeze()), Codes::ok);
}

TEST_F(UsualEnds, AStateThatCannotBeReadIsAnErrorAndNotTheFoundedBounds) {
  decide(days(Parameter::proposal_days, 2));
  block({});
  const replica::View view = replica_->view();
  store_->fail_reads_of(replica::columns::kState);
  const auto proposal = usual_deadline(view);
  ASSERT_FALSE(proposal);
  EXPECT_EQ(proposal.error().kind, ErrorKind::storage);
  const auto freeze = usual_end_of_freeze(view);
  ASSERT_FALSE(freeze);
  EXPECT_EQ(freeze.error().kind, ErrorKind::storage);
}

}  // namespace
}  // namespace careledger::apps
