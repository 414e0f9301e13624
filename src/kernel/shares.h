// What the members of a network and their groups hold of all votes, for the cap that founding and governance put on it.
//
// Thread-safety: none; a value.
#pragma once

#include <cstdint>
#include <map>

#include "base/bytes.h"

namespace careledger::kernel {

class Shares {
 public:
  void add(ByteView member, ByteView group, std::uint64_t weight);  // without a group a member stands for itself
  std::uint64_t total() const { return total_; }
  std::uint64_t heaviest() const { return heaviest_; }  // of the groups
  // Whether no group has a third of all: that much could stop the ledger, and with what it would lead astray, fork it.
  bool capped() const { return heaviest_ * 3 < total_; }

 private:
  std::map<Bytes, std::uint64_t> groups_;
  std::uint64_t total_ = 0;
  std::uint64_t heaviest_ = 0;
};

}  // namespace careledger::kernel
