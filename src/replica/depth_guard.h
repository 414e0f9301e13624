// Judges, before a row is added, whether the Merkle map would become deeper than the rules allow, with the rows that the block has added so
// far.
//
// The judgement is part of the rules: a function of the state's keys and of the keys asked about in this block, in order. It is an upper
// bound: depth in the committed map plus depth among the block's new keys. Honest maps stay under half the limit.
#pragma once

#include <deque>

#include "replica/state_tree.h"

namespace careledger::replica {

class DepthGuard {  // for one block; not thread-safe
 public:
  explicit DepthGuard(const StateTree& tree) : tree_(tree) {}
  // Remembers `key` as added unless it is too deep.
  bool too_deep(ByteView key);

 private:
  struct Node {
    std::uint32_t split;
    std::uint32_t height = 0;  // inner nodes on the longest way down
    Node* child[2] = {nullptr, nullptr};
    Bytes key;  // of a leaf
    bool is_leaf() const { return child[0] == nullptr; }
  };
  // Finds where `key` goes among the new ones: inner nodes above it, and how deep it is below, were it added.
  std::size_t depth_among_new(ByteView key, std::uint32_t& split) const;
  void insert(ByteView key, std::uint32_t split);

  const StateTree& tree_;
  std::deque<Node> nodes_;
  Node* root_ = nullptr;
};

}  // namespace careledger::replica
