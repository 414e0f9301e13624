#include "ordering/abci/attendance.h"

#include <gtest/gtest.h>

namespace careledger::ordering::abci {
namespace {

// Flags of the votes of validators "a", "b" …: 1 absent, 2 for the block, 3 for none.
careledger::abci::CommitInfo commit_of(const std::vector<std::int32_t>& flags) {
  careledger::abci::CommitInfo commit;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    auto& vote = *commit.add_votes();
    vote.mutable_validator()->set_address(Bytes(20, static_cast<char>('a' + i)));
    vote.set_block_id_flag(flags[i]);
  }
  return commit;
}

TEST(AttendanceBook, CountsVotesForTheBlockOnly) {
  AttendanceBook book;
  book.add(0, {});  // the first block says nothing of one before
  EXPECT_EQ(book.counted().blocks, 0u);
  book.add(1, commit_of({2, 2, 1, 3}));
  book.add(2, commit_of({2, 1, 2, 3}));
  const Attendance counted = book.counted();
  EXPECT_EQ(counted.blocks, 2u);
  const std::map<Bytes, std::size_t> expected{{Bytes(20, 'a'), 2}, {Bytes(20, 'b'), 1}, {Bytes(20, 'c'), 1}};
  EXPECT_EQ(counted.signed_by, expected);
}

TEST(AttendanceBook, ABlockThatIsExecutedAgainCountsOnce) {
  AttendanceBook book;
  book.add(5, commit_of({2}));
  book.add(5, commit_of({2}));
  book.add(4, commit_of({2}));
  EXPECT_EQ(book.counted().blocks, 1u);
}

TEST(AttendanceBook, OldBlocksAreForgotten) {
  AttendanceBook book;
  book.add(1, commit_of({2, 2}));
  for (std::size_t i = 0; i < AttendanceBook::kBlocks; ++i) book.add(static_cast<std::int64_t>(i) + 2, commit_of({2, 1}));
  const Attendance counted = book.counted();
  EXPECT_EQ(counted.blocks, AttendanceBook::kBlocks);
  EXPECT_EQ(counted.signed_by.size(), 1u);
  EXPECT_EQ(counted.signed_by.at(Bytes(20, 'a')), AttendanceBook::kBlocks);
}

}  // namespace
}  // namespace careledger::ordering::abci
