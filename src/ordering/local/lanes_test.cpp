#include "ordering/local/lanes.h"

#include <gtest/gtest.h>

#include "kernel/timing.h"

namespace careledger::ordering::local {
namespace {

constexpr std::uint32_t kEpochMs = 1000;

Pending pending(char name, Lane lane) {
  Pending out;
  out.bytes = Bytes(1, name);
  out.lane = lane;
  out.digest.value.fill(static_cast<decltype(out.digest.value)::value_type>(name));
  return out;
}

std::string names(const std::vector<Pending>& taken) {
  std::string out;
  for (const Pending& one : taken) out += one.bytes;
  return out;
}

TEST(Lanes, MixedOnesWaitForTheEndOfTheEpochAndGoByDigest) {
  Lanes lanes(kEpochMs, 100);
  lanes.put(pending('c', Lane::mixed), {5'100});
  lanes.put(pending('x', Lane::urgent), {5'200});
  lanes.put(pending('a', Lane::mixed), {5'999});
  EXPECT_EQ(names(lanes.take({5'999})), "x");
  EXPECT_FALSE(lanes.has_ready({5'999}));
  EXPECT_EQ(lanes.next_due()->value, 6'000);
  EXPECT_EQ(names(lanes.take({6'000})), "ac");
  EXPECT_FALSE(lanes.next_due());
}

// The end of an epoch follows from the clock alone: it would give away the first command if it followed from that.
TEST(Lanes, EpochsBeginAtTheSameMomentsForEverybody) {
  for (const std::int64_t first : {5'000, 5'001, 5'500, 5'999}) {
    Lanes lanes(kEpochMs, 100);
    lanes.put(pending('a', Lane::mixed), {first});
    EXPECT_FALSE(lanes.has_ready({5'999})) << first;
    EXPECT_TRUE(lanes.has_ready({6'000})) << first;
  }
}

TEST(Lanes, WhatComesInTheNextEpochIsNotTakenWithThisOne) {
  Lanes lanes(kEpochMs, 100);
  lanes.put(pending('b', Lane::mixed), {5'500});
  lanes.put(pending('a', Lane::mixed), {6'001});
  EXPECT_EQ(names(lanes.take({6'002})), "b");
  EXPECT_EQ(names(lanes.take({7'000})), "a");
}

TEST(Lanes, KnowsHowMuchUrgentOnesFillAndSinceWhenTheyWait) {
  Lanes lanes(kEpochMs, 3);
  EXPECT_FALSE(lanes.oldest_urgent_ns());
  lanes.put(pending('m', Lane::mixed), {5'000});
  EXPECT_FALSE(lanes.oldest_urgent_ns());
  Pending first = pending('x', Lane::urgent);
  first.arrived_ns = 7;
  lanes.put(std::move(first), {5'000});
  EXPECT_EQ(lanes.oldest_urgent_ns(), 7u);
  EXPECT_TRUE(lanes.fills(1));
  EXPECT_FALSE(lanes.fills(2));
  for (const char name : {'y', 'z'}) lanes.put(pending(name, Lane::urgent), {5'000});
  EXPECT_TRUE(lanes.fills(100)) << "as many as a block may take";
  EXPECT_EQ(names(lanes.take({5'000}, 2)), "xy");
  EXPECT_FALSE(lanes.fills(2));
  EXPECT_TRUE(lanes.fills(1));
}

TEST(Lanes, OwedOnesGoLikeUrgentOnes) {
  Lanes lanes(kEpochMs, 100);
  for (const auto& [name, lane] : {std::pair('x', Lane::urgent), std::pair('o', Lane::owed), std::pair('y', Lane::urgent)})
    lanes.put(pending(name, lane), {5'000});
  EXPECT_EQ(names(lanes.take({5'000})), "xoy");
  EXPECT_EQ(lanes.due(Lane::owed, {5'000}), BlockTime{5'000});
}

TEST(Lanes, ABlockTakesNoMoreThanItMayAndTheRestGoesNext) {
  Lanes lanes(kEpochMs, 2);
  lanes.put(pending('x', Lane::urgent), {5'000});
  for (const char name : {'c', 'a', 'b'}) lanes.put(pending(name, Lane::mixed), {5'000});
  EXPECT_EQ(names(lanes.take({6'000})), "xa");
  EXPECT_EQ(names(lanes.take({6'000})), "bc");
}

// The ledger forgives an actor 256 numbers out of order, and an epoch may have more.
TEST(Lanes, EachActorsMixedCommandsTakeTheirPlacesByDigestInTheOrderOfTheirNumbers) {
  Lanes lanes(kEpochMs, 100);
  const auto put = [&](char name, char actor, std::uint64_t sequence) {
    Pending one = pending(name, Lane::mixed);
    one.actor.value.fill(static_cast<decltype(one.actor.value)::value_type>(actor));
    one.sequence = sequence;
    lanes.put(std::move(one), {5'000});
  };
  put('a', 'N', 9);  // by digest: a b c d e, of which a, c and e are North's
  put('b', 'S', 2);
  put('c', 'N', 7);
  put('d', 'S', 1);
  put('e', 'N', 8);
  EXPECT_EQ(names(lanes.take({6'000})), "cdeba");
}

TEST(Lanes, NoMoreBytesAreTakenThanAskedForButForTheFirst) {
  Lanes lanes(kEpochMs, 100);
  for (const char name : {'a', 'b', 'c'}) lanes.put(pending(name, Lane::urgent), {5'000});
  for (const char name : {'x', 'y'}) lanes.put(pending(name, Lane::mixed), {5'000});
  EXPECT_EQ(names(lanes.take({6'000}, 0)), "a");
  EXPECT_EQ(names(lanes.take({6'000}, 1)), "b");
  EXPECT_EQ(names(lanes.take({6'000}, 2)), "cx");
  EXPECT_EQ(names(lanes.take({6'000}, 2)), "y");
}

TEST(Lanes, AClockThatWasSetBackHoldsNobodyLongerThanAnEpoch) {
  Lanes lanes(kEpochMs, 100);
  lanes.put(pending('a', Lane::mixed), {900'000'000});
  EXPECT_TRUE(lanes.has_ready({5'000}));
  EXPECT_EQ(names(lanes.take_all()), "a");
}

TEST(Timing, AnExpiryIsAFullQuarterOfAnHourAndLeavesAtLeastHalfAnHour) {
  for (const std::int64_t due : {0, 1, 899'999, 900'000, 900'001, 1'800'000'123}) {
    const std::int64_t expires = kernel::coarse_expiry({due}).value;
    EXPECT_EQ(expires % kernel::kExpiryGridMs, 0);
    EXPECT_GT(expires - due, 2 * kernel::kExpiryGridMs);
    EXPECT_LE(expires - due, 3 * kernel::kExpiryGridMs);
  }
}

}  // namespace
}  // namespace careledger::ordering::local
