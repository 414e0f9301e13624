#include "proof/log.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "crypto/hash.h"

namespace careledger::proof {
namespace {

// The largest power of two below n; n > 1.
std::uint64_t split_point(std::uint64_t n) { return std::bit_floor(n - 1); }

Result<Digest> hash_of_range(const LogNodes& nodes, std::uint64_t first, std::uint64_t count) {
  if (std::has_single_bit(count)) {
    const auto level = static_cast<std::uint8_t>(std::countr_zero(count));
    return nodes.node({level, first >> level});
  }
  const std::uint64_t left = split_point(count);
  CARELEDGER_TRY(const Digest a, hash_of_range(nodes, first, left));
  CARELEDGER_TRY(const Digest b, hash_of_range(nodes, first + left, count - left));
  return log_node(a, b);
}

// How many siblings a path has: those on the right edge of the tree count only where there is one.
std::size_t path_length(std::uint64_t index, std::uint64_t size) {
  const int inner = std::bit_width(index ^ (size - 1));
  return static_cast<std::size_t>(inner + std::popcount(inner < 64 ? index >> inner : 0));
}

}  // namespace

Digest log_leaf(ByteView data) { return crypto::sha256({ByteView("\x00", 1), data}); }

Digest log_node(const Digest& left, const Digest& right) { return crypto::sha256({ByteView("\x01", 1), left.view(), right.view()}); }

Digest log_empty_root() { return crypto::sha256(ByteView()); }

Bytes command_leaf(const Digest& command, Height height, std::uint32_t position) {
  Bytes leaf = command.bytes();
  append_u64(leaf, height.value);
  append_u32(leaf, position);
  return leaf;
}

Result<CompactRange> CompactRange::from(std::uint64_t size, std::vector<Digest> peaks) {
  if (peaks.size() != static_cast<std::size_t>(std::popcount(size))) {
    return fail(ErrorKind::malformed, "log: the number of peaks does not fit the size");
  }
  CompactRange range;
  range.size_ = size;
  range.peaks_ = std::move(peaks);
  return range;
}

void CompactRange::append(const Digest& leaf_hash, const Sink& sink) {
  CARELEDGER_ASSERT(size_ != UINT64_MAX);
  Digest hash = leaf_hash;
  std::uint8_t level = 0;
  if (sink) sink({0, size_}, hash);
  for (std::uint64_t rest = size_; (rest & 1) != 0; rest >>= 1) {
    hash = log_node(peaks_.back(), hash);
    peaks_.pop_back();
    ++level;
    if (sink) sink({level, size_ >> level}, hash);
  }
  peaks_.push_back(hash);
  ++size_;
}

Digest CompactRange::root() const {
  if (peaks_.empty()) return log_empty_root();
  Digest hash = peaks_.back();
  for (auto peak = peaks_.rbegin() + 1; peak != peaks_.rend(); ++peak) hash = log_node(*peak, hash);
  return hash;
}

Result<Digest> root_at(const LogNodes& nodes, std::uint64_t size) {
  if (size == 0) return log_empty_root();
  return hash_of_range(nodes, 0, size);
}

Result<CompactRange> range_at(const LogNodes& nodes, std::uint64_t size) {
  std::vector<Digest> peaks;
  std::uint64_t first = 0;
  for (std::uint64_t rest = size; rest != 0; rest &= ~std::bit_floor(rest)) {
    const std::uint64_t count = std::bit_floor(rest);
    CARELEDGER_TRY(const Digest peak, hash_of_range(nodes, first, count));
    peaks.push_back(peak);
    first += count;
  }
  return CompactRange::from(size, std::move(peaks));
}

Result<Path> prove_inclusion(const LogNodes& nodes, std::uint64_t index, std::uint64_t size) {
  if (index >= size) return fail(ErrorKind::invalid, "log: the tree has no such leaf");
  Path path;
  std::uint64_t first = 0;
  std::uint64_t count = size;
  while (count > 1) {
    const std::uint64_t left = split_point(count);
    const bool go_right = index - first >= left;
    const std::uint64_t sibling = go_right ? first : first + left;
    CARELEDGER_TRY(const Digest hash, hash_of_range(nodes, sibling, go_right ? left : count - left));
    path.push_back(hash);
    if (go_right) first += left;
    count = go_right ? count - left : left;
  }
  std::reverse(path.begin(), path.end());
  return path;
}

Result<Path> prove_consistency(const LogNodes& nodes, std::uint64_t size1, std::uint64_t size2) {
  if (size1 > size2) return fail(ErrorKind::invalid, "log: the older tree is the larger one");
  Path path;
  if (size1 == 0 || size1 == size2) return path;
  std::uint64_t first = 0;
  std::uint64_t old = size1;
  std::uint64_t count = size2;
  bool known = true;  // the old tree is a whole left part: its root is what the verifier has
  while (old != count) {
    const std::uint64_t left = split_point(count);
    const bool go_right = old > left;
    CARELEDGER_TRY(const Digest hash, hash_of_range(nodes, go_right ? first : first + left, go_right ? left : count - left));
    path.push_back(hash);
    if (go_right) {
      first += left;
      old -= left;
      known = false;
    }
    count = go_right ? count - left : left;
  }
  if (!known) {
    CARELEDGER_TRY(const Digest hash, hash_of_range(nodes, first, count));
    path.push_back(hash);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

Result<Digest> root_from_inclusion(const Digest& leaf_hash, std::uint64_t index, std::uint64_t size, std::span<const Digest> path) {
  if (index >= size) return fail(ErrorKind::invalid, "log proof: the tree has no such leaf");
  if (path.size() != path_length(index, size)) return fail(ErrorKind::invalid, "log proof: the path has the wrong length");
  Digest hash = leaf_hash;
  std::uint64_t node = index;
  std::uint64_t last = size - 1;
  for (const Digest& sibling : path) {
    if ((node & 1) != 0 || node == last) {
      hash = log_node(sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = log_node(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return hash;
}

Result<void> verify_inclusion(const Digest& leaf_hash, std::uint64_t index, std::uint64_t size, std::span<const Digest> path,
                              const Digest& root) {
  CARELEDGER_TRY(const Digest reached, root_from_inclusion(leaf_hash, index, size, path));
  if (reached != root) return fail(ErrorKind::invalid, "log proof: the path leads to another root");
  return {};
}

namespace {

Result<void> verify_growth(std::uint64_t size1, const Digest& root1, std::uint64_t size2, const Digest& root2,
                           std::span<const Digest> path) {
  if (path.empty()) return fail(ErrorKind::invalid, "log consistency: the proof is empty");
  const bool whole = std::has_single_bit(size1);  // the old root is a node of the new tree and not repeated
  std::size_t next = whole ? 0 : 1;
  Digest old_hash = whole ? root1 : path[0];
  Digest new_hash = old_hash;
  std::uint64_t node = size1 - 1;
  std::uint64_t last = size2 - 1;
  while ((node & 1) != 0) {
    node >>= 1;
    last >>= 1;
  }
  for (; next < path.size(); ++next) {
    if (last == 0) return fail(ErrorKind::invalid, "log consistency: the proof is too long");
    if ((node & 1) != 0 || node == last) {
      old_hash = log_node(path[next], old_hash);
      new_hash = log_node(path[next], new_hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      new_hash = log_node(new_hash, path[next]);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return fail(ErrorKind::invalid, "log consistency: the proof is too short");
  if (old_hash != root1) return fail(ErrorKind::invalid, "log consistency: the proof leads to another old root");
  if (new_hash != root2) return fail(ErrorKind::invalid, "log consistency: the proof leads to another new root");
  return {};
}

}  // namespace

Result<void> verify_consistency(std::uint64_t size1, const Digest& root1, std::uint64_t size2, const Digest& root2,
                                std::span<const Digest> path) {
  if (size1 > size2) return fail(ErrorKind::invalid, "log consistency: the older tree is the larger one");
  if (size1 != 0 && size1 != size2) return verify_growth(size1, root1, size2, root2, path);
  if (!path.empty()) return fail(ErrorKind::invalid, "log consistency: nothing to prove, and yet there is a proof");
  if (size1 == size2 && root1 != root2) return fail(ErrorKind::invalid, "log consistency: one size and two roots");
  if (size1 == 0 && root1 != log_empty_root()) return fail(ErrorKind::invalid, "log consistency: this is not the root of the empty tree");
  return {};
}

std::uint64_t LogTree::append(const Digest& leaf_hash) {
  const std::uint64_t index = range_.size();
  range_.append(leaf_hash, [this](LogNodeId id, const Digest& hash) {
    if (levels_.size() <= id.level) levels_.resize(id.level + std::size_t{1});
    CARELEDGER_ASSERT(levels_[id.level].size() == id.index);
    levels_[id.level].push_back(hash);
  });
  return index;
}

Result<Digest> LogTree::node(LogNodeId id) const {
  if (id.level >= levels_.size() || id.index >= levels_[id.level].size()) return fail(ErrorKind::not_found, "log: no such node");
  return levels_[id.level][id.index];
}

Path LogTree::inclusion(std::uint64_t index) const {
  auto path = prove_inclusion(*this, index, size());
  CARELEDGER_ASSERT(path.has_value());
  return std::move(*path);
}

LogTree anchor_tree(std::span<const Digest> sorted_leaves) {
  CARELEDGER_ASSERT(std::has_single_bit(sorted_leaves.size()));
  LogTree tree;
  for (std::size_t i = 0; i < sorted_leaves.size(); ++i) {
    CARELEDGER_ASSERT(i == 0 || sorted_leaves[i - 1] < sorted_leaves[i]);
    tree.append_data(sorted_leaves[i].view());
  }
  return tree;
}

}  // namespace careledger::proof
