#include "base/recent.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace careledger {
namespace {

using Names = Recent<int, std::string, std::hash<int>>;

TEST(RecentTest, WhatIsInUseStaysAndTheRestIsForgotten) {
  Names names(20);
  names.keep(1, "one");
  for (int i = 100; i < 200; ++i) {
    names.keep(i, "another");
    ASSERT_EQ(names.find(1), "one") << i;
  }
  int left = 0;
  for (int i = 100; i < 200; ++i) left += names.find(i) ? 1 : 0;
  EXPECT_GT(left, 5);
  EXPECT_LE(left, 20);
}

TEST(RecentTest, TheBoundIsOneOfWeight) {
  Names names(100);
  for (int i = 0; i < 10; ++i) names.keep(i, "heavy", 30);
  int left = 0;
  for (int i = 0; i < 10; ++i) left += names.find(i) ? 1 : 0;
  EXPECT_EQ(left, 2);
}

TEST(RecentTest, TheLastOneKeptUnderAKeyCounts) {
  Names names(4);
  for (int i = 0; i < 10; ++i) {
    names.keep(1, std::to_string(i));
    EXPECT_EQ(names.find(1), std::to_string(i));
    names.keep(100 + i, "another");
  }
}

TEST(RecentTest, WhatIsForgottenIsGoneFromBothGenerations) {
  Names names(4);
  names.keep(1, "one");
  names.keep(2, "two");
  names.keep(3, "three");  // a new generation
  names.forget(1);
  names.forget(3);
  EXPECT_EQ(names.find(1), std::nullopt);
  EXPECT_EQ(names.find(2), "two");
  EXPECT_EQ(names.find(3), std::nullopt);
  names.clear();
  EXPECT_EQ(names.find(2), std::nullopt);
}

}  // namespace
}  // namespace careledger
