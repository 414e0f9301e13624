#include "ordering/headers_kept.h"

#include <gtest/gtest.h>

#include "ordering/test_founder.h"

namespace careledger::ordering {
namespace {

class HeadersKept : public ::testing::Test {
 protected:
  // A ledger of six blocks whose store has this beside them.
  replica::View with(const std::optional<replica::SideRow>& row) {
    constexpr std::int64_t kStart = 1'800'000'000'000;
    replica_ = testing::Founder({kStart}).open(replica::memory_ledger_store());
    for (std::uint64_t height = 1; height <= 6; ++height) {
      auto executed = replica_->execute({{height}, {kStart + static_cast<std::int64_t>(height)}, {}, {}});
      EXPECT_TRUE(executed);
      EXPECT_TRUE(replica_->commit(std::move(*executed), row && height == 6 ? std::vector{*row} : std::vector<replica::SideRow>()));
    }
    return replica_->view();
  }

 private:
  std::unique_ptr<replica::Replica> replica_;
};

TEST_F(HeadersKept, UnlessTheLedgerSaysOtherwiseAllAreHere) {
  const replica::View view = with(std::nullopt);
  EXPECT_EQ(first_header(view)->value, 1u);
  EXPECT_TRUE(check_header_kept(view, {1}));
}

TEST_F(HeadersKept, WhatWasDroppedIsSaidWithTheFirstThatIsHere) {
  const replica::View view = with(headers_from({5}));
  EXPECT_EQ(first_header(view)->value, 5u);
  EXPECT_TRUE(check_header_kept(view, {5}));
  const auto gone = check_header_kept(view, {4});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::not_found);
  EXPECT_EQ(gone.error().message,
            "block 4: this node keeps signed headers from block 5 on (serve --keep-blocks): ask a member that keeps all");
}

TEST_F(HeadersKept, ARecordThatDoesNotReadIsNoAnswer) {
  for (const Bytes& value : {Bytes("short"), Bytes(9, '\1')}) {
    replica::SideRow row = headers_from({5});
    row.value = value;
    const replica::View view = with(row);
    EXPECT_EQ(first_header(view).error().kind, ErrorKind::corrupt);
    EXPECT_EQ(check_header_kept(view, {4}).error().kind, ErrorKind::corrupt);
  }
}

TEST_F(HeadersKept, ARecordAboveTheNewestBlockIsNoAnswer) {
  EXPECT_EQ(first_header(with(headers_from({6})))->value, 6u);
  for (const std::uint64_t above : {std::uint64_t{7}, UINT64_MAX}) {
    const auto first = first_header(with(headers_from({above})));
    ASSERT_FALSE(first) << above;
    EXPECT_EQ(first.error().kind, ErrorKind::corrupt);
  }
}

}  // namespace
}  // namespace careledger::ordering
