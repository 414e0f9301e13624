// The append-only tree of RFC 6962 section 2.1 (SHA-256; leaf 0x00, node 0x01): root, inclusion and consistency proofs. The ledger's
// log of commands, the version tree of an anchor, the elements of a record and the audit log are all trees of this kind.
//
// Thread-safety: free functions are pure; objects belong to one thread while they change.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace careledger::proof {

using Path = std::vector<Digest>;               // siblings from the leaf upwards
inline constexpr std::size_t kMaxLogPath = 64;  // no tree has more than 2^64 leaves

Digest log_leaf(ByteView data);                            // SHA-256(00 ‖ data)
Digest log_node(const Digest& left, const Digest& right);  // SHA-256(01 ‖ left ‖ right)
Digest log_empty_root();                                   // SHA-256 of nothing

// Leaf data of the ledger's log: digest ‖ u64 height ‖ u32 position. Only commands with code ok have one.
Bytes command_leaf(const Digest& command, Height height, std::uint32_t position);

// A perfect subtree: level 0 is a leaf, node (level, index) covers leaves [index << level, (index + 1) << level). Perfect subtrees
// never change, which is what a store keeps.
struct LogNodeId {
  std::uint8_t level;
  std::uint64_t index;
  friend bool operator==(const LogNodeId&, const LogNodeId&) = default;
};

// The tree's right edge: enough to append and to know the root, in at most 64 hashes.
class CompactRange {
 public:
  using Sink = std::function<void(LogNodeId, const Digest&)>;

  CompactRange() = default;
  // The peaks from the left (largest first) of a tree of `size` leaves; malformed when their number is not the bits of size.
  static Result<CompactRange> from(std::uint64_t size, std::vector<Digest> peaks);

  // Adds a leaf's hash. `sink` hears of every perfect node that it completes, the leaf first.
  void append(const Digest& leaf_hash, const Sink& sink = {});
  std::uint64_t size() const { return size_; }
  Digest root() const;
  std::span<const Digest> peaks() const { return peaks_; }

 private:
  std::uint64_t size_ = 0;
  std::vector<Digest> peaks_;
};

// Where proofs find the hashes: a store above, or LogTree. Only complete nodes below the size in question are asked for.
class LogNodes {
 public:
  virtual ~LogNodes() = default;
  virtual Result<Digest> node(LogNodeId id) const = 0;
};

// Errors: whatever `nodes` answers; invalid when index or size do not fit.
Result<Digest> root_at(const LogNodes& nodes, std::uint64_t size);
Result<Path> prove_inclusion(const LogNodes& nodes, std::uint64_t index, std::uint64_t size);
Result<Path> prove_consistency(const LogNodes& nodes, std::uint64_t size1, std::uint64_t size2);
// The peaks with which a CompactRange goes on from `size`.
Result<CompactRange> range_at(const LogNodes& nodes, std::uint64_t size);

// invalid when the proof does not hold; the message says which part. RFC 9162 sections 2.1.3.2 and 2.1.4.2.
Result<void> verify_inclusion(const Digest& leaf_hash, std::uint64_t index, std::uint64_t size, std::span<const Digest> path,
                              const Digest& root);
Result<void> verify_consistency(std::uint64_t size1, const Digest& root1, std::uint64_t size2, const Digest& root2,
                                std::span<const Digest> path);
// The root that leaf, index, size and path lead to; invalid when the path has another length than that place has.
Result<Digest> root_from_inclusion(const Digest& leaf_hash, std::uint64_t index, std::uint64_t size, std::span<const Digest> path);

// A whole tree in memory, all levels kept: for anchors, records, tests.
class LogTree final : public LogNodes {
 public:
  std::uint64_t append(const Digest& leaf_hash);  // its index
  std::uint64_t append_data(ByteView data) { return append(log_leaf(data)); }
  std::uint64_t size() const { return range_.size(); }
  Digest root() const { return range_.root(); }
  Result<Digest> node(LogNodeId id) const override;
  Path inclusion(std::uint64_t index) const;  // asserts index < size()

 private:
  CompactRange range_;
  std::vector<std::vector<Digest>> levels_;
};

// The version tree of an anchor: commitments sorted bytewise, padded by the caller with random 32-byte leaves to a power of two
// (at least 1), leaf data = the commitment. Asserts that the leaves ascend strictly and that their number is a power of two.
LogTree anchor_tree(std::span<const Digest> sorted_leaves);

}  // namespace careledger::proof
