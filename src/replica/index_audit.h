// Holds the index of commands by their digests against what it leads to. No root covers it: a row that is gone hides a command from whoever
// asks for its receipt or its proof, one that was added may put another receipt before the true one.
//
// Each entry of the log must be found, and each command of the blocks that are kept which used its number up: no other stands in the index.
// Rows of refused commands whose block was dropped lead nowhere, and are let alone.
//
// Memory: 16 bytes a block. Thread-safety: one thread; the ledger may go on meanwhile.
#pragma once

#include <vector>

#include "replica/view.h"

namespace careledger::replica {

class IndexAudit {
 public:
  // Of blocks from `from` to `until`, which will be added, and of the log's entries below.
  IndexAudit(View view, Height from, Height until);
  struct Found {
    Height block;
    std::string what;
  };
  // First, unless the log was found damaged: the entries of blocks below. Errors as the store gives them.
  Result<std::vector<Found>> begin(std::size_t found_max);
  // corrupt: commands of it are not found at their places.
  Result<void> add(const StoredBlock& block);
  void pass_over(Height height);  // what its block says of its commands is not to be believed
  // Last: rows that lead into the blocks that were added, and to none of their commands; or above the newest block; or do not read.
  Result<std::vector<Found>> end(std::size_t found_max) const;

 private:
  Result<std::size_t> missing(std::span<const Bytes> keys) const;
  bool counts(Height height) const { return height >= from_ && height <= until_; }
  const View view_;
  const Height from_, until_;
  std::vector<std::int64_t> expected_;  // rows of each block from from_ to the newest that was added; kNotAdded
};

}  // namespace careledger::replica
