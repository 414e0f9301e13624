// The application under every sequence of calls that an engine may make, and some that it may not.
#include "contracts/governance/governance.h"
#include "kernel/codes.h"
#include "ordering/abci/test_application.h"

namespace careledger::ordering::abci {
namespace {

namespace wire = careledger::abci;
using ordering::testing::Founder;
using testing::ApplicationTest;

TEST_F(ApplicationTest, ABlockIsExecutedByFinalizeAndThereAfterCommit) {
  ASSERT_TRUE(init_chain(kernel::chain_id(founder.ledger())));
  const auto finalized = finalize(1, {first, "no envelope"});
  ASSERT_TRUE(finalized) << finalized.error().message;
  ASSERT_EQ(finalized->finalize_block().tx_results_size(), 2);
  EXPECT_EQ(finalized->finalize_block().tx_results(0).code(), 0u);
  EXPECT_EQ(finalized->finalize_block().tx_results(0).data().size(), 32u);
  EXPECT_NE(finalized->finalize_block().tx_results(1).code(), 0u);
  EXPECT_EQ(info().last_block_height(), 0);
  ASSERT_TRUE(commit());
  EXPECT_EQ(info().last_block_height(), 1);
  EXPECT_EQ(info().last_block_app_hash(), finalized->finalize_block().app_hash());
}

TEST_F(ApplicationTest, WhatEveryProposerPassesOverIsToldOnceWithTheirNames) {
  std::vector<PassedOver> told;
  application =
      std::make_unique<Application>(*replica, ApplicationConfig{.on_passed_over = [&](const PassedOver& one) { told.push_back(one); }});
  ASSERT_EQ(check(first), 0u);
  for (std::int64_t height = 1; height <= 70; ++height) {
    ASSERT_TRUE(finalize(height, {}, height % 2 == 0 ? "even" : "odd") && commit());
    EXPECT_EQ(check(first, true), 0u);
    ASSERT_EQ(told.size(), height < static_cast<std::int64_t>(PoolBook::kPatience) ? 0u : 1u) << height;
  }
  EXPECT_EQ(told[0].proposers.size(), PoolBook::kPatience);
  EXPECT_EQ(told[0].proposers[1], "even");
}

// Of a ledger that was an embedded one: all members begin with the same genesis, however they came by the state.
TEST_F(ApplicationTest, BlocksFromBeforeTheEngineAreNoneToIt) {
  ASSERT_TRUE(init_chain(kernel::chain_id(founder.ledger())));
  for (std::int64_t height = 1; height <= 2; ++height) {
    ASSERT_TRUE(finalize(height, {}));
    ASSERT_TRUE(commit());
  }
  ApplicationConfig config;
  config.base = {2};
  config.app_state = Bytes("\x01\xab", 2);
  application = std::make_unique<Application>(*replica, config);
  EXPECT_EQ(info().last_block_height(), 0);
  EXPECT_EQ(info().last_block_app_hash(), "");
  EXPECT_FALSE(init_chain(kernel::chain_id(founder.ledger()), 3));  // of a genesis that says nothing of the state
  wire::Request request;
  request.mutable_init_chain()->set_chain_id(kernel::chain_id(founder.ledger()));
  request.mutable_init_chain()->set_initial_height(3);
  request.mutable_init_chain()->set_app_state_bytes("\"01ab\"");
  const auto begun = application->handle(request);
  ASSERT_TRUE(begun) << begun.error().message;
  EXPECT_EQ(begun->init_chain().app_hash(), replica->view().app_hash().bytes());
  ASSERT_TRUE(finalize(3, {}));
  ASSERT_TRUE(commit());
  EXPECT_EQ(info().last_block_height(), 3);
  EXPECT_EQ(info().last_block_app_hash(), replica->view().app_hash().bytes());
}

TEST_F(ApplicationTest, EvidenceInABlockIsTold) {
  std::vector<kernel::Misbehaviour> told;
  ApplicationConfig config;
  config.on_misbehaviour = [&told](const kernel::Misbehaviour& one) { told.push_back(one); };
  application = std::make_unique<Application>(*replica, config);
  wire::Request request;
  auto& block = *request.mutable_finalize_block();
  block.set_height(1);
  set(*block.mutable_time(), 1);
  for (const std::int32_t type : {1, 2}) {
    auto& evidence = *block.add_misbehavior();
    evidence.set_type(type);
    evidence.set_height(-type);  // nonsense is no reason to end
    evidence.mutable_validator()->set_address(Bytes(20, 'v'));
  }
  ASSERT_TRUE(application->handle(request));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].validator, Bytes(20, 'v'));
  EXPECT_EQ(told[0].height, -1);
  EXPECT_TRUE(told[0].is(kernel::MisbehaviourKind::two_votes));
  EXPECT_TRUE(told[1].is(kernel::MisbehaviourKind::light_client_attack));
}

TEST_F(ApplicationTest, EvidenceChangesTheAppHashOfItsBlockAndIsThereAfterAReplay) {
  ASSERT_TRUE(finalize(1, {first}));
  ASSERT_TRUE(commit());
  wire::Request request;
  auto& block = *request.mutable_finalize_block();
  block.set_height(2);
  set(*block.mutable_time(), 2);
  auto& evidence = *block.add_misbehavior();
  evidence.set_type(1);
  evidence.set_height(1);
  evidence.mutable_time()->set_seconds(INT64_MAX);  // whatever it is, it ends nothing
  evidence.mutable_validator()->set_address(Bytes(20, 'v'));
  evidence.mutable_validator()->set_power(10);
  evidence.set_total_voting_power(40);
  const Bytes before = info().last_block_app_hash();
  const Bytes hash = application->handle(request)->finalize_block().app_hash();
  EXPECT_NE(hash, before);
  open();  // died before its Commit: the engine replays the block
  EXPECT_EQ(application->handle(request)->finalize_block().app_hash(), hash);
  ASSERT_TRUE(commit());
  const auto rows = replica->view().state().scan(contracts::governance::kEvidence, Limit{9});
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].second.validator(), Bytes(20, 'v'));
  EXPECT_EQ(rows[0].second.organisation(), "");  // nobody's: this ledger has a founder and no members
  EXPECT_EQ(rows[0].second.time_ms(), 0);
  EXPECT_EQ(finalize(3)->finalize_block().app_hash(), hash);
}

TEST_F(ApplicationTest, AnEmptyBlockChangesNoAppHashSoThatNoneFollowForEver) {
  ASSERT_TRUE(finalize(1, {first}));
  ASSERT_TRUE(commit());
  const Bytes hash = info().last_block_app_hash();
  EXPECT_EQ(finalize(2)->finalize_block().app_hash(), hash);
}

TEST_F(ApplicationTest, InfoAfterARestartIsOfTheLastCommitWhateverWasFinalised) {
  ASSERT_TRUE(finalize(1, {first}));
  ASSERT_TRUE(commit());
  const Bytes hash = info().last_block_app_hash();
  ASSERT_TRUE(finalize(2, {founder.envelope({founder.admit(2, "South", kStart)}, 2)}));
  open();
  EXPECT_EQ(info().last_block_height(), 1);
  EXPECT_EQ(info().last_block_app_hash(), hash);
  EXPECT_TRUE(finalize(2));  // the engine replays the block, or another one of that height
  EXPECT_TRUE(commit());
}

TEST_F(ApplicationTest, ABlockMayBeFinalisedAgainBeforeItIsCommitted) {
  const Bytes hash = finalize(1, {first})->finalize_block().app_hash();
  EXPECT_NE(finalize(1)->finalize_block().app_hash(), hash);
  EXPECT_EQ(finalize(1, {first})->finalize_block().app_hash(), hash);
  ASSERT_TRUE(commit());
  EXPECT_EQ(info().last_block_app_hash(), hash);
}

TEST_F(ApplicationTest, CallsOutOfOrderAreErrorsThatStopTheEngine) {
  EXPECT_EQ(commit().error().kind, ErrorKind::conflict);  // nothing was finalised
  EXPECT_EQ(finalize(2).error().kind, ErrorKind::invalid);
  EXPECT_EQ(finalize(0).error().kind, ErrorKind::invalid);
  EXPECT_EQ(finalize(-1).error().kind, ErrorKind::invalid);
  ASSERT_TRUE(finalize(1));
  ASSERT_TRUE(commit());
  EXPECT_EQ(commit().error().kind, ErrorKind::conflict);
  EXPECT_EQ(finalize(1).error().kind, ErrorKind::invalid);  // the application is ahead
  EXPECT_EQ(info().last_block_height(), 1);
  wire::Request extend;
  extend.mutable_extend_vote();
  EXPECT_EQ(application->handle(extend).error().kind, ErrorKind::unsupported);
}

TEST_F(ApplicationTest, AnotherChainIsRefusedWithBothNames) {
  const auto other = init_chain("cl-other");
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("cl-other"), std::string::npos);
  EXPECT_NE(other.error().message.find(kernel::chain_id(founder.ledger())), std::string::npos);
  EXPECT_FALSE(init_chain(kernel::chain_id(founder.ledger()), 5));
  EXPECT_EQ(init_chain(kernel::chain_id(founder.ledger()))->init_chain().app_hash(), replica->view().app_hash().bytes());
}

TEST_F(ApplicationTest, AnEngineOfAnotherProtocolIsToldWhatToInstall) {
  const auto refusal = [this](const std::string& version, const std::string& abci, std::uint64_t blocks) {
    wire::Request request;
    request.mutable_info()->set_version(version);
    request.mutable_info()->set_abci_version(abci);
    request.mutable_info()->set_block_version(blocks);
    const auto answer = application->handle(request);
    return answer ? "" : answer.error().message;
  };
  EXPECT_EQ(refusal("0.38.25", "2.0.0", 11), "");
  EXPECT_EQ(refusal("0.39.0", "2.0.0", 11), "") << "as v0.40.0 calls itself";
  EXPECT_EQ(
      refusal("0.37.4\x1b[2J", "1.0.0", 11),
      "the engine calls itself version 0.37.4?[2J and speaks ABCI 1.0.0 over blocks of protocol 11; this node needs ABCI 2.0 over blocks "
      "of protocol 11: install CometBFT v0.38.25 and name it with --engine");
  EXPECT_NE(refusal("1.0.1", "2.1.0", 11).find("install CometBFT v0.38.25"), std::string::npos) << "the retracted line";
  EXPECT_NE(refusal("9.0.0", "2.0.0", 12).find("over blocks of protocol 12; this node needs"), std::string::npos);
  EXPECT_NE(refusal("0.34.0", "", 11).find("install CometBFT v0.38.25"), std::string::npos);
}

TEST_F(ApplicationTest, OnlyAnEnvelopeThatCanStandIsChecked) {
  EXPECT_EQ(check(first), 0u);
  EXPECT_EQ(check("no envelope"), number(kernel::KernelCode::malformed));
  EXPECT_EQ(check(Bytes(600 * 1024, 'x')), number(kernel::KernelCode::too_large));
  Bytes forged = first;
  forged.back() = static_cast<char>(forged.back() ^ 1);
  EXPECT_EQ(check(forged), number(kernel::KernelCode::bad_signature));
  Founder stranger(kStart, 2);
  EXPECT_EQ(check(stranger.envelope({stranger.admit(1, "East", kStart)})), number(kernel::KernelCode::unknown_actor));
  ASSERT_TRUE(finalize(1, {first}));
  ASSERT_TRUE(commit());
  EXPECT_EQ(check(first), number(kernel::KernelCode::replayed));
}

TEST_F(ApplicationTest, WhatIsPickedIsAcceptedAndWhatCannotStandIsNeither) {
  const Bytes second = founder.envelope({founder.admit(2, "South", kStart)}, 2);
  const std::vector<Bytes> offered = {first, "no envelope", second, first};
  const std::vector<Bytes> expected = {first, second};
  EXPECT_EQ(picked_of(offered), expected);
  EXPECT_TRUE(accepts(expected));
  EXPECT_TRUE(accepts({second, first}));  // any order
  EXPECT_TRUE(accepts({}));
  EXPECT_FALSE(accepts({first, first}));
  EXPECT_FALSE(accepts({first, "no envelope"}));
  const auto fits = static_cast<std::int64_t>(first.size()) + 3;  // as the engine counts: tag, two bytes of length, the bytes
  EXPECT_EQ(picked_of({first, second}, fits).size(), 1u);
  EXPECT_EQ(picked_of({first, second}, fits - 1).size(), 0u);
}

TEST_F(ApplicationTest, ACommandThatWillBeRefusedIsNoReasonToRejectABlock) {
  const Bytes expired = founder.admit(1, "North", {kStart.value - 7'200'000});
  const Bytes envelope = founder.envelope({expired, founder.admit(2, "South", kStart)});
  EXPECT_TRUE(accepts({envelope}));
  EXPECT_EQ(picked_of({envelope}).size(), 1u);
}

// Nothing in these is ever consumed: whoever got hold of one could have it ordered again and again in the sender's name.
TEST_F(ApplicationTest, AnEnvelopeThatUsesNothingUpNeverStands) {
  Founder stranger(kStart, 2);
  Bytes forged = founder.admit(1, "North", kStart);
  forged.back() = static_cast<char>(forged.back() ^ 1);
  const std::vector<std::pair<Bytes, kernel::KernelCode>> useless = {
      {founder.admit(1, "North", {kStart.value - 7'200'000}), kernel::KernelCode::expired},
      {founder.admit(1, "North", {kStart.value + 7'200'000}), kernel::KernelCode::expiry_too_far},
      {stranger.admit(1, "North", kStart), kernel::KernelCode::wrong_ledger},
      {founder.admit_as(stranger.id(), 1, kStart), kernel::KernelCode::unknown_actor},
      {forged, kernel::KernelCode::bad_signature},
  };
  for (const auto& [command, code] : useless) {
    const Bytes envelope = founder.envelope({command});
    EXPECT_EQ(check(envelope), number(code));
    EXPECT_TRUE(picked_of({envelope}).empty()) << number(code);
    EXPECT_FALSE(accepts({envelope})) << number(code);
  }
  const Bytes padded = founder.envelope({founder.admit(1, "North", kStart), Bytes()});  // a good one, and bytes that are no command
  EXPECT_EQ(check(padded), number(kernel::KernelCode::malformed));
  EXPECT_FALSE(accepts({padded}));
}

// No honest node seals one: it would only fill the block. Two nodes may have sent the same command, each in an envelope of its own.
TEST_F(ApplicationTest, AnEnvelopeThatHoldsACommandTwiceNeverStandsAndTwoEnvelopesWithTheSameCommandDo) {
  const Bytes north = founder.admit(1, "North", kStart), south = founder.admit(2, "South", kStart);
  Bytes forged = north;  // the same command, under a signature that does not hold
  forged.back() = static_cast<char>(forged.back() ^ 1);
  const std::vector<std::vector<Bytes>> doubled = {
      {north, north}, {north, south, north}, {forged, north}, std::vector<Bytes>(kernel::kBatchCommandsMax / 4, north)};
  for (const auto& commands : doubled) {
    const Bytes envelope = founder.envelope(commands);
    EXPECT_EQ(check(envelope), number(kernel::KernelCode::malformed));
    EXPECT_EQ(check(envelope), number(kernel::KernelCode::malformed));  // as it is remembered
    EXPECT_TRUE(picked_of({envelope}).empty());
    EXPECT_FALSE(accepts({envelope}));
    EXPECT_FALSE(accepts({founder.envelope({south}, 7), envelope}));
  }
  EXPECT_TRUE(accepts({founder.envelope({north, south}, 1), founder.envelope({south, north}, 2), founder.envelope({north}, 3)}));
}

// Members that still run a build without that rule may have decided on it.
TEST_F(ApplicationTest, ABlockThatWasDecidedIsExecutedThoughAnEnvelopeInItHoldsACommandTwice) {
  const Bytes north = founder.admit(1, "North", kStart);
  const Bytes once = finalize(1, {founder.envelope({north})})->finalize_block().app_hash();
  std::vector<kernel::Code> codes;
  application = std::make_unique<Application>(
      *replica, ApplicationConfig{.on_commit = [&](const replica::View&, const std::vector<Ordered>& envelopes) {
        for (const kernel::Receipt& receipt : envelopes.at(0).receipts) codes.push_back(receipt.code);
      }});
  const auto finalized = finalize(1, {founder.envelope({north, north})});
  EXPECT_EQ(finalized->finalize_block().tx_results(0).code(), 0u);
  EXPECT_EQ(finalized->finalize_block().app_hash(), once);
  ASSERT_TRUE(commit());
  ASSERT_EQ(codes.size(), 2u);
  EXPECT_TRUE(codes[0].ok());
  EXPECT_EQ(codes[1], kernel::code_of(kernel::KernelCode::replayed));
}

// The first block after an outage carries the time of before it.
TEST_F(ApplicationTest, WhatExpiresTooFarAheadOfABlockWaitsForTheNext) {
  constexpr std::int64_t kOutage = 3'600'000;
  const BlockTime now{kStart.value + kOutage};
  application = std::make_unique<Application>(*replica, ApplicationConfig{.now = [now] { return now; }});
  const Bytes written_in_it = founder.envelope({founder.admit(1, "North", now), founder.admit(2, "South", kStart)});
  EXPECT_EQ(check(written_in_it), 0u);
  EXPECT_TRUE(picked_of({written_in_it}).empty());
  EXPECT_TRUE(accepts({written_in_it}));  // a proposer who does not care is no reason to stop
  EXPECT_EQ(picked_of({written_in_it}, 1 << 20, kOutage / 1000).size(), 1u);
}

// Header times are only known to rise by a nanosecond.
TEST_F(ApplicationTest, TwoBlocksWithinOneMillisecondFollowEachOther) {
  const auto finalize_at = [&](std::int64_t height, std::int32_t nanos) {
    wire::Request request;
    auto& block = *request.mutable_finalize_block();
    block.set_height(height);
    block.mutable_time()->set_seconds(kStart.value / 1000);
    block.mutable_time()->set_nanos(nanos);
    return application->handle(request);
  };
  for (std::int64_t height = 1; height <= 3; ++height) {
    const auto finalized = finalize_at(height, 5'000'000 + static_cast<std::int32_t>(height));
    ASSERT_TRUE(finalized) << finalized.error().message;
    ASSERT_TRUE(commit());
    EXPECT_EQ(replica->view().time().value, kStart.value + 4 + height);
  }
  ASSERT_TRUE(finalize_at(4, 9'000'000));
  ASSERT_TRUE(commit());
  EXPECT_EQ(replica->view().time().value, kStart.value + 9);
}

TEST_F(ApplicationTest, OnlyNodesOfTheNetworkMayConnect) {
  EXPECT_NE(query("/p2p/filter/id/" + std::string(40, 'a')).code(), 0u);  // nobody was named
  application = std::make_unique<Application>(
      *replica, ApplicationConfig{.version = {}, .is_peer = [](const std::string& node) { return node == std::string(40, 'a'); }});
  EXPECT_EQ(query("/p2p/filter/id/" + std::string(40, 'a')).code(), 0u);
  EXPECT_NE(query("/p2p/filter/id/" + std::string(40, 'b')).code(), 0u);
  EXPECT_EQ(query("/p2p/filter/addr/10.0.0.1:26656").code(), 0u);
}

TEST_F(ApplicationTest, WithoutSnapshotsAPeerThatAsksForThemStopsNobody) {
  wire::Request list, load, offer, apply;
  list.mutable_list_snapshots();
  load.mutable_load_snapshot_chunk()->set_height(1);
  offer.mutable_offer_snapshot()->mutable_snapshot()->set_height(1);
  apply.mutable_apply_snapshot_chunk()->set_chunk("piece");
  EXPECT_EQ(application->handle(list)->list_snapshots().snapshots_size(), 0);
  EXPECT_TRUE(application->handle(load)->has_load_snapshot_chunk());
  EXPECT_EQ(application->handle(offer)->offer_snapshot().result(), 3);
  EXPECT_EQ(application->handle(apply)->apply_snapshot_chunk().result(), 2);
}

TEST_F(ApplicationTest, RowsAreAnsweredWithProofsAndNonsenseWithACode) {
  ASSERT_TRUE(finalize(1, {first}));
  ASSERT_TRUE(commit());
  ASSERT_TRUE(finalize(2));
  ASSERT_TRUE(commit());
  const Bytes key = Bytes("\x02") + founder.id().bytes();  // the founder's sequence window
  const auto found = query("/store/state/key", key);
  EXPECT_EQ(found.code(), 0u) << found.log();
  EXPECT_EQ(found.height(), 1);
  EXPECT_FALSE(found.value().empty());
  EXPECT_EQ(found.proof_ops().ops_size(), 2);
  EXPECT_NE(query("/store/state/key").code(), 0u);
  EXPECT_NE(query("/nowhere", key).code(), 0u);
}

}  // namespace
}  // namespace careledger::ordering::abci
