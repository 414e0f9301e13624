#include "ordering/headers_kept.h"

#include <gtest/gtest.h>

#include "ordering/test_founder.h"

namespace careledger::ordering {
namespace {

class HeadersKept : public ::testing::Test {
 protected:
  // A ledger whose store has this beside its blocks.
  replica::View with(const std::optional<replica::SideRow>& row) {
    const std::shared_ptr<storage::Store> store = replica::memory_ledger_store();
    storage::Batch batch;
    if (row) batch.put(replica::columns::kMeta, replica::side_key(row->key), row->value);
    EXPECT_TRUE(store->write(batch, storage::Durability::synced));
    replica_ = testing::Founder({1'800'000'000'000}).open(store);
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

}  // namespace
}  // namespace careledger::ordering
