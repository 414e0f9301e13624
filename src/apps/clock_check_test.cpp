#include "apps/clock_check.h"

#include <gtest/gtest.h>

#include "apps/founding.h"
#include "base/test_folder.h"

namespace careledger::apps {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

TEST(ClockCheck, AClockBehindTheNewestBlockIsNamedWithWhatToDo) {
  const TestFolder folder;
  const Layout layout = layout_of(folder.path() + "/data");
  EXPECT_TRUE(check_clock(layout, system_clock().now()).well) << "nothing to compare it with";
  NewLedger order;
  order.organisations = {{"North Hospital", "hospital", 0}};
  ASSERT_TRUE(found_ledger(layout, order, system_clock(), system_entropy(), {}));
  const BlockTime now = system_clock().now();
  const ClockCheck right = check_clock(layout, now);
  EXPECT_TRUE(right.well) << right.what;
  EXPECT_NE(right.what.find("not behind"), std::string::npos) << right.what;
  const ClockCheck behind = check_clock(layout, {now.value - 3 * kHourMs});
  EXPECT_FALSE(behind.well);
  EXPECT_NE(behind.what.find("hours behind the ledger's newest block"), std::string::npos) << behind.what;
  EXPECT_NE(behind.what.find("NTP"), std::string::npos) << behind.what;
  EXPECT_FALSE(check_clock(layout, {0}).well) << "a clock that was never set";
}

TEST(ClockCheck, AClockThatBlocksProveWrongIsNamedWithWhatToDo) {
  EXPECT_EQ(wrong_clock(kHourMs).substr(0, 67), "this machine's clock is 60 minutes ahead of the network's blocks: w");
  EXPECT_EQ(wrong_clock(-15'000).substr(0, 65), "this machine's clock is 15 seconds behind the network's blocks: c");
  EXPECT_NE(wrong_clock(kHourMs).find("NTP"), std::string::npos);
}

}  // namespace
}  // namespace careledger::apps
