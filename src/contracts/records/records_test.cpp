#include "contracts/records/records.h"

#include <gtest/gtest.h>

#include "contracts/access/access.h"
#include "contracts/test_ledger.h"

namespace careledger::contracts::records {
namespace {

using kernel::test_id;

ledger::Anchor anchor_of(std::uint32_t count, const std::vector<std::uint8_t>& supersedes = {},
                         const std::vector<std::uint8_t>& errors = {}) {
  ledger::Anchor anchor;
  anchor.set_root(Bytes(32, 'r'));
  anchor.set_count(count);
  for (const auto id : supersedes) anchor.add_supersedes(test_id<Digest>(id).bytes());
  for (const auto id : errors) anchor.add_entered_in_error(test_id<Digest>(id).bytes());
  return anchor;
}

TEST(Records, AnAnchorLeavesNoRowButItsExceptions) {
  TestLedger ledger;
  const auto hospital = ledger.admit(1);
  const auto plain = ledger.execute(hospital, build::anchor(anchor_of(1 << 20)));
  ASSERT_TRUE(plain.code.ok());
  EXPECT_EQ(plain.changes.size(), 1u);  // the sequence
  const auto height = ledger.height();
  ASSERT_TRUE(ledger.run(hospital, build::anchor(anchor_of(2, {9, 3, 9}, {4}))).ok());
  const auto row = *ledger.state().get(kExceptions, exception_id(hospital, test_id<Digest>(9)));
  EXPECT_EQ(row.status(), number_of(ExceptionStatus::superseded));
  EXPECT_EQ(row.height(), height.value);
  EXPECT_EQ(ledger.state().get(kExceptions, exception_id(hospital, test_id<Digest>(4)))->status(), 2u);
  EXPECT_FALSE(ledger.state().has(kExceptions, exception_id(hospital, test_id<Digest>(5))));
}

TEST(Records, OneRefusedExceptionRefusesTheWholeAnchor) {
  TestLedger ledger;
  const auto hospital = ledger.admit(1);
  ASSERT_TRUE(ledger.run(hospital, build::anchor(anchor_of(1, {3}))).ok());
  EXPECT_EQ(ledger.run(hospital, build::anchor(anchor_of(1, {2, 3, 4}))), code(build::kRecords, Codes::already_superseded));
  EXPECT_FALSE(ledger.state().has(kExceptions, exception_id(hospital, test_id<Digest>(2))));
}

TEST(Records, AnAnchorAtTheSizeLimitStaysWithinTheMeter) {
  TestLedger ledger;
  const auto hospital = ledger.admit(1);
  auto anchor = anchor_of(1 << 12);
  for (std::uint32_t i = 0; i < 1900; ++i) {
    Digest digest;
    digest.value[0] = static_cast<char>(i >> 8);
    digest.value[1] = static_cast<char>(i);
    anchor.add_supersedes(digest.bytes());
  }
  const auto order = build::anchor(anchor);
  EXPECT_GT(order.payload.size(), 64'000u);  // as many as 64 KiB hold
  EXPECT_TRUE(ledger.run(hospital, order).ok());
}

TEST(Access, TheHeadIsOneRowAnOrganisation) {
  TestLedger ledger;
  const auto hospital = ledger.admit(1);
  for (std::uint64_t size = 1; size < 5; ++size) {
    const auto height = ledger.height();
    ASSERT_TRUE(ledger.run(hospital, build::head(test_id<Digest>(static_cast<std::uint8_t>(size)), test_id<Digest>(2), size)).ok());
    const auto row = *ledger.state().get(access::kHeads, hospital);
    EXPECT_EQ(row.size(), size);
    EXPECT_EQ(row.height(), height.value);
    EXPECT_EQ(row.map_root(), test_id<Digest>(static_cast<std::uint8_t>(size)).view());
  }
}

}  // namespace
}  // namespace careledger::contracts::records
