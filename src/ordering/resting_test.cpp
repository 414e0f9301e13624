// A network's ledger without its engine: what is here is read, and nothing is taken or waited for.
#include "ordering/resting.h"

#include <gtest/gtest.h>

#include "contracts/all.h"
#include "replica/ledger_store.h"
#include "replica/test_world.h"

namespace careledger::ordering {
namespace {

TEST(Resting, NothingIsOrderedAndNobodyWaits) {
  replica::test::World world(1);
  replica::Config config;
  config.founding = world.founding();
  const auto replica = replica::Replica::open(config, replica::memory_ledger_store(), contracts::all());
  ASSERT_TRUE(replica) << replica.error().message;
  const std::unique_ptr<Ordering> ordering = rest(**replica);
  EXPECT_EQ(ordering->height(), (*replica)->view().height());
  std::optional<Answer> answer;
  ordering->submit({}, "any bytes", Lane::urgent, [&](const Answer& got) { answer = got; });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->outcome, Outcome::busy);  // went nowhere, and is not refused
  EXPECT_GT(answer->retry_after_ms, 0u);
  bool told = false;
  ordering->when_provable({900}, [&] { told = true; });
  EXPECT_TRUE(told);
  EXPECT_FALSE(ordering->has_quorum());
  EXPECT_EQ(ordering->header({1}).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(ordering->validators({1}).error().kind, ErrorKind::unavailable);
  ordering->stop();
}

}  // namespace
}  // namespace careledger::ordering
