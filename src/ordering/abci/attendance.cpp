#include "ordering/abci/attendance.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::int32_t kCommitted = 2;  // block_id_flag

}  // namespace

void AttendanceBook::add(std::int64_t height, const careledger::abci::CommitInfo& commit) {
  std::vector<Bytes> signers;
  for (const auto& vote : commit.votes())
    if (vote.block_id_flag() == kCommitted) signers.push_back(vote.validator().address());
  const std::lock_guard lock(mutex_);
  if (height <= newest_ || signers.empty()) return;  // the first block has no commit before it
  newest_ = height;
  signers_.push_back(std::move(signers));
  if (signers_.size() > kBlocks) signers_.pop_front();
}

Attendance AttendanceBook::counted() const {
  const std::lock_guard lock(mutex_);
  Attendance out{signers_.size(), {}};
  for (const auto& block : signers_)
    for (const Bytes& address : block) ++out.signed_by[address];
  return out;
}

}  // namespace careledger::ordering::abci
