#include "ordering/abci/signer.h"

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <filesystem>
#include <thread>

#include "base/clock.h"
#include "base/faulty_files.h"
#include "ordering/abci/frames.h"
#include "ordering/abci/unix_socket.h"
#include "proof/chain.h"

namespace careledger::ordering::abci {
namespace {

constexpr const char* kChain = "cl-test";
constexpr std::int32_t kPrevote = 1, kPrecommit = 2;

class SignerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/careledger-signer-XXXXXX";
    folder = ::mkdtemp(pattern);
    file = folder + "/signed";
    ASSERT_TRUE(Signer::create(files, file, kChain));
    open();
  }
  void open() {
    auto opened = Signer::open(files, file, kChain, key.clone());
    ASSERT_TRUE(opened) << opened.error().message;
    made = std::move(*opened);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  void open_at(std::uint64_t ledger) {
    auto opened = Signer::open(files, file, kChain, key.clone(), {ledger});
    ASSERT_TRUE(opened) << opened.error().message;
    made = std::move(*opened);
  }
  static signer::Message vote(std::int32_t type, std::int64_t height, std::int32_t round, const Bytes& block, std::int64_t seconds = 1000) {
    signer::Message request;
    request.mutable_vote_request()->set_chain_id(kChain);
    auto& vote = *request.mutable_vote_request()->mutable_vote();
    vote.set_type(type);
    vote.set_height(height);
    vote.set_round(round);
    vote.mutable_block_id()->mutable_part_set_header();
    if (!block.empty()) {
      vote.mutable_block_id()->set_hash(block);
      vote.mutable_block_id()->mutable_part_set_header()->set_total(1);
      vote.mutable_block_id()->mutable_part_set_header()->set_hash(block);
    }
    vote.mutable_timestamp()->set_seconds(seconds);
    return request;
  }
  static signer::Message proposal(std::int64_t height, std::int32_t round, const Bytes& block, std::int64_t seconds = 1000) {
    signer::Message request;
    request.mutable_proposal_request()->set_chain_id(kChain);
    auto& proposal = *request.mutable_proposal_request()->mutable_proposal();
    proposal.set_type(32);
    proposal.set_height(height);
    proposal.set_round(round);
    proposal.set_pol_round(-1);
    proposal.mutable_block_id()->set_hash(block);
    proposal.mutable_block_id()->mutable_part_set_header()->set_total(1);
    proposal.mutable_block_id()->mutable_part_set_header()->set_hash(block);
    proposal.mutable_timestamp()->set_seconds(seconds);
    return request;
  }
  signer::Vote signed_vote(const signer::Message& request) {
    const auto answer = made->answer(request);
    EXPECT_TRUE(answer);
    EXPECT_FALSE(answer->vote_response().has_error()) << answer->vote_response().error().description();
    return answer->vote_response().vote();
  }
  bool refuses(const signer::Message& request) {
    const auto answer = made->answer(request);
    EXPECT_TRUE(answer);
    const bool is_vote = request.has_vote_request();
    const bool refused = is_vote ? answer->vote_response().has_error() : answer->proposal_response().has_error();
    EXPECT_TRUE(!refused ||
                (is_vote ? answer->vote_response().vote().signature() : answer->proposal_response().proposal().signature()).empty());
    return refused;
  }

  SeededEntropy entropy{7};
  crypto::SigningKey key = crypto::SigningKey::generate(entropy);
  Files& files = system_files();
  std::string folder, file;
  std::unique_ptr<Signer> made;
  const Bytes a = Bytes(32, 'a'), b = Bytes(32, 'b');
};

TEST_F(SignerTest, APrecommitIsSignedAsTheChainVerifiesIt) {
  const auto vote = signed_vote(this->vote(kPrecommit, 5, 1, a, 1'800'000'000));
  const proof::BlockId id{a, {1, a}};
  const Bytes message = proof::vote_sign_bytes(kChain, 5, 1, id, {1'800'000'000, 0});
  EXPECT_TRUE(crypto::verify(key.public_key(), message, *crypto::Signature::from(vote.signature())));
  const auto nil = signed_vote(this->vote(kPrecommit, 5, 2, {}, 1'800'000'001));
  const Bytes of_nil = proof::vote_sign_bytes(kChain, 5, 2, {}, {1'800'000'001, 0});
  EXPECT_TRUE(crypto::verify(key.public_key(), of_nil, *crypto::Signature::from(nil.signature())));
}

TEST_F(SignerTest, NoStepIsSignedTwiceWithAnotherContent) {
  signed_vote(vote(kPrevote, 5, 0, a));
  EXPECT_TRUE(refuses(vote(kPrevote, 5, 0, b)));
  EXPECT_TRUE(refuses(vote(kPrevote, 5, 0, {})));
  signed_vote(vote(kPrecommit, 5, 0, a));
  EXPECT_TRUE(refuses(vote(kPrecommit, 5, 0, b)));
  ASSERT_FALSE(refuses(proposal(6, 0, a)));
  EXPECT_TRUE(refuses(proposal(6, 0, b)));
}

TEST_F(SignerTest, WhatLiesBehindIsRefused) {
  signed_vote(vote(kPrecommit, 5, 3, a));
  EXPECT_TRUE(refuses(vote(kPrevote, 5, 3, a)));
  EXPECT_TRUE(refuses(proposal(5, 3, a)));
  EXPECT_TRUE(refuses(vote(kPrecommit, 5, 2, a)));
  EXPECT_TRUE(refuses(vote(kPrecommit, 4, 9, a)));
  signed_vote(vote(kPrevote, 5, 4, a));
  EXPECT_TRUE(refuses(vote(kPrevote, 0, 0, a)));
}

TEST_F(SignerTest, TheSameStepAgainGetsTheSameSignatureAndItsTime) {
  const auto first = signed_vote(vote(kPrecommit, 5, 0, a, 1000));
  const auto again = signed_vote(vote(kPrecommit, 5, 0, a, 2000));
  EXPECT_EQ(again.signature(), first.signature());
  EXPECT_EQ(again.timestamp().seconds(), 1000);
}

TEST_F(SignerTest, ARestartForgetsNothing) {
  const auto first = signed_vote(vote(kPrecommit, 5, 0, a));
  open();
  EXPECT_TRUE(refuses(vote(kPrecommit, 5, 0, b)));
  EXPECT_EQ(signed_vote(vote(kPrecommit, 5, 0, a)).signature(), first.signature());
}

TEST_F(SignerTest, NoSignatureLeavesBeforeItIsOnDisk) {
  FaultyFiles faulty(files);
  auto opened = Signer::open(faulty, file, kChain, key.clone());
  ASSERT_TRUE(opened);
  faulty.stop_at_step(faulty.steps() + 1);
  const auto answer = (*opened)->answer(vote(kPrecommit, 5, 0, a));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->vote_response().has_error());
  EXPECT_TRUE(answer->vote_response().vote().signature().empty());
}

TEST_F(SignerTest, AnOlderCopyOfTheFileSignsNothingUpToTheLedgersHeight) {
  signed_vote(vote(kPrecommit, 5, 0, a));
  open_at(9);
  EXPECT_TRUE(refuses(vote(kPrecommit, 6, 0, b)));
  EXPECT_TRUE(refuses(vote(kPrecommit, 9, 3, b)));
  EXPECT_FALSE(signed_vote(vote(kPrecommit, 10, 0, b)).signature().empty());
  open_at(9);  // the file is ahead of the ledger, as it is meant to be
  EXPECT_TRUE(refuses(vote(kPrecommit, 10, 0, a)));
  EXPECT_FALSE(signed_vote(vote(kPrecommit, 10, 0, b)).signature().empty());
}

TEST_F(SignerTest, AfterAFileThatMayNotBeDurableNothingIsSignedUntilItIsOpenedAgain) {
  FaultyFiles faulty(files);
  auto opened = Signer::open(faulty, file, kChain, key.clone());
  ASSERT_TRUE(opened);
  faulty.fail_next_sync();
  for (const std::int64_t height : {5, 6, 7}) {
    const auto answer = (*opened)->answer(vote(kPrecommit, height, 0, a));
    EXPECT_TRUE(answer->vote_response().has_error());
    EXPECT_TRUE(answer->vote_response().vote().signature().empty());
  }
  open();
  EXPECT_FALSE(signed_vote(vote(kPrecommit, 6, 0, b)).signature().empty());
}

TEST_F(SignerTest, AnotherChainALostFileAndADamagedOneAreRefused) {
  signer::Message foreign = vote(kPrevote, 5, 0, a);
  foreign.mutable_vote_request()->set_chain_id("cl-other");
  EXPECT_TRUE(refuses(foreign));
  signer::Message ask;
  ask.mutable_key_request()->set_chain_id("cl-other");
  EXPECT_TRUE(made->answer(ask)->key_response().has_error());
  EXPECT_EQ(Signer::create(files, file, kChain).error().kind, ErrorKind::conflict);
  EXPECT_EQ(Signer::open(files, file, "cl-other", key.clone()).error().kind, ErrorKind::corrupt);
  ASSERT_TRUE(files.replace(file, "no record"));
  EXPECT_EQ(Signer::open(files, file, kChain, key.clone()).error().kind, ErrorKind::corrupt);
  ASSERT_TRUE(files.remove(file));
  EXPECT_EQ(Signer::open(files, file, kChain, key.clone()).error().kind, ErrorKind::not_found);
}

TEST_F(SignerTest, AnEngineThatComesBackIsDialledAgain) {
  const std::string path = folder + "/signer.sock";
  SignerLink link(*made, path, {});
  for (int life = 0; life < 2; ++life) {
    ::unlink(path.c_str());
    const Descriptor listener(bind_to(path, 1));
    int fd = -1;
    while ((fd = ::accept(listener.get(), nullptr, nullptr)) < 0) std::this_thread::yield();
    const Descriptor engine(fd);
    signer::Message ping;
    ping.mutable_ping_request();
    ASSERT_TRUE(send_all(engine.get(), frame(ping.SerializeAsString())));
    char buffer[64];
    const ssize_t count = receive_some(engine.get(), buffer, sizeof(buffer));
    FrameReader frames;
    frames.put({buffer, static_cast<std::size_t>(std::max<ssize_t>(count, 0))});
    signer::Message answer;
    ASSERT_TRUE(answer.ParseFromString(**frames.next()));
    EXPECT_TRUE(answer.has_ping_response());
  }
  link.stop();
}

// The key changes at block 5; the record stays one.
TEST_F(SignerTest, SignsWithTheKeyThatIsItsOwnNowAndOnlyWhatItHasAVoteOn) {
  const crypto::SigningKey next = crypto::SigningKey::generate(system_entropy());
  std::uint64_t height = 4;
  bool votes = true, readable = true;
  const MandateNow mandate = [&]() -> Result<Mandate> {
    if (!readable) return fail(ErrorKind::storage, "the disk");
    return Mandate{(height < 5 ? key : next).clone(), {height}, {votes ? height : 0}};
  };
  made = std::move(*Signer::open(files, file, kChain, mandate));
  EXPECT_TRUE(made->knows_key()) << "the engine was told of none yet";
  const auto told = [this] {
    signer::Message request;
    request.mutable_key_request()->set_chain_id(kChain);
    return made->answer(request)->key_response().pub_key().ed25519();
  };
  const auto signed_by = [this](const crypto::SigningKey& whose, const signer::Message& request) {
    const signer::Vote made_vote = signed_vote(request);
    const Bytes message = proof::vote_sign_bytes(kChain, made_vote.height(), 0, {a, {1, a}}, {1000, 0});
    return crypto::verify(whose.public_key(), message, *crypto::Signature::from(made_vote.signature()));
  };
  EXPECT_EQ(told(), key.public_key().bytes());
  EXPECT_TRUE(signed_by(key, vote(kPrecommit, 4, 0, a)));
  EXPECT_TRUE(refuses(vote(kPrevote, 5, 0, a))) << "whose vote that is the ledger does not say yet";
  EXPECT_TRUE(refuses(proposal(5, 0, a)));
  height = 5;
  EXPECT_FALSE(made->knows_key());
  EXPECT_EQ(told(), next.public_key().bytes());
  EXPECT_TRUE(made->knows_key());
  EXPECT_TRUE(refuses(vote(kPrecommit, 4, 1, a))) << "the old one's time is over";
  signer::Message as_before = vote(kPrecommit, 5, 0, a);
  as_before.mutable_vote_request()->mutable_vote()->set_validator_address(proof::address_of(key.public_key()));
  EXPECT_TRUE(refuses(as_before));
  signer::Message as_now = vote(kPrecommit, 5, 0, a);
  as_now.mutable_vote_request()->mutable_vote()->set_validator_address(proof::address_of(next.public_key()));
  EXPECT_TRUE(signed_by(next, as_now));
  votes = false;
  EXPECT_TRUE(refuses(vote(kPrecommit, 5, 1, a)));
  readable = false;
  EXPECT_TRUE(refuses(vote(kPrecommit, 5, 1, a)));
  EXPECT_TRUE(made->knows_key()) << "a new start would not help";
}

TEST_F(SignerTest, OneThatWasRestoredIsSilentUntilALaterBlockAndSignsAboveItAlone) {
  ASSERT_TRUE(files.remove(file));
  ASSERT_TRUE(Signer::create_silent(files, file, kChain, {5000}));
  EXPECT_EQ(Signer::create_silent(files, file, kChain, {1}).error().kind, ErrorKind::conflict);
  EXPECT_EQ(*Signer::silent_until(files, file), BlockTime{5000});
  LedgerTip tip{{40}, {5000}, {5000}};
  const auto reopen = [&] {
    auto opened = Signer::open(files, file, kChain, key.clone(), {7}, [&tip] { return tip; });
    ASSERT_TRUE(opened) << opened.error().message;
    made = std::move(*opened);
  };
  reopen();
  EXPECT_TRUE(refuses(vote(kPrevote, 41, 0, Bytes(32, 'a'))));
  EXPECT_TRUE(refuses(vote(kPrevote, 900, 0, Bytes(32, 'a'))));  // whatever is asked
  EXPECT_TRUE(refuses(proposal(41, 0, Bytes(32, 'a'))));
  tip = {{41}, {5001}, {5001}};
  EXPECT_TRUE(refuses(vote(kPrecommit, 41, 9, Bytes(32, 'a'))));   // it may have signed for this one
  EXPECT_EQ(*Signer::silent_until(files, file), BlockTime{5000});  // as long as nothing was signed
  signed_vote(vote(kPrevote, 42, 0, Bytes(32, 'a')));
  EXPECT_EQ(*Signer::silent_until(files, file), std::nullopt);
  EXPECT_TRUE(refuses(vote(kPrevote, 42, 0, Bytes(32, 'b'))));
  tip = {{3}, {1}, {1}};
  reopen();
  EXPECT_TRUE(refuses(vote(kPrevote, 41, 0, Bytes(32, 'a'))));
  signed_vote(vote(kPrecommit, 42, 0, Bytes(32, 'a')));
}

// The moment until which it is silent was told by a clock that lags behind: what it signed may lie later.
TEST_F(SignerTest, AClockThatIsBehindTheBlocksProlongsTheSilence) {
  ASSERT_TRUE(files.remove(file));
  ASSERT_TRUE(Signer::create_silent(files, file, kChain, {5000}));
  LedgerTip tip{{40}, {3'600'000}, {5000}};
  const auto reopen = [&] { made = std::move(*Signer::open(files, file, kChain, key.clone(), {7}, [&tip] { return tip; })); };
  reopen();
  EXPECT_TRUE(refuses(vote(kPrevote, 41, 0, Bytes(32, 'a'))));
  EXPECT_EQ(*Signer::silent_until(files, file), BlockTime{3'610'000});
  tip.now = {3'600'000};
  reopen();
  EXPECT_TRUE(refuses(vote(kPrevote, 41, 0, Bytes(32, 'a')))) << "for this one it may have signed";
  tip = {{41}, {3'610'001}, {3'610'000}};
  EXPECT_TRUE(refuses(vote(kPrevote, 41, 0, Bytes(32, 'a'))));
  signed_vote(vote(kPrevote, 42, 0, Bytes(32, 'a')));
}

TEST_F(SignerTest, ASilentOneThatNobodyTellsOfTheLedgerStaysSilent) {
  ASSERT_TRUE(files.remove(file));
  ASSERT_TRUE(Signer::create_silent(files, file, kChain, {1}));
  open();
  EXPECT_TRUE(refuses(vote(kPrevote, 1, 0, Bytes(32, 'a'))));
}

}  // namespace
}  // namespace careledger::ordering::abci
