// Who signed the newest blocks, from what the engine says of the last commit with each block that it decides.
//
// Thread-safety: all of it.
#pragma once

#include <deque>
#include <mutex>
#include <vector>

#include "ordering/abci/abci.pb.h"
#include "ordering/ordering.h"

namespace careledger::ordering::abci {

class AttendanceBook {
 public:
  static constexpr std::size_t kBlocks = 100;
  // The commit of a height; one that was added, or an older one, changes nothing.
  void add(std::int64_t height, const careledger::abci::CommitInfo& commit);
  Attendance counted() const;

 private:
  mutable std::mutex mutex_;
  std::int64_t newest_ = 0;
  std::deque<std::vector<Bytes>> signers_;  // addresses, of the newest blocks
};

}  // namespace careledger::ordering::abci
