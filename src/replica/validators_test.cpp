// What a block tells the ordering about votes: the founders' own, what members decide, keys that are replaced. And what the ordering tells
// of validators: evidence becomes rows.
#include <gtest/gtest.h>

#include "contracts/all.h"
#include "contracts/build.h"
#include "kernel/canonical.h"
#include "kernel/test_members.h"
#include "replica/ledger_store.h"
#include "replica/replica.h"
#include "replica/snapshot.h"

namespace careledger::replica {
namespace {

namespace build = contracts::build;
namespace governance = contracts::governance;

// Members 1 to 4 have 10 votes each, member 5 follows.
class Validators : public testing::Test {
 protected:
  void SetUp() override {
    Config config;
    config.founding = kernel::encode(kernel::test_founding(
        {kernel::test_member(1), kernel::test_member(2), kernel::test_member(3), kernel::test_member(4), kernel::test_member(5, 0)},
        time_.value - 1));
    auto opened = Replica::open(config, memory_ledger_store(), contracts::all());
    ASSERT_TRUE(opened) << opened.error().message;
    replica_ = std::move(*opened);
  }

  static crypto::PublicKey validator(std::uint8_t n) { return kernel::test_validator(n).public_key(); }
  static AccountId id(std::uint8_t n) { return kernel::test_member_id(n); }

  ledger::SignedCommand command(std::uint8_t n, const build::Order& order) {
    const auto key = kernel::test_key(n);
    return kernel::sign_command({replica_->ledger(), id(n), ++sequence_[n], {time_.value + 60'000}, order.contract}, order.payload,
                                kernel::Signer{1, &key});
  }
  governance::Action vote_for_member_5(std::uint64_t weight) const {
    const auto proof = kernel::test_key(25).sign(governance::rotation_bytes(replica_->ledger(), id(5), validator(5).view()));
    governance::Action action;
    action.mutable_set_weight()->set_organisation(id(5).bytes());
    action.mutable_set_weight()->set_weight(weight);
    action.mutable_set_weight()->set_validator_key(validator(5).bytes());
    action.mutable_set_weight()->set_proof(Bytes(proof.view()));
    return action;
  }
  // One block; every command must be ok. Its validator updates, by key.
  std::map<crypto::PublicKey, std::int64_t> block(const std::vector<ledger::SignedCommand>& commands,
                                                  std::vector<kernel::Misbehaviour> misbehaviour = {}) {
    const auto key = kernel::test_key(11);
    const Bytes batch = kernel::encode(kernel::sign_batch(id(1), ++batches_, commands, {2, &key}));
    time_.value += 1;
    auto execution = replica_->execute({next(replica_->view().height()), time_, {batch}, std::move(misbehaviour)});
    CARELEDGER_ASSERT(execution.has_value());
    for (const auto& receipt : execution->receipts()) EXPECT_TRUE(receipt.code.ok()) << receipt.code.number;
    std::map<crypto::PublicKey, std::int64_t> out;
    for (const auto& update : execution->validator_updates()) EXPECT_TRUE(out.emplace(update.key, update.power).second) << "twice";
    CARELEDGER_ASSERT(replica_->commit(std::move(*execution)).has_value());
    return out;
  }

  static kernel::Misbehaviour two_votes(const crypto::PublicKey& key, std::int64_t height) {
    return {proof::address_of(key), 1, height, {1'800'000'000'123}, 10, 40};
  }
  std::vector<std::pair<kernel::Key, governance::Evidence>> evidence() const {
    return replica_->view().state().scan(governance::kEvidence, Limit{99});
  }

  BlockTime time_{1'800'000'000'000};
  std::unique_ptr<Replica> replica_;
  std::map<std::uint8_t, std::uint64_t> sequence_;
  std::uint64_t batches_ = 0;
};

using Updates = std::map<crypto::PublicKey, std::int64_t>;

TEST_F(Validators, ChangeWhenAVoteDecidesAndOnlyThen) {
  for (std::uint8_t n = 1; n <= 4; ++n) EXPECT_EQ(replica_->view().state().get(kernel::kValidators, id(n))->power(), 10u);
  const auto proposal = command(5, build::propose(vote_for_member_5(5), {time_.value + contracts::kDayMs}));
  EXPECT_EQ(block({proposal}), Updates{});
  const Digest which = governance::proposal_id(kernel::digest_of(proposal));
  EXPECT_EQ(block({command(1, build::vote(which, true)), command(2, build::vote(which, true))}), Updates{});
  EXPECT_EQ(block({command(3, build::vote(which, true))}), (Updates{{validator(5), 5}}));
}

TEST_F(Validators, GiveUpOneKeyForAnother) {
  const auto next = kernel::test_key(99);
  const auto rotate = command(1, build::rotate_validator(replica_->ledger(), id(1), next));
  EXPECT_EQ(block({rotate}), (Updates{{validator(1), 0}, {next.public_key(), 10}}));
}

// One member's old key becomes another's in the same block: it must not be told twice, which an engine dies of.
TEST_F(Validators, AKeyThatChangesHandsIsToldOnce) {
  const auto next = kernel::test_key(99);
  const auto old = kernel::test_key(21);
  const auto first = command(1, build::rotate_validator(replica_->ledger(), id(1), next));
  const auto second = command(2, build::rotate_validator(replica_->ledger(), id(2), old));
  EXPECT_EQ(block({first, second}), (Updates{{validator(1), 10}, {validator(2), 0}, {next.public_key(), 10}}));
}

TEST_F(Validators, WhatARowHeldBeforeTheNewestBlockIsKnown) {
  const kernel::Key own = kernel::kValidators.key(id(1)), other = kernel::kValidators.key(id(2)), none = kernel::kValidators.key(id(5));
  const auto key_of = [](const kernel::RowValue& row) {
    kernel::Validator out;
    EXPECT_TRUE(row && out.ParseFromArray((*row).data(), static_cast<int>((*row).size())));
    return out.key();
  };
  EXPECT_EQ(replica_->view().row_before(own).error().kind, ErrorKind::not_found) << "there is no block yet";
  block({command(1, build::rotate_validator(replica_->ledger(), id(1), kernel::test_key(99)))});
  const View first = replica_->view();
  EXPECT_EQ(key_of(*first.row_before(own)), validator(1).bytes());
  EXPECT_EQ(key_of(*first.row_before(other)), validator(2).bytes()) << "unchanged";
  EXPECT_FALSE(*first.row_before(none));
  const auto proposal = command(5, build::propose(vote_for_member_5(5), {time_.value + contracts::kDayMs}));
  const Digest which = governance::proposal_id(kernel::digest_of(proposal));
  block({proposal, command(1, build::vote(which, true)), command(2, build::vote(which, true)), command(3, build::vote(which, true))});
  EXPECT_EQ(key_of(*replica_->view().row_before(own)), kernel::test_key(99).public_key().bytes());
  EXPECT_FALSE(*replica_->view().row_before(none)) << "it came with this block";
  EXPECT_EQ(key_of(*first.row_before(own)), validator(1).bytes()) << "of the view's own height";
  ASSERT_TRUE(replica_->undo_last());
  EXPECT_EQ(replica_->view().row_before(own).error().kind, ErrorKind::not_found);
}

TEST_F(Validators, EvidenceBecomesARowThatNamesTheMember) {
  block({});
  EXPECT_EQ(block({}, {two_votes(validator(2), 1)}), Updates{});  // what follows from it is for the members to decide
  const auto rows = evidence();
  ASSERT_EQ(rows.size(), 1u);
  const auto& [key, row] = rows.front();
  const Bytes address = proof::address_of(validator(2));
  EXPECT_EQ(key, governance::kEvidence.key(governance::evidence_id(address), Height{1}, 1));
  EXPECT_EQ(row.organisation(), id(2).bytes());
  EXPECT_EQ(row.validator(), address);
  EXPECT_EQ(row.kind(), 1u);
  EXPECT_EQ(row.height(), 1u);
  EXPECT_EQ(row.time_ms(), 1'800'000'000'123);
  EXPECT_EQ(row.power(), 10);
  EXPECT_EQ(row.total_power(), 40);
  EXPECT_EQ(row.written_height(), 2u);
  const Bytes shown[] = {Bytes(key.view())};
  const View view = replica_->view();
  EXPECT_EQ(proof::MapView::verify(view.prove(shown).value(), view.state_root())->look(shown[0]), proof::MapView::Known::present);
}

TEST_F(Validators, OnePieceOfEvidenceIsOneRowHoweverOftenItIsTold) {
  block({});
  block({}, {two_votes(validator(2), 1), two_votes(validator(2), 1)});
  const Digest hash = replica_->view().app_hash();
  block({}, {two_votes(validator(2), 1)});
  EXPECT_EQ(replica_->view().app_hash(), hash);
  ASSERT_EQ(evidence().size(), 1u);
  EXPECT_EQ(evidence().front().second.written_height(), 2u);
  kernel::Misbehaviour attack = two_votes(validator(2), 1);
  attack.kind = 2;
  block({}, {attack, two_votes(validator(2), 3), two_votes(validator(1), 1)});
  EXPECT_EQ(evidence().size(), 4u);
}

TEST_F(Validators, EvidenceThatIsNotSoundLeavesTheStateAsItWas) {
  block({});
  const Digest hash = replica_->view().app_hash();
  kernel::Misbehaviour short_address = two_votes(validator(2), 1);
  short_address.validator.pop_back();
  block({}, {short_address, two_votes(validator(2), 2), two_votes(validator(2), -1)});  // in block 2, of that block itself
  EXPECT_EQ(replica_->view().app_hash(), hash);
  EXPECT_EQ(replica_->view().block({2}).value()->misbehaviour.size(), 3u);  // and yet the block says what it was told
}

TEST_F(Validators, EvidenceNamesWhoGaveTheKeyUpAtTheFoundingOrNobody) {
  block({});
  const auto second = kernel::test_key(98), third = kernel::test_key(99);
  block({command(1, build::rotate_validator(replica_->ledger(), id(1), second))});
  block({command(1, build::rotate_validator(replica_->ledger(), id(1), third))});
  block({}, {two_votes(validator(1), 1)});
  ASSERT_EQ(evidence().size(), 1u);
  EXPECT_EQ(evidence().front().second.organisation(), id(1).bytes());  // replaced, and known from the founding
  block({}, {two_votes(second.public_key(), 3), two_votes(third.public_key(), 4)});
  std::map<Bytes, Bytes> named;
  for (const auto& [key, row] : evidence()) named[row.validator()] = row.organisation();
  EXPECT_EQ(named.at(proof::address_of(second.public_key())), "");  // nothing in the state remembers it
  EXPECT_EQ(named.at(proof::address_of(third.public_key())), id(1).bytes());
}

TEST_F(Validators, EvidenceComesWithASnapshotAndGoesWithAnUndoneBlock) {
  block({});
  const Digest before = replica_->view().app_hash();
  block({}, {two_votes(validator(2), 1)});
  const View view = replica_->view();
  const auto reader = SnapshotReader::make(view, 4096);
  ASSERT_TRUE(reader);
  const auto store = std::shared_ptr<storage::Store>(memory_ledger_store());
  auto loader = SnapshotLoader::begin(store, reader->header(), {replica_->ledger(), view.height(), view.time(), view.app_hash()});
  ASSERT_TRUE(loader) << loader.error().message;
  for (std::size_t i = 0; i < reader->chunks(); ++i) ASSERT_TRUE(loader->add(*reader->chunk(i)));
  ASSERT_TRUE(loader->finish());
  const auto filled = Replica::open({}, store, contracts::all());
  ASSERT_TRUE(filled) << filled.error().message;
  EXPECT_EQ((*filled)->view().state().scan(governance::kEvidence, Limit{99}).size(), 1u);
  ASSERT_TRUE(replica_->undo_last());
  EXPECT_EQ(replica_->view().app_hash(), before);
  EXPECT_TRUE(evidence().empty());
}

TEST_F(Validators, WhoLeavesHasNoVoteAnyMore) {
  const auto proposal = command(5, build::propose(vote_for_member_5(10), {time_.value + contracts::kDayMs}));
  const Digest which = governance::proposal_id(kernel::digest_of(proposal));
  block({proposal, command(1, build::vote(which, true)), command(2, build::vote(which, true)), command(3, build::vote(which, true))});
  EXPECT_EQ(block({command(4, build::leave())}), (Updates{{validator(4), 0}}));
  block({}, {two_votes(validator(4), 1)});
  ASSERT_EQ(evidence().size(), 1u);
  EXPECT_EQ(evidence().front().second.organisation(), id(4).bytes());  // and answers for what it did
}

}  // namespace
}  // namespace careledger::replica
