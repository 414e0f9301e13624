// How many releases are under way at once, and which thread does what of them.
#include "exchange/custodian.h"

#include <gtest/gtest.h>

#include "exchange/test_world.h"
#include "ordering/resting.h"

namespace careledger::exchange {
namespace {

using testing::Hooked;
using testing::World;

class AtOnce : public ::testing::Test {
 protected:
  AtOnce() {
    world.grant(world.terms());
    EXPECT_TRUE(world.south.requester->retrieve(world.wish()));  // a request to send again
  }
  World world;
};

TEST_F(AtOnce, AMemberHasAFewReleasesUnderWayAndNoMore) {
  const auto ask = [&](const OrganisationId& from) {
    const auto promise = std::make_shared<std::promise<Result<Bytes>>>();
    world.north.custodian->release(from, world.south.courier->last_request,
                                   [promise](Result<Bytes> answer) { promise->set_value(std::move(answer)); });
    return promise->get_future();
  };
  std::promise<void> go;
  Hooked slow(*world.north.signer, [until = go.get_future().share()] { until.wait(); });
  world.north.audit->stop_heads();
  world.north.audit->start_heads(*world.chain.ordering, slow);
  std::vector<std::future<Result<Bytes>>> first;
  for (std::size_t i = 0; i < kReleasesOfMember; ++i) first.push_back(ask(world.south.id));
  EXPECT_EQ(ask(world.south.id).get().error().kind, ErrorKind::busy);
  EXPECT_EQ(ask(world.north.id).get().error().kind, ErrorKind::forbidden);  // another member's places are its own
  go.set_value();
  for (auto& answer : first) EXPECT_TRUE(answer.get());
  EXPECT_TRUE(ask(world.south.id).get());
  world.north.audit->stop_heads();
}

TEST_F(AtOnce, TheThreadThatMakesHeadsOnlyHandsTheReleaseOn) {
  std::promise<UniqueFunction<void()>> handed;
  CustodianParts parts = world.north.custodian_parts();
  parts.post = [&](UniqueFunction<void()> work) {
    handed.set_value(std::move(work));
    return true;
  };
  Custodian custodian(parts);
  std::optional<Result<Bytes>> answer;
  custodian.release(world.south.id, world.south.courier->last_request, [&](Result<Bytes> sealed) { answer = std::move(sealed); });
  UniqueFunction<void()> work = handed.get_future().get();
  EXPECT_FALSE(answer.has_value());
  work();
  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(*answer);
}

TEST_F(AtOnce, AReleaseThatNothingTakesAtTheEndIsRecordedAsFailed) {
  CustodianParts parts = world.north.custodian_parts();
  parts.post = [](const UniqueFunction<void()>&) { return false; };
  Custodian custodian(parts);
  world.south.courier->custodians[world.north.id] = &custodian;
  const auto received = world.south.requester->retrieve(world.wish());
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().kind, ErrorKind::busy);
  const auto seen = world.seen_at_north();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[2].entry.outcome, vault::AuditOutcome::failed);
  EXPECT_EQ(seen[2].entry.details, R"({"failed":"busy"})");
}

TEST_F(AtOnce, WithoutAQuorumARefusalWaitsForNoHead) {
  std::promise<void> go;
  Hooked slow(*world.north.signer, [until = go.get_future().share()] { until.wait(); });
  world.north.audit->stop_heads();
  world.north.audit->start_heads(*world.chain.ordering, slow);
  const auto resting = ordering::rest(*world.chain.replica);
  const CustodianParts sound = world.north.custodian_parts();
  Custodian custodian({sound.organisation, sound.replica, *resting, sound.keys, sound.vault, sound.audit, sound.relationships, sound.clock,
                       sound.entropy, sound.post});
  const RelationshipId relationship = world.relationship_at_north();
  ASSERT_TRUE(world.north.relationships->withdraw(relationship, grant_id(relationship, 1)));
  const auto promise = std::make_shared<std::promise<Result<Bytes>>>();
  auto answer = promise->get_future();
  custodian.release(world.south.id, world.south.courier->last_request,
                    [promise](Result<Bytes> sealed) { promise->set_value(std::move(sealed)); });
  const bool came = answer.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  go.set_value();
  ASSERT_TRUE(came);
  EXPECT_TRUE(answer.get());
  EXPECT_EQ(world.seen_at_north().back().entry.details, R"({"reason":"consent_revoked"})");
  world.north.audit->stop_heads();
}

TEST_F(AtOnce, WithoutAQuorumAMemberThatAsksOneAfterTheOtherIsSlowedDown) {
  const auto resting = ordering::rest(*world.chain.replica);
  const CustodianParts sound = world.north.custodian_parts();
  ManualClock clock(sound.clock.now());
  Custodian custodian({sound.organisation, sound.replica, *resting, sound.keys, sound.vault, sound.audit, sound.relationships, clock,
                       sound.entropy, sound.post});
  const RelationshipId relationship = world.relationship_at_north();
  ASSERT_TRUE(world.north.relationships->withdraw(relationship, grant_id(relationship, 1)));
  const auto ask = [&](const OrganisationId& from) {
    const auto promise = std::make_shared<std::promise<Result<Bytes>>>();
    custodian.release(from, world.south.courier->last_request, [promise](Result<Bytes> sealed) { promise->set_value(std::move(sealed)); });
    return promise->get_future().get();
  };
  const auto recorded = [&] { return world.seen_at_north().size(); };
  const std::size_t before = recorded();
  for (std::uint64_t i = 0; i < kAskedAtOnce; ++i) EXPECT_TRUE(ask(world.south.id));
  const auto refused = ask(world.south.id);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::busy);
  EXPECT_EQ(recorded(), before + kAskedAtOnce);                       // nothing was opened of it
  EXPECT_EQ(ask(world.north.id).error().kind, ErrorKind::forbidden);  // another member's pace is its own
  clock.advance_ms(static_cast<std::int64_t>(kAskedEachNs / 1'000'000));
  EXPECT_TRUE(ask(world.south.id));
  EXPECT_FALSE(ask(world.south.id));
}

}  // namespace
}  // namespace careledger::exchange
