#include "replica/row_cache.h"

#include <gtest/gtest.h>

#include <random>

#include "kernel/tables.h"

namespace careledger::replica {
namespace {

kernel::Key key_of(kernel::Counter number) { return kernel::kActivations.key(number); }
kernel::RowValue value(const char* text) { return kernel::RowValue(Bytes(text)); }
std::shared_ptr<const kernel::Changes> changes(kernel::Changes all) { return std::make_shared<const kernel::Changes>(std::move(all)); }

class RowCacheTest : public ::testing::Test {
 protected:
  RowCacheTest() { cache_.reset(1); }
  RowCache cache_{1u << 20};
};

TEST_F(RowCacheTest, AnOlderStateIsToldOnlyWhatHasNotChangedSince) {
  cache_.add(key_of(1), value("same"), 1);
  cache_.add(key_of(2), value("old"), 1);
  cache_.advance(2, changes({{key_of(2), value("new")}, {key_of(3), kernel::RowValue()}}));
  EXPECT_EQ(cache_.find(key_of(1), 1), value("same"));
  EXPECT_EQ(cache_.find(key_of(1), 2), value("same"));
  EXPECT_EQ(cache_.find(key_of(2), 1), std::nullopt);
  EXPECT_EQ(cache_.find(key_of(2), 2), value("new"));
  EXPECT_EQ(cache_.find(key_of(3), 2), kernel::RowValue());
  EXPECT_EQ(cache_.find(key_of(2), 3), std::nullopt) << "a state that the cache does not know yet";
}

TEST_F(RowCacheTest, WhatAnOlderStateReadIsTakenInUnlessItChanged) {
  cache_.advance(2, changes({{key_of(2), value("new")}}));
  cache_.add(key_of(1), value("same"), 1);
  cache_.add(key_of(2), value("old"), 1);
  EXPECT_EQ(cache_.find(key_of(1), 2), value("same"));
  EXPECT_EQ(cache_.find(key_of(2), 2), value("new"));
  cache_.advance(3, changes({}));
  cache_.advance(4, changes({}));
  cache_.add(key_of(5), value("too long ago to tell"), 2);
  EXPECT_EQ(cache_.find(key_of(5), 4), std::nullopt);
}

TEST_F(RowCacheTest, AfterAnUndoNothingOfBeforeIsAnswered) {
  cache_.advance(2, changes({{key_of(1), value("undone")}}));
  cache_.reset(3);
  EXPECT_EQ(cache_.find(key_of(1), 3), std::nullopt);
  cache_.add(key_of(1), value("undone"), 2);
  EXPECT_EQ(cache_.find(key_of(1), 3), std::nullopt);
}

// Random blocks and readers of several states on a cache that holds few rows: whatever is answered is what that state holds.
TEST_F(RowCacheTest, NeverAnswersARowOfAnotherState) {
  RowCache small(1u << 14);
  std::vector<kernel::Changes> states(5);  // by epoch
  small.reset(4);
  std::mt19937_64 random(1);
  std::size_t answered = 0;
  for (int round = 0; round < 400; ++round) {
    kernel::Changes block;
    for (int i = 0; i < 20; ++i) block[key_of(random() % 300)] = kernel::RowValue(u64_bytes(random()));
    kernel::Changes next = states.back();
    for (const auto& [key, row] : block) next[key] = row;
    states.push_back(std::move(next));
    small.advance(states.size() - 1, changes(std::move(block)));
    for (int i = 0; i < 200; ++i) {
      const std::size_t epoch = states.size() - 1 - random() % 4;
      const kernel::Key key = key_of(random() % 300);
      const auto row = states[epoch].find(key);
      const kernel::RowValue truth = row == states[epoch].end() ? kernel::RowValue() : row->second;
      if (const auto known = small.find(key, epoch)) {
        ASSERT_EQ(*known, truth);
        ++answered;
      }
      small.add(key, truth, epoch);
    }
  }
  EXPECT_GT(answered, 1'000u);
}

}  // namespace
}  // namespace careledger::replica
