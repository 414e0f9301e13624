#include "ordering/abci/pool_book.h"

#include <gtest/gtest.h>

namespace careledger::ordering::abci {
namespace {

Digest envelope_number(std::uint64_t number) { return *Digest::from(Bytes(24, '\0') + u64_bytes(number)); }
OrganisationId sender_number(std::uint64_t number) { return *OrganisationId::from(Bytes(24, '\0') + u64_bytes(number)); }

TEST(PoolBook, AShareIsBoundedByBytesAndOneIsNotTheOthers) {
  PoolBook book;
  constexpr std::size_t kQuarter = PoolBook::kBytes / 4;
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(book.take(envelope_number(i), sender_number(1), kQuarter));
  EXPECT_FALSE(book.take(envelope_number(4), sender_number(1), 1));
  EXPECT_TRUE(book.take(envelope_number(5), sender_number(2), kQuarter));
  book.block("p");
  EXPECT_TRUE(book.take(envelope_number(6), sender_number(1), PoolBook::kBytes));
}

TEST(PoolBook, WhatWaitsSinceBeforeABlockCountsAndIsNeverRefused) {
  PoolBook book;
  for (std::uint64_t i = 0; i < PoolBook::kEnvelopes; ++i) ASSERT_TRUE(book.take(envelope_number(i), sender_number(1), 10)) << i;
  EXPECT_FALSE(book.take(envelope_number(100), sender_number(1), 10));
  book.block("p");
  for (std::uint64_t i = 0; i < PoolBook::kEnvelopes; ++i) EXPECT_FALSE(book.waits(envelope_number(i), sender_number(1), 10));
  EXPECT_FALSE(book.take(envelope_number(100), sender_number(1), 10));
  EXPECT_TRUE(book.take(envelope_number(101), sender_number(2), 10));
}

TEST(PoolBook, AnEnvelopeThatComesAgainIsOneAndANewEngineHasNone) {
  PoolBook book;
  for (std::size_t i = 0; i < 3 * PoolBook::kEnvelopes; ++i) ASSERT_TRUE(book.take(envelope_number(1), sender_number(1), 10)) << i;
  for (std::uint64_t i = 2; i <= PoolBook::kEnvelopes; ++i) ASSERT_TRUE(book.take(envelope_number(i), sender_number(1), 10)) << i;
  ASSERT_FALSE(book.take(envelope_number(1000), sender_number(1), 10));
  book.clear();
  EXPECT_TRUE(book.take(envelope_number(1000), sender_number(1), 10));
}

TEST(PoolBook, WhatStoodInABlockAndComesAgainBeginsAnew) {
  PoolBook book;
  const Digest one = envelope_number(1);
  ASSERT_TRUE(book.take(one, sender_number(1), 10));
  for (std::size_t i = 0; i + 1 < PoolBook::kPatience; ++i) {
    book.block("p");
    EXPECT_FALSE(book.waits(one, sender_number(1), 10));
  }
  book.block("p");  // it stood there: nobody asks about it again
  book.block("p");
  EXPECT_FALSE(book.waits(one, sender_number(1), 10));
}

TEST(PoolBook, OneThatCameBeforeThisProcessCountsFromItsFirstBlock) {
  PoolBook book;
  const Digest one = envelope_number(1);
  book.block("p");
  EXPECT_FALSE(book.waits(one, sender_number(1), 10));
  for (std::size_t i = 0; i + 1 < PoolBook::kPatience; ++i) {
    book.block("q");
    EXPECT_FALSE(book.waits(one, sender_number(1), 10));
  }
  book.block("q");
  const auto told = book.waits(one, sender_number(1), 10);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->proposers, std::vector<Bytes>(PoolBook::kPatience, "q"));
}

}  // namespace
}  // namespace careledger::ordering::abci
