#include "kernel/shares.h"

#include <algorithm>

namespace careledger::kernel {

void Shares::add(ByteView member, ByteView group, std::uint64_t weight) {
  std::uint64_t& of_group = groups_[Bytes(group.empty() ? member : group)];
  of_group += weight;
  total_ += weight;
  heaviest_ = std::max(heaviest_, of_group);
}

}  // namespace careledger::kernel
