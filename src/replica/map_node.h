// Nodes of the persistent Merkle map. Internal to state_tree.
//
// A twig is a maximal subtree of at most 8 leaves: their keys and hashes lie side by side in it, and the nodes between them are computed
// when needed. Inner nodes stand above twigs. Nodes never change once made and are shared between versions by reference counts.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/ids.h"

namespace careledger::replica {

inline constexpr std::size_t kTwigLeavesMax = 8;
inline constexpr std::size_t kNodeKeyMax = 47;

struct MapInner;
struct MapTwig;

struct MapNode {
  std::atomic<std::uint32_t> users{0};
  std::uint16_t split = 0;  // first bit in which the keys beneath differ; of a single leaf: the bits of its key
  std::uint8_t leaves = 0;  // of a twig; 0 is an inner node
  std::uint8_t height = 0;  // inner nodes on the longest way down to a leaf
  Digest hash;

  bool is_twig() const { return leaves != 0; }
  const MapInner& inner() const;
  const MapTwig& twig() const;
};

class NodeRef {  // counted; null is the empty map
 public:
  NodeRef() = default;
  explicit NodeRef(MapNode* node) : node_(node) {
    if (node_ != nullptr) node_->users.fetch_add(1, std::memory_order_relaxed);
  }
  NodeRef(const NodeRef& other) : NodeRef(other.node_) {}
  NodeRef(NodeRef&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  NodeRef& operator=(NodeRef other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~NodeRef() {
    if (node_ != nullptr && node_->users.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(node_);
  }
  const MapNode* get() const { return node_; }
  const MapNode* operator->() const { return node_; }
  explicit operator bool() const { return node_ != nullptr; }
  friend bool operator==(const NodeRef& a, const NodeRef& b) { return a.node_ == b.node_; }

 private:
  static void destroy(MapNode* node);
  MapNode* node_ = nullptr;
};

class Leaf {  // a row's place in the map, as it is worked with
 public:
  Leaf() = default;
  Leaf(ByteView key, const Digest& row_hash) : hash(row_hash), size_(static_cast<std::uint8_t>(key.size())) {
    CARELEDGER_ASSERT(key.size() <= kNodeKeyMax);
    std::memcpy(key_, key.data(), key.size());
  }
  ByteView key() const { return {key_, size_}; }
  Digest hash;

 private:
  std::uint8_t size_ = 0;
  char key_[kNodeKeyMax] = {};
};

// Its leaves follow the node in the same piece of memory, in order: hash, how many bytes of the key are those of the leaf before (u8), how
// many follow (u8), and these.
struct MapTwig : MapNode {
  static MapTwig* make(std::span<const Leaf> leaves);  // users 0; split, height and hash are the caller's to set
  static void destroy(MapTwig* twig);
  ByteView first_key() const {
    const char* first = packed();
    return {first + kHeadSize, static_cast<std::uint8_t>(first[kHeadSize - 1])};
  }
  void append_to(std::vector<Leaf>& leaves) const;  // adds them at its end

 private:
  static constexpr std::size_t kHeadSize = Digest::size + 2;
  MapTwig() = default;
  const char* packed() const { return reinterpret_cast<const char*>(this + 1); }
};

struct MapInner : MapNode {
  NodeRef left;
  NodeRef right;
  const MapTwig* first = nullptr;  // leftmost twig beneath; kept alive by `left`
};

inline const MapInner& MapNode::inner() const { return static_cast<const MapInner&>(*this); }
inline const MapTwig& MapNode::twig() const { return static_cast<const MapTwig&>(*this); }

inline void NodeRef::destroy(MapNode* node) {  // recursion as deep as the map, which is bounded
  if (node->is_twig()) MapTwig::destroy(static_cast<MapTwig*>(node));
  else delete static_cast<MapInner*>(node);
}

inline const MapTwig& first_twig(const MapNode& node) { return node.is_twig() ? node.twig() : *node.inner().first; }
inline ByteView first_key(const MapNode& node) { return first_twig(node).first_key(); }

}  // namespace careledger::replica
