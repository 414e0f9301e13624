#include "apps/network/validator_keys.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/clock.h"
#include "contracts/all.h"
#include "contracts/build.h"
#include "kernel/authority.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "kernel/test_members.h"
#include "replica/ledger_store.h"

namespace careledger::apps::network {
namespace {

namespace build = contracts::build;
namespace governance = contracts::governance;
using vault::kNextKey;
using vault::Purpose;

// Member 1 is ours, by a key of the keystore; 2 to 4 vote too, 5 follows and is ours as well when a test says so.
class ValidatorKeysTest : public ::testing::Test {
 protected:
  void SetUp() override {
    old_ = keystore_->signing(Purpose::validator)->public_key();
    kernel::FoundingMember own = kernel::test_member(1);
    own.set_validator_key(old_.bytes());
    config_.founding = kernel::encode(kernel::test_founding(
        {std::move(own), kernel::test_member(2), kernel::test_member(3), kernel::test_member(4), kernel::test_member(5, 0)},
        time_.value - 1));
    open(1);
  }
  // As after a start of the node.
  void open(std::uint8_t own) {
    keys_.reset();
    replica_.reset();
    auto opened = replica::Replica::open(config_, store_, contracts::all());
    ASSERT_TRUE(opened) << opened.error().message;
    replica_ = std::move(*opened);
    keys_ = std::make_unique<ValidatorKeys>(*replica_, *keystore_, id(own));
  }

  static AccountId id(std::uint8_t n) { return kernel::test_member_id(n); }

  ledger::SignedCommand command(std::uint8_t n, const build::Order& order) {
    const auto key = kernel::test_key(n);
    return kernel::sign_command({replica_->ledger(), id(n), ++sequence_[n], {time_.value + 60'000}, order.contract}, order.payload,
                                kernel::Signer{1, &key});
  }
  void block(const std::vector<ledger::SignedCommand>& commands = {}) {
    const auto key = kernel::test_key(11);
    std::vector<Bytes> batches;
    if (!commands.empty()) batches.push_back(kernel::encode(kernel::sign_batch(id(1), ++batches_, commands, {2, &key})));
    time_.value += 1;
    auto execution = replica_->execute({next(replica_->view().height()), time_, std::move(batches)});
    ASSERT_TRUE(execution);
    for (const auto& receipt : execution->receipts()) EXPECT_TRUE(receipt.code.ok()) << receipt.code.number;
    ASSERT_TRUE(replica_->commit(std::move(*execution)));
  }
  void rotate_to(const crypto::SigningKey& key) { block({command(1, build::rotate_validator(replica_->ledger(), id(1), key))}); }

  // For which key it signs the next block; nullopt: it signs nothing.
  std::optional<crypto::PublicKey> signs_next() {
    const auto mandate = keys_->mandate();
    EXPECT_TRUE(mandate) << mandate.error().message;
    EXPECT_EQ(mandate->from, next(replica_->view().height()));
    if (mandate->from > mandate->to) return std::nullopt;
    EXPECT_EQ(mandate->to, mandate->from) << "another block than the next is not known yet";
    return mandate->key.public_key();
  }

  ManualClock clock_;
  SeededEntropy entropy_{1};
  BlockTime time_{1'800'000'000'000};
  std::unique_ptr<vault::Keystore> keystore_ = vault::Keystore::in_memory(clock_, entropy_);
  crypto::PublicKey old_;
  replica::Config config_;
  std::shared_ptr<storage::Store> store_ = replica::memory_ledger_store();
  std::unique_ptr<replica::Replica> replica_;
  std::unique_ptr<ValidatorKeys> keys_;
  std::map<std::uint8_t, std::uint64_t> sequence_;
  std::uint64_t batches_ = 0;
};

TEST_F(ValidatorKeysTest, APreparedKeySignsFromTheSecondBlockAfterTheLedgerNamedItAndTheOldOneNeverAgain) {
  EXPECT_EQ(signs_next(), old_);
  block();
  EXPECT_FALSE(keys_->is_prepared());
  const auto next = keys_->prepare();
  ASSERT_TRUE(next);
  EXPECT_TRUE(keys_->is_prepared());
  EXPECT_EQ(keys_->prepare()->public_key(), next->public_key()) << "the same until it is in force";
  block();
  EXPECT_EQ(signs_next(), old_) << "the ledger knows nothing of it";
  rotate_to(*next);
  EXPECT_EQ(signs_next(), old_) << "the block after the one that decided";
  EXPECT_TRUE(keystore_->holds(Purpose::validator, kNextKey));
  block();
  EXPECT_EQ(signs_next(), next->public_key());
  EXPECT_FALSE(keys_->is_prepared());
  const auto held = keystore_->inventory();
  EXPECT_EQ(std::ranges::count(held, Purpose::validator, &vault::KeyInfo::purpose), 1) << "the old one is gone";
  block();
  EXPECT_EQ(signs_next(), next->public_key());
  EXPECT_TRUE(keys_->check());
}

// Killed after any step, it goes on from what the ledger and the keystore say.
TEST_F(ValidatorKeysTest, AStartBetweenAnyTwoStepsChangesNothing) {
  const auto next = keys_->prepare();
  ASSERT_TRUE(next);
  open(1);
  EXPECT_EQ(signs_next(), old_);
  block();
  open(1);
  EXPECT_EQ(signs_next(), old_);
  rotate_to(*next);
  open(1);
  EXPECT_EQ(signs_next(), old_);
  EXPECT_TRUE(keys_->check());
  block();
  open(1);
  EXPECT_EQ(signs_next(), next->public_key());
  open(1);
  EXPECT_EQ(signs_next(), next->public_key());
}

TEST_F(ValidatorKeysTest, AnOlderKeystoreSignsNothingAndSaysWhatToDo) {
  rotate_to(kernel::test_key(99));
  EXPECT_EQ(signs_next(), old_);
  block();
  EXPECT_EQ(signs_next(), std::nullopt);
  const auto checked = keys_->check();
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message.find("rotate-key"), std::string::npos);
  const auto next = keys_->prepare();
  rotate_to(*next);
  EXPECT_TRUE(keys_->check());
  EXPECT_EQ(signs_next(), std::nullopt);
  block();
  EXPECT_EQ(signs_next(), next->public_key());
}

TEST_F(ValidatorKeysTest, AFollowerSignsFromTheSecondBlockAfterTheVoteThatGaveItOne) {
  open(5);  // the keystore's key is of member 1 here, and stands in nobody's way once that has another
  rotate_to(kernel::test_key(99));
  EXPECT_EQ(signs_next(), std::nullopt);
  governance::Action action;
  action.mutable_set_weight()->set_organisation(id(5).bytes());
  action.mutable_set_weight()->set_weight(5);
  action.mutable_set_weight()->set_validator_key(old_.bytes());
  const auto proof = keys_->current()->sign(governance::rotation_bytes(replica_->ledger(), id(5), old_.view()));
  action.mutable_set_weight()->set_proof(Bytes(proof.view()));
  const auto proposal = command(5, build::propose(action, {time_.value + contracts::kDayMs}));
  const Digest which = governance::proposal_id(kernel::digest_of(proposal));
  block({proposal, command(2, build::vote(which, true)), command(3, build::vote(which, true)), command(4, build::vote(which, true))});
  EXPECT_EQ(signs_next(), std::nullopt);
  block();
  EXPECT_EQ(signs_next(), old_);
}

}  // namespace
}  // namespace careledger::apps::network
