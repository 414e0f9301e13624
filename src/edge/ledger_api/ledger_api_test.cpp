// Commands that patients send without a token: durable before they are taken, within bounds, in nobody's way.
#include "edge/ledger_api/ledger_api.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <thread>

#include "edge/http/client.h"
#include "exchange/test_world.h"
#include "kernel/timing.h"

namespace careledger::edge::ledger_api {
namespace {

namespace build = contracts::build;
using careledger::exchange::testing::World;

constexpr std::uint32_t kHourMs = 3'600'000;

class FixedClock final : public Clock {
 public:
  explicit FixedClock(BlockTime now) : now_(now) {}
  BlockTime now() const override { return now_; }
  std::uint64_t monotonic_ns() const override { return 0; }

 private:
  const BlockTime now_;
};

class LedgerApiTest : public ::testing::Test {
 protected:
  // `left_ms` before the end of an epoch of an hour.
  void start(std::int64_t left_ms, std::uint32_t grants_an_hour = 120) {
    end = kernel::epoch_end(system_clock().now(), kHourMs);
    clock = std::make_unique<FixedClock>(BlockTime{end.value - left_ms});
    grants = grants_an_hour;
    open();
  }
  void open() {
    api.reset();
    quiet = std::make_unique<vault::QuietOutbox>(
        vault::QuietOutboxParts{world.north.id, *world.north.relationships, *world.chain.ordering, *world.north.signer, *clock, kHourMs});
    LedgerApiParts parts{world.north.id, "North", *world.chain.replica, *world.chain.ordering, *quiet, {}, {}, kHourMs, *clock};
    parts.grants_an_hour = grants;
    api = std::make_unique<LedgerApi>(std::move(parts));
  }
  void TearDown() override {
    if (quiet) quiet->stop();
    if (api) api->stop();
    api.reset();
  }
  std::future<http::Response> send(const Bytes& command) {
    auto promise = std::make_shared<std::promise<http::Response>>();
    auto future = promise->get_future();
    api->handle(request(http::Method::post, "commands", command),
                [promise](http::Response response) { promise->set_value(std::move(response)); });
    return future;
  }
  static http::Request request(http::Method method, const std::string& path, const Bytes& body = {}) {
    http::Request made = http::make_request(method, "/ledger/v1/" + path, body);
    made.path = made.target;
    return made;
  }
  http::Response post(const Bytes& command) { return send(command).get(); }
  // Holds when it is due, and is no more than an hour ahead of the ledger's time, which is the machine's.
  Bytes sign(const build::Order& order, BlockTime expires, const crypto::SigningKey& key) {
    kernel::CommandOrder command;
    command.ledger = world.chain.replica->ledger();
    command.actor = world.at_north;
    command.sequence = ++sequence;
    command.expires = expires;
    command.contract = order.contract;
    return kernel::encode(kernel::sign_command(command, order.payload, kernel::Signer{1, &key}));
  }
  Bytes ending() { return sign(build::end(world.relationship_at_north()), {end.value + 1}, world.key_north); }
  Bytes soon(const build::Order& order) {
    return sign(order, {std::max(system_clock().now().value, clock->now().value) + 60'000}, world.key_north);
  }
  // Waits for it, but no longer than an epoch lasts where a test ends epochs by hand.
  static bool answered(const std::future<http::Response>& answer) {
    return answer.wait_for(std::chrono::milliseconds(20)) == std::future_status::ready;
  }
  std::size_t held() { return world.north.relationships->held()->size(); }

  World world;
  BlockTime end;
  std::uint32_t grants = 0;
  std::unique_ptr<FixedClock> clock;
  std::uint64_t sequence = 1;  // of accepting
  std::unique_ptr<vault::QuietOutbox> quiet;
  std::unique_ptr<LedgerApi> api;
};

TEST_F(LedgerApiTest, TheSameCommandHasOnePlaceAndAnAccountAFew) {
  start(kHourMs / 2);
  const Bytes first = ending();
  const std::string taken = R"({"outcome":"waiting","until_ms":)" + std::to_string(end.value) + "}";
  for (int i = 0; i < 50; ++i) {
    const auto answer = post(first);
    ASSERT_EQ(answer.status, 202) << answer.body;
    EXPECT_EQ(answer.body, taken);
  }
  EXPECT_EQ(held(), 1u) << "durable, once";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(post(ending()).status, 202);
  const auto refused = post(ending());
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.get("Retry-After"), std::to_string(kHourMs / 2 / 1000 + 1));
  open();  // as after a restart
  EXPECT_EQ(post(first).body, taken);
  EXPECT_EQ(post(ending()).status, 429);
  EXPECT_EQ(held(), 4u);
  ASSERT_TRUE(quiet->hold({Digest{}, build::kRelationship, "own"}, {})) << "the organisation's own has places of its own";
}

TEST_F(LedgerApiTest, WhatWaitedGoesWhenTheEpochIsOverAndFreesItsPlace) {
  start(kHourMs / 2);
  const Bytes command = ending();
  ASSERT_EQ(post(command).status, 202);
  ASSERT_TRUE(quiet->release());
  while (held() != 0) std::this_thread::yield();  // the ledger's answer comes on a thread of its own
  const auto answer = post(command);
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find(R"("outcome":"final")"), std::string::npos) << answer.body;
}

TEST_F(LedgerApiTest, ShortlyBeforeTheEndItsSenderWaitsForTheLedgersAnswer) {
  start(5'000);
  const Bytes command = ending();
  auto one = send(command);
  auto other = send(command);
  // An epoch may end before the second has come so far as to wait with the first: then it goes with the next.
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!answered(one) || !answered(other)) {
    ASSERT_LT(std::chrono::steady_clock::now(), patience) << "no answer, however many epochs end";
    ASSERT_TRUE(quiet->release());
  }
  EXPECT_NE(one.get().body.find(R"("outcome":"final")"), std::string::npos);
  EXPECT_EQ(other.get().status / 100, 2);
}

TEST_F(LedgerApiTest, WhatWouldNotHoldIsToldAtOnce) {
  start(kHourMs / 2);
  const build::Order end_it = build::end(world.relationship_at_north());
  for (int i = 0; i < 10; ++i) {
    const auto answer = post(sign(end_it, {end.value + 1}, world.key_south));
    EXPECT_NE(answer.body.find(R"("outcome":"refused")"), std::string::npos) << answer.body;
  }
  EXPECT_EQ(held(), 0u);
  EXPECT_EQ(post(ending()).status, 202) << "what a forger sends takes nobody's places";
}

TEST_F(LedgerApiTest, GrantsHaveAQuotaAndRevocationsNone) {
  start(kHourMs / 2, 2);
  const auto relationship = world.relationship_at_north();
  for (std::uint32_t number = 1; number <= 2; ++number) {
    const auto answer = post(soon(build::grant(relationship, number, Digest{}, 0)));
    EXPECT_NE(answer.body.find(R"("code":0)"), std::string::npos) << answer.body;
  }
  const auto refused = post(soon(build::grant(relationship, 3, Digest{}, 0)));
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.get("Retry-After"), std::to_string(kHourMs / 2 / 1000 + 1));
  for (std::uint32_t number = 1; number <= 2; ++number) {
    const auto answer = post(soon(build::revoke(relationship, number)));
    EXPECT_NE(answer.body.find(R"("code":0)"), std::string::npos) << answer.body;
  }
}

TEST_F(LedgerApiTest, ACheckpointThatIsBeingWrittenHoldsUpNobody) {
  start(kHourMs / 2);
  LedgerApiParts parts{world.north.id, "North", *world.chain.replica, *world.chain.ordering, *quiet, {}, {}, kHourMs, *clock};
  std::promise<void> disk;
  parts.checkpoint = [written = disk.get_future().share()](std::uint64_t) -> Result<ordering::CheckpointKeeper::Since> {
    written.wait();
    return ordering::CheckpointKeeper::Since{"note", 1, {}};
  };
  LedgerApi slow(std::move(parts));
  std::promise<http::Response> answered;
  const auto get = [&slow](const std::string& path, http::Responder respond) {
    slow.handle(request(http::Method::get, path), std::move(respond));
  };
  get("checkpoint", [&answered](http::Response response) { answered.set_value(std::move(response)); });
  int status = 0;
  get("status", [&status](http::Response response) { status = response.status; });
  EXPECT_EQ(status, 200) << "on the same thread, while the other one waits";
  disk.set_value();
  EXPECT_EQ(answered.get_future().get().body, "note");
  slow.stop();
}

}  // namespace
}  // namespace careledger::edge::ledger_api
