// What may be dropped, block by block: never more than both bounds allow, and never a long row of blocks at once.
#include "ordering/abci/retention.h"

#include <gtest/gtest.h>

namespace careledger::ordering::abci {
namespace {

constexpr std::int64_t kBlockMs = 1000;  // between two blocks

std::optional<BlockTime> time_of(Height height) { return BlockTime{static_cast<std::int64_t>(height.value) * kBlockMs}; }

std::uint64_t kept_from(const Retention& retention, std::uint64_t from, std::uint64_t newest, std::optional<Height> needed = {}) {
  return keep_from(retention, {{from}, {newest}, *time_of({newest}), needed}, time_of).value;
}

TEST(Retention, AnArchiveKeepsAll) { EXPECT_EQ(kept_from({}, 1, 1'000'000'000), 1u); }

TEST(Retention, ABlockGoesWhenMoreBlocksThanAskedForStandAboveIt) {
  const Retention ten{10, 0, 1};
  EXPECT_EQ(kept_from(ten, 1, 1), 1u);
  EXPECT_EQ(kept_from(ten, 1, 11), 1u);  // ten above it
  EXPECT_EQ(kept_from(ten, 1, 12), 2u);
  EXPECT_EQ(kept_from(ten, 2, 12), 2u);
  EXPECT_EQ(kept_from(ten, 50, 12), 50u);  // an older ledger beside: never back
}

TEST(Retention, ABlockGoesWhenItIsOlderThanAskedForToo) {
  const Retention minute{10, 60 * kBlockMs, 1};
  EXPECT_EQ(kept_from(minute, 1, 61), 1u);
  EXPECT_EQ(kept_from(minute, 1, 62), 2u);
}

TEST(Retention, BlocksGoInStepsAlsoWhenMostOfALongChainMayGo) {
  const Retention steps{10, 0, 100};
  EXPECT_EQ(kept_from(steps, 1, 1'000'000), 101u);
  EXPECT_EQ(kept_from(steps, 101, 1'000'001), 201u);
  EXPECT_EQ(kept_from(steps, 1, 110), 1u);  // block 100 has ten above it
  EXPECT_EQ(kept_from(steps, 1, 111), 101u);
}

TEST(Retention, WhatASnapshotGoesOnFromStays) {
  const Retention ten{10, 0, 5};
  EXPECT_EQ(kept_from(ten, 1, 1000, Height{5}), 1u);
  EXPECT_EQ(kept_from(ten, 1, 1000, Height{6}), 6u);
}

TEST(Retention, ABlockThatCannotBeReadStays) {
  const auto unreadable = [](Height) { return std::optional<BlockTime>(); };
  EXPECT_EQ(keep_from({10, 0, 1}, {{1}, {1000}, {1}, {}}, unreadable).value, 1u);
}

TEST(Retention, TheNewestBlockIsNeverNamedWhateverIsAskedFor) {
  for (const std::uint64_t blocks : {std::uint64_t{1}, std::uint64_t{2}, UINT64_MAX})
    for (std::uint64_t newest = 1; newest < 30; ++newest)
      for (std::uint64_t from = 1; from <= newest; ++from) {
        const std::uint64_t now = kept_from({blocks, 0, 3}, from, newest);
        EXPECT_TRUE(now == from || now < newest) << blocks << ": " << from << " to " << newest;
      }
}

}  // namespace
}  // namespace careledger::ordering::abci
