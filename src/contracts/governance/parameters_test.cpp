// That what was voted of a parameter stays: the invariant over its row, which the contract's own rules never break.
#include "contracts/governance/parameters.h"

#include <gtest/gtest.h>

#include "contracts/test_ledger.h"

namespace careledger::contracts::governance {
namespace {

using History = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // height, value

constexpr std::uint64_t kHeight = 1000, kFrom = kHeight + kParameterDelay;

std::optional<Bytes> row_with(const History& history) {
  if (history.empty()) return std::nullopt;
  ParameterHistory row;
  for (const auto& [height, value] : history) {
    row.add_settings()->set_height(height);
    row.mutable_settings()->rbegin()->set_value(value);
  }
  return kernel::encode(row);
}

// Whether a command of block kHeight may make `now` of `old`; empty: no row.
bool may_become(const History& old, const History& now, Parameter parameter = Parameter::proposal_days) {
  const TestLedger ledger;
  const auto before = row_with(old), after = row_with(now);
  const auto view = [](const std::optional<Bytes>& row) { return row ? kernel::RowBytes(*row) : kernel::RowBytes(); };
  kernel::Call call;
  call.height = {kHeight};
  return parameter_holds(call, kParameterHistory.key(static_cast<std::uint32_t>(parameter)), view(before), view(after), ledger.state());
}

History full_row() {
  History history;
  for (std::uint64_t i = 1; i <= kSettingsMax; ++i) history.emplace_back(i, i);
  return history;
}

TEST(ParameterInvariant, WhatTheContractWritesHolds) {
  EXPECT_TRUE(may_become({}, {{kFrom, 7}}));
  EXPECT_TRUE(may_become({{5, 60}}, {{5, 60}, {kFrom, 7}}));
  EXPECT_TRUE(may_become({{5, 60}, {kFrom - 1, 8}}, {{5, 60}, {kFrom - 1, 8}, {kFrom, 7}})) << "that of the block before is kept";
  EXPECT_TRUE(may_become({{kFrom, 60}}, {{kFrom, 7}})) << "of two decisions in one block the later one holds";
  EXPECT_TRUE(may_become({{5, 60}, {kFrom, 60}}, {{5, 60}, {kFrom, 7}}));
}

TEST(ParameterInvariant, OfAFullRowTheOldestGoesAndNoOther) {
  const History full = full_row();
  History now(full.begin() + 1, full.end());
  now.emplace_back(kFrom, 7);
  EXPECT_TRUE(may_become(full, now));
  History grown = full;
  grown.emplace_back(kFrom, 7);
  EXPECT_FALSE(may_become(full, grown)) << "longer than a row may be";
  History without_second = grown;
  without_second.erase(without_second.begin() + 1);
  EXPECT_FALSE(may_become(full, without_second));
  History without_two = now;
  without_two.erase(without_two.begin());
  EXPECT_FALSE(may_become(full, without_two));
  History replaced = full;
  replaced.back().first = kFrom;
  History newest_again = replaced;
  newest_again.back().second = 7;
  EXPECT_TRUE(may_become(replaced, newest_again)) << "a full row in which the newest one is replaced loses nothing";
  newest_again.erase(newest_again.begin());
  EXPECT_FALSE(may_become(replaced, newest_again));
  History almost(full.begin() + 1, full.end());
  EXPECT_TRUE(may_become(almost, now)) << "one less than full loses nothing";
  EXPECT_FALSE(may_become(almost, without_two));
}

TEST(ParameterInvariant, NothingOfTheHistoryMayBeMissing) {
  const History old = {{5, 60}, {6, 61}, {7, 62}};
  EXPECT_TRUE(may_become(old, {{5, 60}, {6, 61}, {7, 62}, {kFrom, 7}}));
  EXPECT_FALSE(may_become(old, {})) << "the row is gone";
  EXPECT_FALSE(may_become(old, {{kFrom, 7}})) << "the whole history is gone";
  EXPECT_FALSE(may_become(old, {{6, 61}, {7, 62}, {kFrom, 7}})) << "the oldest of a row that is not full";
  EXPECT_FALSE(may_become(old, {{5, 60}, {7, 62}, {kFrom, 7}}));
  EXPECT_FALSE(may_become(old, {{5, 60}, {6, 61}, {kFrom, 7}})) << "the newest, of another height";
  EXPECT_FALSE(may_become({{5, 60}, {kFrom - 1, 8}}, {{5, 60}, {kFrom, 7}})) << "that of the block before";
}

TEST(ParameterInvariant, NothingOfTheHistoryMayBeOtherThanItWas) {
  const History old = {{5, 60}, {6, 61}};
  EXPECT_FALSE(may_become(old, {{5, 59}, {6, 61}, {kFrom, 7}})) << "another value";
  EXPECT_FALSE(may_become(old, {{4, 60}, {6, 61}, {kFrom, 7}})) << "another height";
  EXPECT_FALSE(may_become(old, {{6, 61}, {5, 60}, {kFrom, 7}})) << "another order";
  EXPECT_FALSE(may_become(old, {{5, 60}, {6, 61}, {7, 62}, {kFrom, 7}})) << "one that nobody decided";
  EXPECT_FALSE(may_become({}, {{7, 62}, {kFrom, 7}}));
  EXPECT_FALSE(may_become(old, old)) << "nothing new";
}

TEST(ParameterInvariant, TheNewestIsOfThisBlockAndWithinItsBounds) {
  EXPECT_FALSE(may_become({}, {{kFrom - 1, 7}}));
  EXPECT_FALSE(may_become({}, {{kFrom + 1, 7}}));
  EXPECT_FALSE(may_become({}, {{kFrom, 0}}));
  EXPECT_FALSE(may_become({}, {{kFrom, 366}}));
  EXPECT_FALSE(may_become({{kFrom + 1, 60}}, {{kFrom + 1, 60}, {kFrom, 7}})) << "it would not be the newest";
  EXPECT_FALSE(may_become({}, {{kFrom, 7}}, static_cast<Parameter>(5))) << "there is no such parameter";
}

}  // namespace
}  // namespace careledger::contracts::governance
