// Holds what is stored of a block's results, the codes of refused commands too, against the header after it, which commits to them.
//
// Thread-safety: one thread.
#pragma once

#include "proof/chain.h"
#include "replica/stored_block.h"

namespace careledger::replica {

class ResultsAudit {
 public:
  // One block after the other; of one that could not be read, nothing.
  void add(const StoredBlock& block);
  // A header that is signed, after the block before it was added and before its own is. False: that block's results are others than it
  // says. True also when that block is not here.
  bool agrees(const proof::Header& header);

  struct Count {
    std::uint64_t blocks = 0;  // with commands, or batches that were refused whole
    std::uint64_t held = 0;    // of those, by the header after them
    Count& operator+=(const Count& other) {
      blocks += other.blocks;
      held += other.held;
      return *this;
    }
  };
  const Count& count() const { return count_; }

 private:
  Height newest_;  // that was added
  Bytes hash_;     // of its results
  bool has_any_ = false;
  Count count_;
};

}  // namespace careledger::replica
