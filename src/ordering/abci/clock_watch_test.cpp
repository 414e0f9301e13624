#include "ordering/abci/clock_watch.h"

#include <gtest/gtest.h>

namespace careledger::ordering::abci {
namespace {

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kHour = 3'600 * kSecond;

class ClockWatching : public ::testing::Test {
 protected:
  // So many seconds later a block comes that is `age` old by a right clock, and this machine's clock is `wrong` by so much.
  std::optional<std::int64_t> after(std::int64_t seconds, std::int64_t age, std::int64_t wrong) {
    true_ms_ += seconds * kSecond;
    return watch_.block({true_ms_ - age}, {true_ms_ + wrong}, static_cast<std::uint64_t>(true_ms_) * 1'000'000);
  }

 private:
  ClockWatch watch_;
  std::int64_t true_ms_ = 1'800'000'000'000;
};

TEST_F(ClockWatching, ARightClockIsNeverNamed) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(after(10, 10 * kSecond, 0));
    EXPECT_FALSE(after(0, 50, 3 * kSecond));
    EXPECT_FALSE(after(0, 50, -9 * kSecond));
  }
}

TEST_F(ClockWatching, BehindIsSeenAtOnceAndToldOnce) {
  EXPECT_EQ(after(1, 0, -kHour), -kHour);
  EXPECT_FALSE(after(1, 0, -kHour));
  EXPECT_FALSE(after(1, 0, 0));
  EXPECT_EQ(after(1, 0, -kHour), -kHour) << "it went wrong again";
}

TEST_F(ClockWatching, AheadIsSeenWhenBlocksStayBehind) {
  for (int i = 0; i < 30; ++i) EXPECT_FALSE(after(1, 50, kHour)) << i;
  EXPECT_EQ(after(1, 50, kHour), kHour + 50);
  EXPECT_FALSE(after(20, 50, kHour));
}

TEST_F(ClockWatching, AheadIsSeenOnAnIdleNetworkToo) {
  EXPECT_FALSE(after(0, 50, kHour));
  EXPECT_FALSE(after(10, 10 * kSecond, kHour));
  EXPECT_FALSE(after(10, 10 * kSecond, kHour));
  EXPECT_EQ(after(10, 10 * kSecond, kHour), kHour + 10 * kSecond);
}

TEST_F(ClockWatching, WhoWaitsBetweenOldBlocksHasARightClock) {
  EXPECT_FALSE(after(0, kHour, 0));
  EXPECT_FALSE(after(40, kHour, 0));
  EXPECT_FALSE(after(1, kHour - 20 * kSecond, 0));
}

TEST_F(ClockWatching, WhoCatchesUpHasARightClock) {
  for (std::int64_t age = kHour; age > 0; age -= 2 * kSecond) EXPECT_FALSE(after(1, age, 0)) << age;
}

TEST_F(ClockWatching, OneOldBlockIsNoSign) {
  EXPECT_FALSE(after(0, kHour, 0));  // the first one after the network stood still
  EXPECT_FALSE(after(20, 50, 0));
  EXPECT_FALSE(after(20, kHour, 0));
}

}  // namespace
}  // namespace careledger::ordering::abci
