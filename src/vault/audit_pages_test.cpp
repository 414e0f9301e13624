// Reading the entries of one subject in parts.
#include "vault/test_audit.h"

namespace careledger::vault {
namespace {

using AuditPagesTest = AuditFixture;

TEST_F(AuditPagesTest, PagesOfOneSubjectBeginWhereTheyAreAskedFor) {
  audit->start_heads(ledger, signer);
  for (int i = 0; i < 10; ++i) {
    record(300, 2);  // within one millisecond
    clock.advance_ms(i % 3);
  }
  ASSERT_TRUE(head_for(3000));
  record(500, 2);  // these wait to be folded
  audit->stop_heads();
  const Subject subject = audit->subject_of("p1");
  const auto all = *audit->entries_of(subject, 0, 10'000);
  ASSERT_EQ(all.size(), 1750u);
  std::vector<std::uint64_t> seen;
  for (std::uint64_t from = 0;;) {
    const auto page = *audit->entries_of(subject, from, 97);
    if (page.empty()) break;
    for (const auto& one : page) seen.push_back(one.recorded.index);
    from = seen.back() + 1;
  }
  ASSERT_EQ(seen.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(seen[i], all[i].recorded.index);
  const auto newest = *audit->newest_of(subject, 1600);
  ASSERT_EQ(newest.size(), 1600u);
  for (std::size_t i = 0; i < newest.size(); ++i) EXPECT_EQ(newest[i].recorded.index, all[150 + i].recorded.index);
}

TEST_F(AuditPagesTest, WhatIsWantedIsFoundBehindAnyNumberOfOthers) {
  audit->start_heads(ledger, signer);
  AuditEntry rare = entry("p1");
  rare.kind = AuditKind::break_glass;
  ASSERT_TRUE(audit->append_and_wait(rare));
  record(4000, 2);
  ASSERT_TRUE(head_for(4001));
  const auto wanted = [](const AuditEntry& one) { return one.kind == AuditKind::break_glass; };
  const auto found = audit->newest_of(audit->subject_of("p1"), 10, wanted);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().recorded.index, 0u);
}

}  // namespace
}  // namespace careledger::vault
