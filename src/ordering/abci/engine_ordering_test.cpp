// Commands through an engine, which is fake here: it loses its pool, goes away, comes back, and orders what other nodes sent too.
#include "ordering/abci/engine_ordering.h"

#include <atomic>
#include <filesystem>
#include <future>

#include "ordering/abci/fake_engine.h"
#include "ordering/test_founder.h"
#include "storage/test_faulty_store.h"

namespace careledger::ordering::abci {
namespace {

using ordering::testing::Founder;
using storage::testing::Fault;
using storage::testing::FaultyStore;
using testing::FakeEngine;
namespace wire = careledger::abci;

class LateClock final : public Clock {  // the machine's, ahead by as much as it is told
 public:
  BlockTime now() const override { return {system_clock().now().value + ahead_ms}; }
  std::uint64_t monotonic_ns() const override { return system_clock().monotonic_ns() + ahead_ns; }
  std::atomic<std::int64_t> ahead_ms{0};
  std::atomic<std::uint64_t> ahead_ns{0};
};

class EngineOrderingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/careledger-engine-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    replica = founder.open(store);
    ASSERT_TRUE(replica);
    EngineConfig config;
    config.socket = folder_ + "/engine.sock";
    config.epoch_ms = 1;
    config.repeat_ms = repeat_ms;
    config.empty_block_ms = 50;
    config.in_flight_max = in_flight_max;
    config.gather_ms = gather_ms;
    config.wait_max_ms = wait_max_ms;
    config.application.retention = retention;
    config.on_fault = [this](const Error& error) {
      if (is_of_disk(error)) disk_faults.push_back(error);
      if (is_of_disk(error)) disk_failed.set_value();
    };
    auto started = start(*replica, engine, clock, config);
    ASSERT_TRUE(started) << started.error().message;
    ordering = std::move(*started);
    ordering->host(founder.id(), founder.signer());
    engine.connect(config.socket);
    ASSERT_TRUE(engine.init_chain(founder.ledger()).has_init_chain());
  }
  void TearDown() override {
    ordering->stop();
    ordering.reset();
    std::filesystem::remove_all(folder_);
  }

  std::future<Answer> send(const Bytes& command, Lane lane = Lane::urgent) {
    auto promise = std::make_shared<std::promise<Answer>>();
    ordering->submit(founder.id(), command, lane, [promise](const Answer& answer) { promise->set_value(answer); });
    return promise->get_future();
  }
  Bytes admit(std::uint64_t sequence) { return founder.admit(sequence, "Organisation " + std::to_string(sequence), system_clock().now()); }
  void wait_for_pool(std::size_t count) {
    while (engine.pool_size() < count) std::this_thread::yield();
  }
  FakeEngine::Made make_block() {
    time_ = {std::max(time_.value + 1, system_clock().now().value)};
    return engine.make_block(++height_, time_);
  }
  Answer make_blocks_until(std::future<Answer>& answer) {
    while (answer.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready) make_block();
    return answer.get();
  }

  std::string folder_;
  // What anybody can make of a command that he saw: its bytes under a signature that does not hold.
  static Bytes forged(Bytes command) {
    command.back() = static_cast<char>(command.back() ^ 1);
    return command;
  }
  Bytes forged_copy(const Bytes& command) { return founder.envelope({forged(command)}, 4711); }
  void order(const std::vector<Bytes>& txs, BlockTime time) {  // whoever proposed it
    time_ = time;
    engine.finalize(txs, ++height_, time);
    engine.commit();
    engine.update_pool(txs);
  }

  std::size_t in_flight_max = EngineConfig().in_flight_max;
  std::uint32_t repeat_ms = 50;
  std::uint32_t gather_ms = EngineConfig().gather_ms;
  std::uint32_t wait_max_ms = EngineConfig().wait_max_ms;
  Retention retention{};
  const BlockTime created{system_clock().now().value - 7'200'000};
  Founder founder{created};
  std::shared_ptr<FaultyStore> store = std::make_shared<FaultyStore>(replica::memory_ledger_store());
  std::vector<Error> disk_faults;
  std::promise<void> disk_failed;
  std::unique_ptr<replica::Replica> replica;
  LateClock clock;
  FakeEngine engine;
  std::unique_ptr<Ordering> ordering;
  std::int64_t height_ = 0;
  BlockTime time_{};
};

TEST_F(EngineOrderingTest, ACommandIsFinalWithItsBlockAndProvableWithTheNext) {
  auto answer = send(admit(1));
  wait_for_pool(1);
  EXPECT_TRUE(make_block().accepted);
  const Answer final = answer.get();
  ASSERT_EQ(final.outcome, Outcome::final);
  EXPECT_TRUE(final.receipt->code.ok()) << final.receipt->code.number;
  EXPECT_EQ(final.receipt->height, Height{1});
  std::promise<void> provable;
  ordering->when_provable({1}, [&] { provable.set_value(); });
  make_block();
  provable.get_future().wait();
  EXPECT_EQ(ordering->height(), Height{2});
}

TEST_F(EngineOrderingTest, AtMostSoManyEnvelopesAreInFlightAndTheNextOnesGrow) {
  std::vector<std::future<Answer>> answers;
  for (std::uint64_t i = 1; i <= in_flight_max; ++i) {
    answers.push_back(send(admit(i)));
    wait_for_pool(i);
  }
  for (std::uint64_t i = in_flight_max + 1; i <= 200; ++i) answers.push_back(send(admit(i)));
  for (int i = 0; i < 3; ++i) {
    engine.restart();  // everything is given again, and nothing new
    wait_for_pool(in_flight_max);
    EXPECT_EQ(engine.pool_size(), in_flight_max);
  }
  EXPECT_EQ(make_block().txs.size(), in_flight_max);
  std::size_t envelopes = 0;
  for (auto& answer : answers)
    while (answer.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready) envelopes += make_block().txs.size();
  for (auto& answer : answers) EXPECT_TRUE(answer.get().receipt->code.ok());
  EXPECT_LE(envelopes, in_flight_max);
}

// The ledger forgives an actor 256 numbers: the order of a burst is kept, whatever becomes of the engine in the middle of it.
TEST_F(EngineOrderingTest, OfABurstNothingIsLostWhenTheEngineDiesAgainAndAgain) {
  std::vector<std::future<Answer>> answers;
  for (std::uint64_t i = 1; i <= 2'000; ++i) answers.push_back(send(admit(i)));
  std::size_t blocks = 0;
  for (auto& answer : answers) {
    while (answer.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready) {
      if (++blocks % 3 == 0) engine.restart();
      time_ = {std::max(time_.value + 1, system_clock().now().value)};
      engine.make_block(++height_, time_, 100'000);  // so that some stay behind in the pool
    }
    const Answer one = answer.get();
    ASSERT_EQ(one.outcome, Outcome::final);
    ASSERT_TRUE(one.receipt->code.ok()) << one.receipt->code.number;
  }
}

TEST_F(EngineOrderingTest, AForgedCopyInAnothersEnvelopeAnswersNobody) {
  for (const bool beside : {false, true}) {
    const Bytes command = admit(beside ? 2 : 1);
    auto answer = send(command);
    wait_for_pool(1);
    const Bytes own = engine.pool().front();
    if (beside) order({forged_copy(command), own}, system_clock().now());
    else order({forged_copy(command)}, system_clock().now());
    const Answer final = make_blocks_until(answer);
    ASSERT_EQ(final.outcome, Outcome::final);
    EXPECT_TRUE(final.receipt->code.ok()) << final.receipt->code.number;
  }
}

// Ordered in a block that carries the time of before an outage, by a proposer who does not care.
TEST_F(EngineOrderingTest, WhatWasOrderedTooEarlyIsSealedAnewAndAppliedLater) {
  auto answer = send(admit(1));
  wait_for_pool(1);
  order({engine.pool().front()}, {created.value + 1});
  wait_for_pool(1);
  EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(0)), std::future_status::timeout);
  const Answer final = make_blocks_until(answer);
  EXPECT_TRUE(final.receipt->code.ok()) << final.receipt->code.number;
  EXPECT_GT(final.receipt->height, Height{1});
}

TEST_F(EngineOrderingTest, WhenOurDiskFailsEverybodyIsToldAndTheEngineFindsNobody) {
  auto given = send(admit(1));
  wait_for_pool(1);
  std::promise<void> provable;
  ordering->when_provable({1000}, [&] { provable.set_value(); });
  store->fail_next_write(Fault::before_write);
  engine.finalize(engine.pool(), 1, system_clock().now());
  wire::Request commit;
  commit.mutable_commit();
  ASSERT_TRUE(engine.consensus().send(commit));  // its answer may be cut off
  EXPECT_EQ(given.get().outcome, Outcome::unknown);
  provable.get_future().wait();
  disk_failed.get_future().wait();
  EXPECT_FALSE(ordering->has_quorum());
  EXPECT_EQ(send(admit(2)).get().outcome, Outcome::unknown);
  EXPECT_LT(connect_to(folder_ + "/engine.sock"), 0);
  EXPECT_EQ(disk_faults.size(), 1u);
}

TEST_F(EngineOrderingTest, AnEnvelopeThatThePoolLostIsGivenAgain) {
  auto answer = send(admit(1));
  wait_for_pool(1);
  engine.forget_pool();
  EXPECT_TRUE(make_block().txs.empty());
  wait_for_pool(1);
  make_block();
  EXPECT_TRUE(answer.get().receipt->code.ok());
}

// Without a quorum block time stands still: what left us and expired by our clock may stand in the first block afterwards, out of the pool
// of another node.
TEST_F(EngineOrderingTest, WhatLeftUsHasExpiredWhenBlocksSayAndNotWhenOurClockDoes) {
  make_block();
  auto answer = send(admit(1));
  wait_for_pool(1);
  const Bytes own = engine.pool().front();
  clock.ahead_ms = 7'200'000;
  engine.restart();
  const auto later = send(founder.admit(2, "Organisation 2", clock.now()));
  wait_for_pool(1);  // what is due again goes first, so that it was judged anew by now
  ASSERT_NE(answer.wait_for(std::chrono::milliseconds(0)), std::future_status::ready) << "told too early";
  order({own}, {time_.value + 10'000});
  const Answer final = answer.get();
  ASSERT_EQ(final.outcome, Outcome::final);
  EXPECT_TRUE(final.receipt->code.ok());
}

class OneEnvelopeTest : public EngineOrderingTest {
 protected:
  OneEnvelopeTest() { in_flight_max = 1; }
};

TEST_F(OneEnvelopeTest, WhatNeverLeftUsHasExpiredWhenOurClockSays) {
  make_block();
  engine.set_away(true);
  const Bytes command = admit(1);
  auto first = send(command);
  while (engine.tries() == 0) std::this_thread::yield();  // for all we know it has left
  auto second = send(admit(2));                           // waits for room
  clock.ahead_ms = 7'200'000;
  EXPECT_EQ(first.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout) << "blocks go by their own time";
  order({founder.envelope({command}, 77)}, system_clock().now());  // it had, and came through another node
  EXPECT_EQ(first.get().outcome, Outcome::final);
  const Answer told = second.get();
  ASSERT_EQ(told.outcome, Outcome::refused);
  EXPECT_EQ(told.receipt->code, kernel::code_of(kernel::KernelCode::expired));
}

class DroppingTest : public EngineOrderingTest {
 protected:
  DroppingTest() { retention = {.blocks = 3, .milliseconds = 0, .step = 1}; }
};

TEST_F(DroppingTest, WhoWantsAnOldHeaderHearsFromWhereOnTheyAreAndWhomToAsk) {
  for (int i = 0; i < 8; ++i) make_block();
  for (const auto& error : {ordering->header({4}).error(), ordering->validators({4}).error()}) {
    EXPECT_EQ(error.kind, ErrorKind::not_found);
    EXPECT_NE(error.message.find("block 4: this node keeps signed headers from block 5 on"), std::string::npos) << error.message;
    EXPECT_NE(error.message.find("ask a member that keeps all"), std::string::npos) << error.message;
  }
  const auto asked = ordering->header({5});  // of the engine, which is none here
  EXPECT_TRUE(asked || asked.error().message.find("keeps signed headers") == std::string::npos);
}

class GatheringTest : public EngineOrderingTest {
 protected:
  GatheringTest() { repeat_ms = gather_ms = 60'000; }
};

TEST_F(GatheringTest, WhatIsGatheredLeavesWhenTheNextBlockIsProposed) {
  auto first = send(admit(1));
  wait_for_pool(1);
  auto second = send(admit(2));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (engine.pool_size() < 2 && std::chrono::steady_clock::now() < until) EXPECT_TRUE(engine.judge({}, 1, clock.now()));
  ASSERT_EQ(make_block().txs.size(), 2u);
  EXPECT_EQ(first.get().outcome, Outcome::final);
  EXPECT_EQ(second.get().outcome, Outcome::final);
}

TEST_F(GatheringTest, WhatIsGatheredLeavesWhenNothingOfThisNodeIsInFlightAnyMore) {
  auto first = send(admit(1));
  wait_for_pool(1);
  const std::vector<Bytes> pool = engine.pool();
  auto second = send(admit(2));
  order(pool, clock.now());  // decided without a proposal here, as for a node that was away
  EXPECT_EQ(first.get().outcome, Outcome::final);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (engine.pool_size() < 1 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  ASSERT_EQ(make_block().txs.size(), 1u);
  EXPECT_EQ(second.get().outcome, Outcome::final);
}

class LoadedTest : public EngineOrderingTest {
 protected:
  LoadedTest() {
    in_flight_max = 1;
    gather_ms = 60'000;
    wait_max_ms = 1;
  }
};

TEST_F(LoadedTest, WhatWouldWaitTooLongIsToldWhenToComeBack) {
  std::vector<std::future<Answer>> waiting;
  std::uint64_t sequence = 0;
  const auto refused = [&]() -> std::optional<Answer> {  // a thousand more, or the first of them that is refused
    for (int i = 0; i < 1000; ++i) {
      auto answer = send(admit(++sequence));
      if (answer.wait_for(std::chrono::milliseconds(0)) == std::future_status::ready) return answer.get();
      waiting.push_back(std::move(answer));
    }
    return std::nullopt;
  };
  auto first = send(admit(++sequence));
  wait_for_pool(1);
  EXPECT_FALSE(refused()) << "nothing became final yet: all may wait";
  make_blocks_until(first);
  const auto busy = refused();
  ASSERT_TRUE(busy);
  EXPECT_EQ(busy->outcome, Outcome::busy);
  EXPECT_EQ(busy->retry_after_ms, 1u);
  waiting.push_back(send(admit(sequence), Lane::owed));  // the one that was refused
  for (auto& answer : waiting) EXPECT_EQ(make_blocks_until(answer).outcome, Outcome::final);
}

TEST_F(LoadedTest, WhatTheNextEnvelopeTakesWaitsForIt) {
  auto first = send(admit(1));
  wait_for_pool(1);
  make_blocks_until(first);
  std::vector<std::future<Answer>> waiting;
  for (std::uint64_t number = 2; number <= 6; ++number) {
    waiting.push_back(send(admit(number)));
    wait_for_pool(1);
    clock.ahead_ns += 5'000'000;  // longer than anything may wait
    EXPECT_EQ(waiting.back().wait_for(std::chrono::milliseconds(0)), std::future_status::timeout) << number;
  }
  for (auto& answer : waiting) EXPECT_EQ(make_blocks_until(answer).outcome, Outcome::final);
}

TEST_F(EngineOrderingTest, AnActorWhoseNumbersWaitTooLongBehindItsWindowIsToldWhenToComeBackUnlessTheyAreOwed) {
  std::vector<std::future<Answer>> answers;
  std::uint64_t number = 0;
  while (number < 2'000) answers.push_back(send(admit(++number)));
  wait_for_pool(1);
  clock.ahead_ns = 2'000'000 * std::uint64_t{wait_max_ms};
  std::optional<Answer> busy;
  std::size_t told = 0;
  const auto is_told = [&](std::chrono::seconds patience) { return answers[told].wait_for(patience) == std::future_status::ready; };
  for (; !busy && number < 2'050; ++number) {
    wait_for_pool(1);
    order({engine.pool().front()}, {std::max(time_.value + 1, system_clock().now().value)});
    ASSERT_TRUE(is_told(std::chrono::seconds(60)));  // before it answered something, whatever waits long is kept
    while (is_told(std::chrono::seconds(0))) ++told;
    auto answer = send(admit(number + 1));
    if (answer.wait_for(std::chrono::seconds(20)) == std::future_status::ready) busy = answer.get();
    else answers.push_back(std::move(answer));
  }
  ASSERT_TRUE(busy);
  EXPECT_EQ(busy->outcome, Outcome::busy);
  EXPECT_EQ(busy->retry_after_ms, wait_max_ms);
  answers.push_back(send(admit(number), Lane::owed));
  for (auto& answer : answers) EXPECT_EQ(make_blocks_until(answer).outcome, Outcome::final);
}

TEST_F(EngineOrderingTest, WhileTheEngineIsAwayCommandsWait) {
  engine.set_away(true);
  auto answer = send(admit(1));
  EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  engine.set_away(false);
  wait_for_pool(1);
  make_block();
  EXPECT_EQ(answer.get().outcome, Outcome::final);
}

TEST_F(EngineOrderingTest, ACommandThatCameThroughAnotherNodeIsAnsweredWithItsReceipt) {
  const Bytes command = admit(1);
  auto answer = send(command);
  wait_for_pool(1);
  engine.forget_pool();
  time_ = system_clock().now();
  engine.finalize({founder.envelope({command}, 77)}, ++height_, time_);  // another node's envelope with the same command
  engine.commit();
  const Answer final = answer.get();
  EXPECT_EQ(final.outcome, Outcome::final);
  EXPECT_TRUE(final.receipt->code.ok());
}

TEST_F(EngineOrderingTest, TheSameBytesTwiceGetTheFirstReceipt) {
  const Bytes command = admit(1);
  auto first = send(command), second = send(command);
  const Answer one = make_blocks_until(first), other = make_blocks_until(second);
  ASSERT_EQ(other.outcome, Outcome::final);
  EXPECT_EQ(one.receipt->height, other.receipt->height);
  EXPECT_TRUE(other.receipt->code.ok());
  auto third = send(command);
  EXPECT_EQ(third.get().receipt->height, one.receipt->height);
}

// An envelope with one twice would be refused by every member.
TEST_F(OneEnvelopeTest, TheSameBytesTwiceStandOnceInAnEnvelopeAndAnswerBoth) {
  auto before = send(admit(1));
  wait_for_pool(1);  // there is no room for the next ones
  const Bytes command = admit(2);
  auto first = send(command), second = send(command), beside = send(admit(3));
  for (int i = 0; i < 2; ++i) send(forged(admit(4))).get();  // refused when those before them have come to wait
  make_block();
  EXPECT_EQ(before.get().outcome, Outcome::final);
  wait_for_pool(1);
  const auto sealed = kernel::receive_batch(engine.pool().front());
  ASSERT_TRUE(sealed);
  EXPECT_EQ(sealed->commands.size(), 2u);
  make_block();
  for (auto* answer : {&first, &second, &beside}) {
    const Answer final = answer->get();
    ASSERT_EQ(final.outcome, Outcome::final);
    EXPECT_TRUE(final.receipt->code.ok()) << final.receipt->code.number;
    EXPECT_EQ(final.receipt->height, Height{2});
  }
}

TEST_F(EngineOrderingTest, WhatFailsTheCheckNeverReachesTheEngine) {
  const Answer answer = send(forged(admit(1))).get();
  EXPECT_EQ(answer.outcome, Outcome::refused);
  EXPECT_EQ(answer.receipt->code, kernel::code_of(kernel::KernelCode::bad_signature));
  EXPECT_EQ(engine.pool_size(), 0u);
}

TEST_F(EngineOrderingTest, CommandsOfAnOrganisationThatIsNotHostedAreRefused) {
  std::promise<Answer> answered;
  ordering->submit(AccountId{}, admit(1), Lane::urgent, [&](const Answer& answer) { answered.set_value(answer); });
  EXPECT_EQ(answered.get_future().get().outcome, Outcome::refused);
}

// Connected, and silent: a network cut off, or an engine that hangs.
TEST_F(EngineOrderingTest, AChainThatMakesNoBlocksAnyMoreHasNoQuorum) {
  make_block();
  while (ordering->height() < Height{1}) std::this_thread::yield();
  while (ordering->has_quorum()) std::this_thread::yield();
}

TEST_F(EngineOrderingTest, AfterStopNothingIsLeftUnanswered) {
  auto given = send(admit(1));
  wait_for_pool(1);
  std::promise<void> provable;
  ordering->when_provable({1000}, [&] { provable.set_value(); });
  ordering->stop();
  EXPECT_EQ(given.get().outcome, Outcome::unknown);
  provable.get_future().wait();
  EXPECT_EQ(send(admit(2)).get().outcome, Outcome::unknown);
  EXPECT_FALSE(ordering->has_quorum());
}

}  // namespace
}  // namespace careledger::ordering::abci
