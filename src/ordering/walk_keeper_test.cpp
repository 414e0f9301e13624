#include "ordering/walk_keeper.h"

#include <gtest/gtest.h>

#include "proof/test_chain.h"

namespace careledger::ordering {
namespace {

using proof::testing::names_of;
using proof::testing::TestChain;

class WalkKeeperTest : public ::testing::Test {
 protected:
  WalkKeeper keeper(std::uint64_t oldest = 1) {
    return {chain.validators(1), [this, oldest](Height height) -> Result<proof::LightBlock> {
              ++fetched;
              if (height.value < oldest) return fail(ErrorKind::not_found, "no block " + std::to_string(height.value));
              return chain.block(height.value);
            }};
  }
  // That the walk leads from the first validators to the block; its heights.
  std::vector<std::int64_t> heights(WalkKeeper& keeper, std::uint64_t target) {
    const proof::LightBlock block = chain.block(target);
    const auto walk = keeper.lead_to(block);
    if (!walk) {
      ADD_FAILURE() << walk.error().message;
      return {};
    }
    EXPECT_TRUE(proof::check_walk(*walk, block)) << target;
    EXPECT_EQ(proof::vouched(chain.validators(1), *walk, block), 0u) << target;
    std::vector<std::int64_t> out;
    for (const proof::LightBlock& each : *walk) out.push_back(each.signed_header.header.height);
    return out;
  }

  const TestChain chain{"cl-kept", {{1, names_of("a", 4)}, {2, names_of("b", 4)}, {300, names_of("c", 4)}}, 500, 1764000000};
  std::size_t fetched = 0;
};

TEST_F(WalkKeeperTest, LeadsFromTheFirstBlockWhereTheNextOneHasOtherValidators) {
  WalkKeeper kept = keeper();
  EXPECT_EQ(heights(kept, 1), std::vector<std::int64_t>{});
  EXPECT_EQ(fetched, 0u);
  EXPECT_EQ(heights(kept, 2), std::vector<std::int64_t>{1});
  EXPECT_EQ(heights(kept, 400), (std::vector<std::int64_t>{1, 2, 299, 300}));
}

TEST_F(WalkKeeperTest, FetchesWhatItFoundOnce) {
  WalkKeeper kept = keeper();
  const auto walk = heights(kept, 450);
  const std::size_t once = fetched;
  EXPECT_EQ(heights(kept, 451), walk);
  EXPECT_EQ(heights(kept, 500), walk);
  EXPECT_EQ(fetched, once);
  EXPECT_EQ(heights(kept, 250), (std::vector<std::int64_t>{1, 2}));  // below what it has
  EXPECT_EQ(heights(kept, 500), walk);
  EXPECT_EQ(fetched, once);
}

TEST_F(WalkKeeperTest, ANodeThatBeganLaterSaysWhatItLacks) {
  WalkKeeper kept = keeper(200);
  const auto walk = kept.lead_to(chain.block(250));
  ASSERT_FALSE(walk);
  EXPECT_EQ(walk.error().kind, ErrorKind::not_found);
  WalkKeeper other{chain.validators(300), [this](Height height) -> Result<proof::LightBlock> { return chain.block(height.value); }};
  EXPECT_EQ(other.lead_to(chain.block(250)).error().kind, ErrorKind::corrupt);
}

}  // namespace
}  // namespace careledger::ordering
