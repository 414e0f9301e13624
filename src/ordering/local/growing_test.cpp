#include <gtest/gtest.h>

#include <future>

#include "ordering/growth.h"
#include "ordering/local/chain_rows.h"
#include "ordering/local/chain_writer.h"
#include "ordering/local/local.h"
#include "ordering/test_growth.h"

namespace careledger::ordering::local {
namespace {

// A ledger with one organisation that grows into a network of four.
class GrowingTest : public ::testing::Test {
 protected:
  GrowingTest() { reopen(validator_); }
  ~GrowingTest() override { ordering_->stop(); }

  void reopen(const crypto::SigningKey& key) {
    if (ordering_) ordering_->stop();
    ordering_.reset();
    replica_.reset();
    replica_ = founder_.open(store_);
    ASSERT_TRUE(replica_);
    auto ordering = start(*replica_, key.clone(), clock_, Config{.epoch_ms = 1});
    ASSERT_TRUE(ordering) << ordering.error().message;
    ordering_ = std::move(*ordering);
    ordering_->host(founder_.id(), founder_.signer());
  }
  Answer send(const Bytes& command) {
    std::promise<Answer> answered;
    ordering_->submit(founder_.id(), command, Lane::urgent, [&](const Answer& answer) { answered.set_value(answer); });
    return answered.get_future().get();
  }
  void admit_north() { ASSERT_EQ(send(founder_.admit(1, "North", clock_.now())).outcome, Outcome::final); }
  Bytes grow_command(const Newest& newest, std::uint64_t sequence = 2, std::uint64_t off = 0) {
    auto grow = growing_.command(ordering::testing::Founder::admitted(1), newest, clock_.now());
    grow.set_height(grow.height() + off);
    return founder_.sign(sequence, contracts::build::grow(grow), clock_.now());
  }
  Result<kernel::Receipt> put_alone(Local::Make make) {
    std::promise<Result<kernel::Receipt>> told;
    ordering_->put_alone(founder_.id(), std::move(make), [&](const Result<kernel::Receipt>& receipt) { told.set_value(receipt); });
    return told.get_future().get();
  }
  Result<kernel::Receipt> grow() {
    return put_alone([this](const Newest& newest) { return Result<Bytes>(grow_command(newest)); });
  }
  proof::LightBlock block(Height height) { return {*ordering_->header(height), *ordering_->validators(height)}; }

  // What the four sign first: their engine's genesis gives height, time and app hash, and no block is before it.
  proof::LightBlock first_of_network(const proof::Header& seal) {
    proof::LightBlock out;
    out.validators = growing_.validators();
    proof::Header& header = out.signed_header.header;
    header = seal;
    header.height = seal.height + 1;
    header.time = proof::time_from({proof::block_time(seal.time).value + 1});
    header.last_block_id = {};
    header.validators_hash = header.next_validators_hash = proof::hash_of(out.validators);
    header.proposer_address = out.validators.validators.front().address();
    proof::Commit& commit = out.signed_header.commit;
    commit.height = header.height;
    commit.block_id = {proof::hash_of(header), {1, Bytes(32, 'p')}};
    for (const proof::Validator& validator : out.validators.validators) {
      const auto key = std::ranges::find(growing_.keys(), validator.key, &crypto::SigningKey::public_key);
      proof::CommitSig vote{proof::VoteFlag::commit, validator.address(), header.time, {}};
      vote.signature =
          Bytes(key->sign(proof::vote_sign_bytes(header.chain_id, commit.height, commit.round, commit.block_id, header.time)).view());
      commit.signatures.push_back(std::move(vote));
    }
    return out;
  }

  ManualClock clock_;
  SeededEntropy entropy_{1};
  crypto::SigningKey validator_ = crypto::SigningKey::generate(entropy_);
  crypto::SigningKey other_ = crypto::SigningKey::generate(entropy_);
  ordering::testing::Founder founder_{clock_.now()};
  ordering::testing::Growing growing_{founder_.ledger()};
  std::shared_ptr<storage::Store> store_ = replica::memory_ledger_store();
  std::unique_ptr<replica::Replica> replica_;
  std::unique_ptr<Local> ordering_;
};

TEST_F(GrowingTest, TheBlockAfterTheLastCommandNamesWhoSignsFromThenOn) {
  admit_north();
  const auto receipt = grow();
  ASSERT_TRUE(receipt) << receipt.error().message;
  ASSERT_TRUE(receipt->code.ok()) << receipt->code.number;
  const Height last = receipt->height;
  EXPECT_TRUE(ordering_->sealed());
  EXPECT_EQ(ordering_->height(), next(last));
  EXPECT_EQ(proof::hash_of(voters(replica_->view())), proof::hash_of(growing_.validators()));

  const proof::LightBlock before = block({last.value - 1}), at = block(last), seal = block(next(last));
  const proof::Header& sealed = seal.signed_header.header;
  EXPECT_EQ(sealed.next_validators_hash, proof::hash_of(growing_.validators()));
  EXPECT_EQ(sealed.app_hash, replica_->view().app_hash().bytes());
  const auto growth = growth_of(replica_->view());
  ASSERT_TRUE(growth);
  EXPECT_EQ(growth->header_hash(), proof::hash_of(before.signed_header.header));
  EXPECT_EQ(growth->height(), last.value);

  const proof::Time now = proof::time_from({clock_.now().value + 60'000});
  EXPECT_TRUE(proof::verify_adjacent(before.signed_header, at, now));
  EXPECT_TRUE(proof::verify_adjacent(at.signed_header, seal, now));
  const proof::LightBlock first = first_of_network(sealed);
  const auto follows = proof::verify_adjacent(seal.signed_header, first, now);
  EXPECT_TRUE(follows) << follows.error().message;
  EXPECT_TRUE(proof::verify_follows(seal, first));
  EXPECT_FALSE(proof::verify_adjacent(at.signed_header, first, now));  // it is not the block after that one
  EXPECT_FALSE(proof::verify_non_adjacent(at, first, now));            // and none of them signed the old chain
  EXPECT_EQ(proof::hash_of(*ordering_->validators({last.value + 2})), proof::hash_of(growing_.validators()));
}

TEST_F(GrowingTest, NothingIsTakenAfterTheSealAndItIsReadAsBefore) {
  admit_north();
  ASSERT_TRUE(grow());
  const Height sealed = ordering_->height();
  for (int start = 0; start < 2; ++start) {
    const Answer answer = send(founder_.admit(3, "South", clock_.now()));
    EXPECT_EQ(answer.outcome, Outcome::sealed);
    EXPECT_GT(answer.retry_after_ms, 0u);
    const auto again = grow();
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ErrorKind::precondition);
    EXPECT_FALSE(ordering_->has_quorum());
    EXPECT_TRUE(ordering_->header({1}));
    EXPECT_EQ(ordering_->height(), sealed);
    reopen(other_);  // whatever key there is by then: nothing is signed
  }
}

TEST_F(GrowingTest, WhatDiedBetweenTheLastCommandAndTheSealIsSealedAtTheNextStart) {
  admit_north();
  std::promise<void> provable;
  ordering_->when_provable({1}, [&] { provable.set_value(); });
  provable.get_future().wait();
  ordering_->stop();
  auto tip = read_tip(replica_->view());
  ASSERT_TRUE(tip);
  const ChainMaker maker(kernel::chain_id(founder_.ledger()), 1, validator_.clone());
  const Bytes command = grow_command({*read_header(replica_->view(), tip->height), replica_->view()});
  ASSERT_TRUE(add_block(*replica_, maker, *tip, {founder_.envelope({command})}, clock_.now()));
  ASSERT_TRUE(growth_of(replica_->view()));
  const Height last = tip->height;

  ordering_.reset();
  EXPECT_FALSE(start(*replica_, other_.clone(), clock_, Config{.epoch_ms = 1}));  // another key seals nothing
  reopen(validator_);
  EXPECT_TRUE(ordering_->sealed());
  EXPECT_EQ(ordering_->height(), next(last));
  EXPECT_EQ(block(next(last)).signed_header.header.next_validators_hash, proof::hash_of(growing_.validators()));
}

TEST_F(GrowingTest, ACommandThatIsRefusedLeavesTheLedgerAsItIs) {
  const auto too_early = grow();
  ASSERT_FALSE(too_early);
  EXPECT_EQ(too_early.error().kind, ErrorKind::precondition);
  admit_north();
  const auto other_height = put_alone([this](const Newest& newest) { return Result<Bytes>(grow_command(newest, 2, 1)); });
  ASSERT_TRUE(other_height);
  EXPECT_EQ(other_height->code.number, static_cast<std::uint16_t>(contracts::governance::Codes::other_height));
  const auto unsigned_one = put_alone([](const Newest&) { return Result<Bytes>(Bytes("nothing")); });
  ASSERT_TRUE(unsigned_one);
  EXPECT_FALSE(unsigned_one->code.ok());
  const auto none = put_alone([](const Newest&) { return Result<Bytes>(fail(ErrorKind::cancelled, "no")); });
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::cancelled);
  EXPECT_FALSE(ordering_->sealed());
  EXPECT_EQ(send(founder_.admit(4, "South", clock_.now())).outcome, Outcome::final);
}

TEST_F(GrowingTest, ALedgerThatHasGoneOnAsANetworkIsNotOpenedAsItWas) {
  admit_north();
  ASSERT_TRUE(grow());
  ordering_->stop();
  auto execution = replica_->execute({next(replica_->view().height()), {replica_->view().time().value + 1}, {}});
  ASSERT_TRUE(execution);
  ASSERT_TRUE(replica_->commit(std::move(*execution)));
  const auto refused = start(*replica_, validator_.clone(), clock_, Config{.epoch_ms = 1});
  ASSERT_FALSE(refused);
}

}  // namespace
}  // namespace careledger::ordering::local
