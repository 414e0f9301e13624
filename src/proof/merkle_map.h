// The Merkle map: a binary tree over keys in their order, split at each bit where the keys beneath differ (docs/formats/merkle-map.md).
// This header has its hashing rules, proofs made from paths, and their verification. The persistent tree is in replica/.
//
// A proof is a *cut* through the tree: from left to right, the hashes of whole subtrees and single leaves, with the shape above
// them. Whoever verifies it knows a part of the map exactly: each shown leaf, and that between two leaves that stand side by side in
// the cut there is no other. So one form proves membership, absence and that a range is complete, for any number of keys at once.
// The root is the only thing trusted, and that its leaves are in key order, which consensus (or the custodian's signature) answers for.
//
// Thread-safety: free functions are pure; objects are immutable once made.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace careledger::proof {

inline constexpr std::size_t kMaxMapDepth = 120;    // inner nodes above a leaf that the ledger accepts: more is too_deep
inline constexpr std::size_t kMaxProofDepth = 128;  // what a verifier follows (the limit of ICS23's TendermintSpec)
inline constexpr std::size_t kMaxMapKey = 127;      // bytes; keys are never empty

// Hashes, equal to those of ICS23's TendermintSpec and CometBFT's simple map.
Digest map_leaf(ByteView key, ByteView value);                   // SHA-256(00 ‖ len ‖ key ‖ 20 ‖ SHA-256(value))
Digest map_leaf_hashed(ByteView key, const Digest& value_hash);  // the same from SHA-256(value)
Digest map_inner(const Digest& left, const Digest& right);       // SHA-256(01 ‖ left ‖ right)
Digest map_empty_root();                                         // SHA-256 of nothing: the map without rows

// First bit (0 is the highest of the first byte) in which two keys differ. Asserts that they differ before either ends: fixed-width
// keys do, and no key prefixes another.
std::uint32_t split_bit(ByteView a, ByteView b);
// True when split_bit(a, b) is defined: neither key is a prefix of the other (nor equal).
bool splittable(ByteView a, ByteView b);
bool key_bit(ByteView key, std::uint32_t bit);  // false beyond the end

// One inner node on the way from a leaf to the root: the bit at which it splits and the hash of the other child. The leaf is in the
// right half exactly when key_bit(key, bit).
struct MapStep {
  std::uint32_t bit = 0;
  Digest sibling;
};

// A leaf with its way to the root, lowest node first: bits descend strictly.
struct MapPath {
  Bytes key;
  Bytes value;
  std::vector<MapStep> steps;
};
Digest root_of(const MapPath& path);  // what leaf and steps hash to; a member is proven when this is the map's root

// ---- cuts ----

struct MapLeaf {
  Bytes key;
  Digest value_hash;
  std::optional<Bytes> value;  // shown, or only its hash
};

using MapEntry = std::variant<Digest, MapLeaf>;  // the hash of a whole subtree, or a leaf

struct MapCut {
  std::vector<bool> shape;        // the tree above the cut in preorder: true an inner node, false an entry; empty for an empty map
  std::vector<MapEntry> entries;  // left to right
};

// Makes cuts. Where `show` of a leaf is false, only the hash of its value goes in (boundaries need no more).
struct CutLeaf {
  MapPath path;
  bool show = true;
};
// The cut that shows exactly these leaves, in any order, repeats merged. Asserts that the paths belong to one tree. Empty: an empty map.
MapCut cut_of(std::vector<CutLeaf> leaves);
// The cut for a run of adjacent rows: `first` and `last` with their paths, `between` the rows that lie between them in order.
struct MapRow {
  Bytes key;
  Bytes value;
};
MapCut cut_of_run(const CutLeaf& first, std::span<const MapRow> between, const CutLeaf& last);

// What a verified cut knows.
class MapView {
 public:
  // Checks the cut's form (shape, order of keys, depth, no needlessly opened subtree) and hashes it. invalid unless it gives `root`.
  static Result<MapView> verify(const MapCut& cut, const Digest& root);

  enum class Known : std::uint8_t { present, hash_only, absent, unknown };
  Known look(ByteView key) const;
  const MapLeaf* find(ByteView key) const;  // nullptr when the cut does not show it
  // Rows from `first` (inclusive) to `last` (exclusive; empty: to the end), when the cut shows that it has them all; else invalid.
  Result<std::span<const MapLeaf>> range(ByteView first, ByteView last) const;
  std::span<const MapLeaf> leaves() const { return leaves_; }
  // True when the cut shows just what these questions need: every value shown is of a key in `present`, every leaf that is only a hash
  // stands beside a key in `absent`. So a proof has one form only.
  bool exactly(std::span<const Bytes> present, std::span<const Bytes> absent) const;
  // The same for a range: a value for each row inside, at most one hash-only leaf on either side, nothing else.
  bool exactly_range(ByteView first, ByteView last) const;

 private:
  friend class CutReader;
  std::size_t lower_bound(ByteView key) const;
  std::vector<MapLeaf> leaves_;
  std::vector<bool> gap_before_;  // leaves_.size() + 1: hashes stand between leaf i - 1 and leaf i
};

// The first key after every key that starts with `prefix`; empty when there is none (all bytes ff).
Bytes prefix_end(ByteView prefix);

// Canonical bytes of a cut (docs/formats/merkle-map.md) and back; malformed unless they are exactly what encode gives, too_large above
// `limit` bytes.
Bytes encode(const MapCut& cut);
Result<MapCut> decode_cut(ByteView bytes, std::size_t limit = 8u << 20);

// ---- root from sorted rows ----

// Takes rows in ascending order and keeps O(depth) hashes: state sync, rebuilds, the audit map's fold. The deepest leaf is known too.
class MapFold {
 public:
  void add(ByteView key, const Digest& leaf_hash);  // asserts ascending and splittable
  Digest root() const;
  std::uint64_t size() const { return size_; }

 private:
  struct Item {
    std::uint32_t bit = 0;  // split bit between this item and the one before it
    Digest hash;
  };
  std::vector<Item> stack_;
  Bytes last_key_;
  std::uint64_t size_ = 0;
};

// ---- reference model ----

// A plain sorted map that recomputes everything at each question. Tests compare the persistent tree with it; small maps may use it.
class MapModel {
 public:
  void put(ByteView key, ByteView value) { rows_.insert_or_assign(Bytes(key), Bytes(value)); }
  void erase(ByteView key) { rows_.erase(Bytes(key)); }
  const std::map<Bytes, Bytes>& rows() const { return rows_; }
  Digest root() const;
  std::optional<MapPath> path(ByteView key) const;
  std::size_t depth(ByteView key) const;                    // inner nodes above the key if it were there
  MapCut prove(std::span<const Bytes> keys) const;          // membership or absence of each
  MapCut prove_range(ByteView first, ByteView last) const;  // complete, both boundaries included
 private:
  std::map<Bytes, Bytes> rows_;
};

// Neighbours of a place in the map, as a persistent tree finds them: the row at the key, or the rows on both sides.
struct MapNeighbours {
  std::optional<MapPath> at, before, after;
};

}  // namespace careledger::proof
