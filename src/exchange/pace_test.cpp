#include "exchange/pace.h"

#include <gtest/gtest.h>

namespace careledger::exchange {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
const OrganisationId kOne = *OrganisationId::from(Bytes(32, '1')), kTwo = *OrganisationId::from(Bytes(32, '2'));

std::size_t taken(Pace& pace, const OrganisationId& who, std::uint64_t now) {
  std::size_t count = 0;
  while (pace.take(who, now)) ++count;
  return count;
}

TEST(Pace, LetsAFewThroughAtOnceAndThenOneInAWhile) {
  Pace pace(8, kSecondNs);
  EXPECT_EQ(taken(pace, kOne, 5 * kSecondNs), 8u);
  EXPECT_EQ(taken(pace, kOne, 6 * kSecondNs - 1), 0u);
  EXPECT_EQ(taken(pace, kOne, 6 * kSecondNs), 1u);
  EXPECT_EQ(taken(pace, kOne, 9 * kSecondNs), 3u);
  EXPECT_EQ(taken(pace, kOne, 100 * kSecondNs), 8u);  // what was not used is not saved up
}

TEST(Pace, IsEachOnesOwnUntilItIsForgotten) {
  Pace pace(2, kSecondNs);
  EXPECT_EQ(taken(pace, kOne, 0), 2u);
  EXPECT_EQ(taken(pace, kTwo, 0), 2u);
  pace.forget();
  EXPECT_EQ(taken(pace, kOne, 0), 2u);
}

}  // namespace
}  // namespace careledger::exchange
