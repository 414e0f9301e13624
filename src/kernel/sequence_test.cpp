#include "kernel/sequence.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <set>

#include "kernel/canonical.h"

namespace careledger::kernel {
namespace {

TEST(Sequence, CountingByOneKeepsASmallRow) {
  SequenceWindow window;
  for (std::uint64_t number = 1; number <= 10'000; ++number) {
    ASSERT_EQ(judge_sequence(window, number), KernelCode::ok);
    consume_sequence(window, number);
    ASSERT_EQ(judge_sequence(window, number), KernelCode::replayed);
  }
  EXPECT_LE(encode(window).size(), 3u);
}

TEST(Sequence, WindowIs256Wide) {
  SequenceWindow window;
  consume_sequence(window, 1000);
  EXPECT_EQ(judge_sequence(window, 744), KernelCode::ok);
  EXPECT_EQ(judge_sequence(window, 743), KernelCode::sequence_too_old);
  consume_sequence(window, 744);
  EXPECT_EQ(judge_sequence(window, 744), KernelCode::replayed);
  consume_sequence(window, 1001);
  EXPECT_EQ(judge_sequence(window, 744), KernelCode::sequence_too_old);
  EXPECT_EQ(judge_sequence(window, 745), KernelCode::ok);
}

TEST(Sequence, TheLargestNumberIsTheLast) {
  SequenceWindow window;
  const auto last = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(judge_sequence(window, last), KernelCode::ok);
  consume_sequence(window, last);
  EXPECT_EQ(judge_sequence(window, last), KernelCode::replayed);
  EXPECT_EQ(judge_sequence(window, last - 256), KernelCode::ok);
  EXPECT_EQ(judge_sequence(window, 1), KernelCode::sequence_too_old);
}

// Against a set that forgets nothing.
RC_GTEST_PROP(Sequence, JudgesLikeASetOfNumbers, ()) {
  SequenceWindow window;
  std::set<std::uint64_t> consumed;
  std::uint64_t highest = 0;
  const auto steps = *rc::gen::inRange(0, 200);
  for (int i = 0; i < steps; ++i) {
    const std::uint64_t low = highest > 300 ? highest - 300 : 1;
    const std::uint64_t number = *rc::gen::inRange<std::uint64_t>(low, highest + *rc::gen::element(2, 5, 300, 700));
    auto expected = KernelCode::ok;
    if (number <= highest && highest - number > kSequenceWindow) {
      expected = KernelCode::sequence_too_old;
    } else if (consumed.contains(number)) {
      expected = KernelCode::replayed;
    }
    RC_ASSERT(judge_sequence(window, number) == expected);
    if (expected != KernelCode::ok) continue;
    consume_sequence(window, number);
    consumed.insert(number);
    highest = std::max(highest, number);
    RC_ASSERT(window.highest() == highest);
    RC_ASSERT(window.missing().size() <= kSequenceWindow / 8);
    RC_ASSERT((window.missing().empty() || window.missing().back() != '\0'));
  }
}

}  // namespace
}  // namespace careledger::kernel
