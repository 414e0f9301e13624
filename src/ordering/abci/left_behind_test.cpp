// When an engine is taken for left behind: whose word counts, and how patiently it is started again.
#include "ordering/abci/left_behind.h"

#include <gtest/gtest.h>

namespace careledger::ordering::abci {
namespace {

EngineStatus standing_at(std::uint64_t height) { return {{height}, false, "0.38.25"}; }
const std::vector<Height> kAllAt1000{{1000}, {1000}, {1000}};

TEST(BlocksBehind, MoreThanAThirdMustSaySo) {
  EXPECT_EQ(blocks_behind({10}, {{500}, {12}, {11}}, 3), 2u);  // one of three may lie
  EXPECT_EQ(blocks_behind({10}, {{500}, {400}, {11}}, 3), 390u);
  EXPECT_EQ(blocks_behind({10}, {{500}}, 3), std::nullopt);
  EXPECT_EQ(blocks_behind({10}, {{500}}, 1), 490u);  // a newcomer that knows one member
  EXPECT_EQ(blocks_behind({10}, {{500}, {500}, {10}, {10}, {10}, {10}}, 6), 0u);
  EXPECT_EQ(blocks_behind({10}, {{500}, {500}, {500}, {10}, {10}, {10}}, 6), 490u);
}

TEST(BlocksBehind, NobodyAboveItIsNone) {
  EXPECT_EQ(blocks_behind({10}, {}, 0), std::nullopt);
  EXPECT_EQ(blocks_behind({10}, {{9}, {10}, {0}}, 3), 0u);
  EXPECT_EQ(blocks_behind({10}, {{9}, {0}, {0}}, 3), std::nullopt);  // who has said nothing has none to say
  EXPECT_EQ(blocks_behind({0}, {{UINT64_MAX}, {UINT64_MAX}}, 3), UINT64_MAX);
}

TEST(LeftBehind, OneThatStandsStillFarBelowTheOthersIsStartedAgain) {
  LeftBehind watch;
  EXPECT_FALSE(watch.look(standing_at(10), kAllAt1000, 3));  // it may have come just now
  EXPECT_TRUE(watch.look(standing_at(10), kAllAt1000, 3));
}

TEST(LeftBehind, OneThatFetchesBlocksOrMakesUpForThemIsLetAlone) {
  LeftBehind watch;
  EngineStatus fetching = standing_at(10);
  fetching.catching_up = true;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(watch.look(fetching, kAllAt1000, 3));
  for (const std::uint64_t height : {0, 600, 850, 950, 950}) EXPECT_FALSE(watch.look(standing_at(height), kAllAt1000, 3)) << height;
}

TEST(LeftBehind, AFewBlocksAreConsensusOwn) {
  LeftBehind watch;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(watch.look(standing_at(900), kAllAt1000, 3));
}

TEST(LeftBehind, WhileTooFewAreThereItLearnsNothingAndForgetsNothing) {
  LeftBehind watch;
  std::vector<int> starts;
  for (int look = 0; look < 400; ++look)
    if (watch.look(standing_at(10), look % 3 == 0 ? std::vector<Height>{{1000}} : kAllAt1000, 3)) starts.push_back(look);
  ASSERT_GE(starts.size(), 4u);
  EXPECT_LE(starts.size(), 12u);
  for (std::size_t i = 2; i < 4; ++i) EXPECT_GT(starts[i] - starts[i - 1], starts[i - 1] - starts[i - 2]) << i;
}

TEST(LeftBehind, WhereNewStartsDoNotHelpTheyBecomeRare) {
  LeftBehind watch;
  std::vector<int> starts;
  EngineStatus fetching = standing_at(10);
  fetching.catching_up = true;
  for (int look = 0; look < 2000; ++look)
    if (watch.look(standing_at(10), kAllAt1000, 3)) {
      starts.push_back(look);
      EXPECT_FALSE(watch.look(fetching, kAllAt1000, 3));  // as after every start
    }
  ASSERT_GE(starts.size(), 9u);
  EXPECT_LE(starts.size(), 25u);
  for (std::size_t i = 2; i < 7; ++i) EXPECT_GT(starts[i] - starts[i - 1], starts[i - 1] - starts[i - 2]) << i;
  EXPECT_FALSE(watch.look(standing_at(1000), kAllAt1000, 3));  // it came back: the next time is the first again
  EXPECT_FALSE(watch.look(standing_at(10), kAllAt1000, 3));
  EXPECT_TRUE(watch.look(standing_at(10), kAllAt1000, 3));
}

}  // namespace
}  // namespace careledger::ordering::abci
