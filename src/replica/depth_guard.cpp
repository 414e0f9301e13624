#include "replica/depth_guard.h"

#include <algorithm>

namespace careledger::replica {

std::size_t DepthGuard::depth_among_new(ByteView key, std::uint32_t& split) const {
  split = UINT32_MAX;
  if (root_ == nullptr) return 0;
  const Node* node = root_;
  while (!node->is_leaf()) node = node->child[proof::key_bit(key, node->split) ? 1 : 0];
  if (node->key == key) return 0;  // asked before: counted then
  split = proof::split_bit(node->key, key);
  std::size_t above = 0;
  node = root_;
  for (; !node->is_leaf() && node->split < split; ++above) node = node->child[proof::key_bit(key, node->split) ? 1 : 0];
  return above + 1 + node->height;
}

void DepthGuard::insert(ByteView key, std::uint32_t split) {
  Node* leaf = &nodes_.emplace_back(Node{0, 0, {nullptr, nullptr}, Bytes(key)});
  std::vector<Node*> above;
  Node** place = &root_;
  for (; *place != nullptr && !(*place)->is_leaf() && (*place)->split < split;
       place = &(*place)->child[proof::key_bit(key, (*place)->split) ? 1 : 0])
    above.push_back(*place);
  if (*place == nullptr) {
    *place = leaf;
    return;
  }
  Node* inner = &nodes_.emplace_back(Node{split, (*place)->height + 1, {nullptr, nullptr}, {}});
  const int side = proof::key_bit(key, split) ? 1 : 0;
  inner->child[side] = leaf;
  inner->child[1 - side] = *place;
  *place = inner;
  for (auto node = above.rbegin(); node != above.rend(); ++node)
    (*node)->height = std::max((*node)->child[0]->height, (*node)->child[1]->height) + 1;
}

bool DepthGuard::too_deep(ByteView key) {
  std::uint32_t split = 0;
  const std::size_t among_new = depth_among_new(key, split);
  const bool known = root_ != nullptr && split == UINT32_MAX;
  if (known) return false;
  // Of hardly any map and key can the sum be too large: the way down, past memory that is in no cache, is for those alone.
  if (tree_.depth_with_at_most() + among_new > proof::kMaxMapDepth && tree_.depth_with(key) + among_new > proof::kMaxMapDepth) return true;
  insert(key, split);
  return false;
}

}  // namespace careledger::replica
