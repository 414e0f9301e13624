#include "ordering/local/local.h"

#include <gtest/gtest.h>

#include <future>

#include "ordering/local/intake.h"
#include "ordering/test_founder.h"
#include "replica/workers.h"

namespace careledger::ordering::local {
namespace {

// A ledger with a founder that may send batches itself, on a store that can be reopened.
class LocalOrderingTest : public ::testing::Test {
 protected:
  LocalOrderingTest() { reopen(); }

  void reopen() {
    if (ordering_) ordering_->stop();
    ordering_.reset();
    replica_.reset();
    replica_ = founder_.open(store_);
    ASSERT_TRUE(replica_);
    auto ordering = start(*replica_, validator_.clone(), clock_, Config{.epoch_ms = 1});
    ASSERT_TRUE(ordering) << ordering.error().message;
    ordering_ = std::move(*ordering);
    ordering_->host(founder_.id(), founder_.signer());
  }

  Bytes admit(std::uint64_t sequence, const std::string& name) { return founder_.admit(sequence, name, clock_.now()); }

  Answer send(const Bytes& command, Lane lane = Lane::urgent) {
    std::promise<Answer> answered;
    ordering_->submit(founder_.id(), command, lane, [&](const Answer& answer) { answered.set_value(answer); });
    return answered.get_future().get();
  }

  void wait_provable(Height height) {
    std::promise<void> provable;
    ordering_->when_provable(height, [&] { provable.set_value(); });
    provable.get_future().get();
  }

  ManualClock clock_;
  SeededEntropy entropy_{1};
  crypto::SigningKey validator_ = crypto::SigningKey::generate(entropy_);
  ordering::testing::Founder founder_{clock_.now()};
  std::shared_ptr<storage::Store> store_ = replica::memory_ledger_store();
  std::unique_ptr<replica::Replica> replica_;
  std::unique_ptr<Ordering> ordering_;
};

TEST_F(LocalOrderingTest, ACommandIsFinalInTheFirstBlockAndAnEmptyBlockMakesItProvable) {
  const Answer answer = send(admit(1, "North"));
  ASSERT_EQ(answer.outcome, Outcome::final);
  EXPECT_TRUE(answer.receipt->code.ok()) << answer.receipt->code.number;
  EXPECT_EQ(answer.receipt->height, Height{1});
  wait_provable({1});
  const auto header = ordering_->header({2});
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->header.app_hash, replica_->view().app_hash().bytes());
}

// Expired by now, its key rotated, its number too old: what was applied once stays the answer.
TEST_F(LocalOrderingTest, WhateverIsSaidOfTheBytesTodayTheirFirstReceiptAnswers) {
  const Bytes command = admit(1, "North");
  const Answer first = send(command);
  const Digest digest = kernel::receive_bytes(command).digest;
  for (const auto code : {kernel::KernelCode::expired, kernel::KernelCode::bad_signature, kernel::KernelCode::sequence_too_old}) {
    const Answer again = first_or_refused(replica_->view(), founder_.ledger(), digest, kernel::code_of(code));
    EXPECT_EQ(again.outcome, Outcome::final);
    EXPECT_TRUE(again.receipt->code.ok());
    EXPECT_EQ(again.receipt->height, first.receipt->height);
  }
  const Answer other = first_or_refused(replica_->view(), founder_.ledger(), {}, kernel::code_of(kernel::KernelCode::expired));
  EXPECT_EQ(other.outcome, Outcome::refused);
}

TEST_F(LocalOrderingTest, ARestartAddsNoEmptyBlockToOne) {
  ASSERT_EQ(send(admit(1, "North")).outcome, Outcome::final);
  wait_provable({1});
  for (std::uint64_t i = 2; i <= 4; ++i) {  // each round: the command's block, and the one empty block that proves it
    reopen();
    const Answer answer = send(admit(i, "organisation " + std::to_string(i)));
    ASSERT_EQ(answer.outcome, Outcome::final);
    EXPECT_EQ(answer.receipt->height, Height{2 * i - 1});
    wait_provable(answer.receipt->height);
  }
}

TEST_F(LocalOrderingTest, WhoeverWaitsForAProofIsToldWhenThereWillBeNone) {
  std::promise<void> before, after;
  ordering_->when_provable({1000}, [&] { before.set_value(); });
  ordering_->stop();
  before.get_future().wait();
  ordering_->when_provable({1000}, [&] { after.set_value(); });
  after.get_future().wait();
}

TEST_F(LocalOrderingTest, EveryHeaderVerifiesAndFollowsTheOneBefore) {
  for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_EQ(send(admit(i, "organisation " + std::to_string(i))).outcome, Outcome::final);
  wait_provable(ordering_->height());
  const auto validators = *ordering_->validators({1});
  const proof::Time now = proof::time_from({clock_.now().value + 60'000});
  auto before = *ordering_->header({1});
  ASSERT_TRUE(proof::verify_commit(before, validators));
  for (Height height{2}; height <= ordering_->height(); height = next(height)) {
    const auto header = ordering_->header(height);
    ASSERT_TRUE(header);
    const auto follows = proof::verify_adjacent(before, {*header, validators}, now);
    ASSERT_TRUE(follows) << follows.error().message;
    EXPECT_EQ(header->header.last_block_id, before.commit.block_id);
    before = *header;
  }
}

TEST_F(LocalOrderingTest, TheSameBytesTwiceGetTheFirstReceipt) {
  const Bytes command = admit(1, "North");
  const Answer first = send(command);
  const Answer second = send(command);
  ASSERT_EQ(second.outcome, Outcome::final);
  EXPECT_EQ(second.receipt->height, first.receipt->height);
  EXPECT_TRUE(second.receipt->code.ok());
}

TEST_F(LocalOrderingTest, ACommandThatFailsTheCheckGoesNowhere) {
  const Height before = ordering_->height();
  Bytes command = admit(1, "North");
  command.back() = static_cast<char>(command.back() ^ 1);
  const Answer answer = send(command);
  EXPECT_EQ(answer.outcome, Outcome::refused);
  EXPECT_EQ(answer.receipt->code, kernel::code_of(kernel::KernelCode::bad_signature));
  EXPECT_EQ(ordering_->height(), before);
}

TEST_F(LocalOrderingTest, AfterARestartTheChainGoesOnWhereItWas) {
  const Bytes command = admit(1, "North");
  const Answer first = send(command);
  wait_provable(first.receipt->height);
  const Height height = ordering_->height();
  reopen();
  EXPECT_GE(ordering_->height(), height);
  EXPECT_EQ(send(command).receipt->height, first.receipt->height);
  ASSERT_EQ(send(admit(2, "South")).outcome, Outcome::final);
  const Height newest = ordering_->height();
  const auto a = *ordering_->header({newest.value - 1});
  const auto b = *ordering_->header(newest);
  EXPECT_EQ(b.header.last_block_id, a.commit.block_id);
}

TEST_F(LocalOrderingTest, AStateThatWasEditedAtRestIsNotSigned) {
  ASSERT_EQ(send(admit(1, "North")).outcome, Outcome::final);
  wait_provable({1});
  ordering_->stop();
  ordering_.reset();
  replica_.reset();
  const auto rows = store_->iterate(replica::columns::kState, storage::Range::all());
  rows->seek_last();
  Bytes edited(rows->value());
  edited.back() = static_cast<char>(edited.back() ^ 1);
  storage::Batch batch;
  batch.put(replica::columns::kState, rows->key(), edited);
  ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
  replica::Workers workers(0);
  const auto tree = replica::StateTree::build({store_.get(), replica::columns::kState}, workers);
  replica::Tip tip;  // who edits a row writes the root beside it as well
  ASSERT_TRUE(tip.ParseFromString(store_->get(replica::columns::kMeta, replica::kTipKey).value().value()));
  tip.set_state_root(tree->root().bytes());
  batch.clear();
  batch.put(replica::columns::kMeta, replica::kTipKey, tip.SerializeAsString());
  ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
  replica_ = founder_.open(store_);
  ASSERT_TRUE(replica_);
  const auto started = start(*replica_, validator_.clone(), clock_, Config{.epoch_ms = 1});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::corrupt);
  EXPECT_NE(started.error().message.find("the header names of the newest block, 2"), std::string::npos) << started.error().message;
}

TEST_F(LocalOrderingTest, AHeaderOrResultsThatWereEditedAtRestAreNotGoneOnFrom) {
  ASSERT_EQ(send(admit(1, "North")).outcome, Outcome::final);
  wait_provable({1});
  ordering_->stop();
  ordering_.reset();
  const auto refused = [&](const Bytes& key, std::size_t at) {
    const Bytes whole = store_->get(replica::columns::kMeta, key).value().value();
    Bytes bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    for (const Bytes& value : {bad, whole}) {
      storage::Batch batch;
      batch.put(replica::columns::kMeta, key, value);
      ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
      replica_.reset();
      replica_ = founder_.open(store_);
      const auto started = start(*replica_, validator_.clone(), clock_, Config{.epoch_ms = 1});
      EXPECT_EQ(started.has_value(), value == whole) << key;
      if (!started) EXPECT_EQ(started.error().kind, ErrorKind::corrupt) << started.error().message;
    }
  };
  const Bytes header = replica::side_key("header" + u64_bytes(2));
  refused(header, store_->get(replica::columns::kMeta, header).value()->size() - 1);  // of the signature
  refused(replica::side_key("results"), 3);
}

TEST_F(LocalOrderingTest, AnotherValidatorKeyIsRefused) {
  ASSERT_EQ(send(admit(1, "North")).outcome, Outcome::final);
  ordering_->stop();
  const auto other = start(*replica_, crypto::SigningKey::generate(entropy_), clock_, Config{});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::corrupt);
}

TEST_F(LocalOrderingTest, WhatComesAfterStopIsUnknownAndNothingIsLeftUnanswered) {
  ordering_->stop();
  EXPECT_EQ(send(admit(1, "North")).outcome, Outcome::unknown);
}

TEST_F(LocalOrderingTest, CommandsOfAnOrganisationThatIsNotHostedAreRefused) {
  std::promise<Answer> answered;
  ordering_->submit(AccountId{}, admit(1, "North"), Lane::urgent, [&](const Answer& answer) { answered.set_value(answer); });
  EXPECT_EQ(answered.get_future().get().outcome, Outcome::refused);
}

TEST_F(LocalOrderingTest, CommandsOfAnEnvelopeThatDoesNotHoldAreRefusedAndMayBeSentAgain) {
  SeededEntropy stranger(99);
  ordering_->host(founder_.id(), std::make_shared<ordering::testing::Envelopes>(2, crypto::SigningKey::generate(stranger)));
  const Bytes command = admit(1, "North");
  const Answer refused = send(command);
  EXPECT_EQ(refused.outcome, Outcome::refused);
  EXPECT_EQ(refused.receipt->code, kernel::code_of(kernel::KernelCode::actor_not_active));
  ordering_->host(founder_.id(), founder_.signer());
  const Answer taken = send(command);
  ASSERT_EQ(taken.outcome, Outcome::final);
  EXPECT_TRUE(taken.receipt->code.ok());
}

}  // namespace
}  // namespace careledger::ordering::local
