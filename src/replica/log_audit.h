// Holds what is stored of the log against itself and against the blocks that are kept.
//
// The log is made again from its entries, also from those of blocks that are not here any more, up to the root that the app hash covers:
// so what a row of it tells cannot be edited unnoticed as long as that root is held against a signature. Of each block that is here its
// commands must be the ones that stand there.
//
// Thread-safety: one thread; the ledger may go on meanwhile.
#pragma once

#include "replica/view.h"

namespace careledger::replica {

class LogAudit {
 public:
  explicit LogAudit(View view) : view_(std::move(view)) {}
  // First; `from`: the lowest block that will be added. An error says what does not fit, or cannot be read.
  Result<void> begin(Height from);
  std::uint64_t older() const { return older_; }  // entries of blocks below that

  // One block after the other; corrupt: its commands are not those that stand in the log, or not where the block before it ended.
  Result<void> add(const StoredBlock& block);
  void skip() { next_.reset(); }                                          // a block that could not be read
  bool is_whole() const { return !next_ || *next_ == view_.log_size(); }  // whether the log ends with the newest one that was added

 private:
  Result<void> make_again(const LoggedBlock& block, Height from);
  const View view_;
  proof::CompactRange made_;
  Height newest_;  // block in it
  std::uint64_t older_ = 0;
  std::optional<std::uint64_t> next_;  // where the next block's entries begin; none: wherever it says
};

}  // namespace careledger::replica
