#include "replica/state_tree.h"

#include <algorithm>
#include <bit>
#include <mutex>

#include "crypto/hash.h"
#include "replica/twig.h"

namespace careledger::replica {

std::uint32_t common_bits(ByteView a, ByteView b) {  // of keys that may be equal
  const std::size_t shorter = std::min(a.size(), b.size());
  std::size_t at = 0;
  while (at < shorter && a[at] == b[at]) ++at;
  if (at == shorter) return static_cast<std::uint32_t>(shorter * 8);
  return static_cast<std::uint32_t>(at * 8) + static_cast<std::uint32_t>(std::countl_zero(static_cast<std::uint8_t>(a[at] ^ b[at])));
}

Error disagreement(ByteView key) {
  return {ErrorKind::corrupt, "state: the rows at key " + to_hex(key) + " do not give the hash that was computed when they were written"};
}

namespace {

constexpr std::size_t kForkChanges = 256;  // fewer are not worth another thread

struct Folded {
  Digest hash;
  std::uint8_t height = 0;
};

std::size_t middle_of(std::span<const Leaf> leaves, std::uint32_t bit) {
  const auto middle =
      std::partition_point(leaves.begin(), leaves.end(), [bit](const Leaf& leaf) { return !proof::key_bit(leaf.key(), bit); });
  return static_cast<std::size_t>(middle - leaves.begin());
}

Folded fold(std::span<const Leaf> leaves) {
  if (leaves.size() == 1) return {leaves.front().hash, 0};
  const std::uint32_t bit = proof::split_bit(leaves.front().key(), leaves.back().key());
  const std::size_t middle = middle_of(leaves, bit);
  const Folded left = fold(leaves.first(middle));
  const Folded right = fold(leaves.subspan(middle));
  return {proof::map_inner(left.hash, right.hash), static_cast<std::uint8_t>(std::max(left.height, right.height) + 1)};
}

NodeRef make_twig(std::span<const Leaf> leaves, std::uint32_t split, const Folded& folded) {
  MapTwig* twig = MapTwig::make(leaves);
  const NodeRef ref(twig);
  twig->split = static_cast<std::uint16_t>(split);
  twig->height = folded.height;
  twig->hash = folded.hash;
  return ref;
}

NodeRef make_leaf(const Leaf& leaf) { return make_twig({&leaf, 1}, static_cast<std::uint32_t>(leaf.key().size() * 8), {leaf.hash, 0}); }

// The subtree whose halves differ first in `bit`. Keeps the rule that a twig is maximal.
NodeRef combine(NodeRef left, NodeRef right, std::uint32_t bit) {
  if (!left) return right;
  if (!right) return left;
  const Digest hash = proof::map_inner(left->hash, right->hash);
  const std::size_t height = std::max<std::size_t>(left->height, right->height) + 1;
  CARELEDGER_ASSERT(height < 255);
  if (left->is_twig() && right->is_twig() && left->leaves + right->leaves <= static_cast<int>(kTwigLeavesMax)) {
    std::vector<Leaf> leaves;
    leaves.reserve(kTwigLeavesMax);
    left->twig().append_to(leaves);
    right->twig().append_to(leaves);
    return make_twig(leaves, bit, {hash, static_cast<std::uint8_t>(height)});
  }
  auto* inner = new MapInner;
  const NodeRef ref(inner);
  inner->split = static_cast<std::uint16_t>(bit);
  inner->height = static_cast<std::uint8_t>(height);
  inner->hash = hash;
  inner->first = &first_twig(*left.get());
  inner->left = std::move(left);
  inner->right = std::move(right);
  return ref;
}

NodeRef plant(std::span<const Leaf> leaves) {
  if (leaves.empty()) return {};
  if (leaves.size() == 1) return make_leaf(leaves.front());
  const std::uint32_t bit = proof::split_bit(leaves.front().key(), leaves.back().key());
  if (leaves.size() <= kTwigLeavesMax) return make_twig(leaves, bit, fold(leaves));
  const std::size_t middle = middle_of(leaves, bit);
  return combine(plant(leaves.first(middle)), plant(leaves.subspan(middle)), bit);
}

using Changes = std::span<const RowChange>;

// One update: the threads, and the first error of any of them.
class Update {
 public:
  explicit Update(Workers& workers) : workers_(workers) {}

  // All changes share with `node` every bit before its parent's split. They ascend, so the first and the last of them tell whether all
  // share the node's own prefix as well.
  NodeRef apply(const NodeRef& node, Changes changes) {
    if (changes.empty()) return node;
    if (!node) return plant_new(changes);
    const ByteView first = first_key(*node.get());
    const std::uint32_t apart = std::min(common_bits(changes.front().key, first), common_bits(changes.back().key, first));
    if (apart < node->split) {
      const std::size_t middle = middle_of(changes, apart);
      if (proof::key_bit(first, apart)) return combine(plant_new(changes.first(middle)), apply(node, changes.subspan(middle)), apart);
      return combine(apply(node, changes.first(middle)), plant_new(changes.subspan(middle)), apart);
    }
    if (node->is_twig()) return merge(node->twig(), changes);
    return descend(node, changes);
  }
  std::optional<Error> error() {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  static std::size_t middle_of(Changes changes, std::uint32_t bit) {
    const auto middle =
        std::partition_point(changes.begin(), changes.end(), [bit](const RowChange& change) { return !proof::key_bit(change.key, bit); });
    return static_cast<std::size_t>(middle - changes.begin());
  }
  void expect(bool agrees, ByteView key) {
    if (agrees) return;
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = disagreement(key);
  }

  NodeRef plant_new(Changes changes) {
    std::vector<Leaf> leaves;
    leaves.reserve(changes.size());
    for (const RowChange& change : changes) {
      expect(!change.before, change.key);
      if (change.value) leaves.emplace_back(change.key, proof::map_leaf(change.key, *change.value));
    }
    return plant(leaves);
  }

  NodeRef descend(const NodeRef& node, Changes changes) {
    const MapInner& inner = node->inner();
    const std::size_t middle = middle_of(changes, inner.split);
    NodeRef left;
    NodeRef right;
    if (changes.size() < kForkChanges || middle == 0 || middle == changes.size()) {
      left = apply(inner.left, changes.first(middle));
      right = apply(inner.right, changes.subspan(middle));
    } else {
      workers_.both([&] { left = apply(inner.left, changes.first(middle)); }, [&] { right = apply(inner.right, changes.subspan(middle)); });
    }
    if (left == inner.left && right == inner.right) return node;
    return combine(std::move(left), std::move(right), inner.split);
  }

  NodeRef merge(const MapTwig& twig, Changes changes) {
    std::vector<Leaf> leaves;
    leaves.reserve(2 * kTwigLeavesMax + changes.size());
    twig.append_to(leaves);
    const std::size_t old = leaves.size();
    std::size_t kept = 0;
    for (const RowChange& change : changes) {
      for (; kept != old && leaves[kept].key() < change.key; ++kept) leaves.push_back(leaves[kept]);
      const bool there = kept != old && leaves[kept].key() == change.key;
      expect(there == change.before.has_value() && (!there || proof::map_leaf(change.key, *change.before) == leaves[kept].hash),
             change.key);
      kept += there ? 1 : 0;
      if (change.value) leaves.emplace_back(change.key, proof::map_leaf(change.key, *change.value));
    }
    for (; kept != old; ++kept) leaves.push_back(leaves[kept]);
    return plant(std::span<const Leaf>(leaves).subspan(old));
  }

  Workers& workers_;
  std::mutex mutex_;
  std::optional<Error> error_;
};

// Grows a tree from rows in ascending order: a stack of finished subtrees, as proof::MapFold keeps hashes.
class Planting {
 public:
  void add(NodeRef node, ByteView first, ByteView last) {
    std::uint32_t bit = 0;
    if (!stack_.empty()) {
      bit = proof::split_bit(last_, first);
      while (stack_.size() > 1 && stack_.back().bit > bit) close();
    }
    stack_.push_back({bit, std::move(node)});
    last_.assign(last);
  }
  NodeRef finish() {
    while (stack_.size() > 1) close();
    return stack_.empty() ? NodeRef() : std::move(stack_.front().node);
  }
  const Bytes& last() const { return last_; }

 private:
  struct Item {
    std::uint32_t bit;
    NodeRef node;
  };
  void close() {
    Item right = std::move(stack_.back());
    stack_.pop_back();
    stack_.back().node = combine(std::move(stack_.back().node), std::move(right.node), right.bit);
  }
  std::vector<Item> stack_;
  Bytes last_;
};

struct Part {  // of the keys that start with a space byte and two given bits: a whole subtree
  storage::Range range;
  NodeRef node;
  Bytes first;
  Bytes last;
  Result<void> status;
};

void build_part(RowSource rows, Part& part) {
  const auto at = rows.reader->iterate(rows.column, part.range);
  Planting planting;
  for (at->seek_first(); at->valid(); at->next()) {
    const ByteView key = at->key();
    const bool fits = key.size() <= kNodeKeyMax && (part.first.empty() || proof::splittable(planting.last(), key));
    if (!fits) {
      part.status = tl::make_unexpected(disagreement(key));
      return;
    }
    if (part.first.empty()) part.first.assign(key);
    planting.add(make_leaf({key, proof::map_leaf(key, at->value())}), key, key);
  }
  part.status = at->status();
  part.last = planting.last();
  part.node = planting.finish();
}

Result<std::vector<Part>> parts_of(RowSource rows) {
  std::vector<Part> parts;
  const auto at = rows.reader->iterate(rows.column, storage::Range::all());
  at->seek_first();
  while (at->valid()) {
    if (at->key().empty()) return tl::make_unexpected(disagreement({}));
    const Bytes space(at->key().substr(0, 1));
    const Bytes after = storage::Range::prefix(space).until;
    Bytes from = space;
    for (int quarter = 1; quarter <= 4; ++quarter) {
      Bytes until = quarter == 4 ? after : space + static_cast<char>(quarter * 64);
      parts.push_back({{from, until}, {}, {}, {}, {}});
      from = std::move(until);
    }
    if (after.empty()) break;
    at->seek(after);
  }
  CARELEDGER_CHECK(at->status());
  return parts;
}

const MapTwig* twig_towards(const MapNode* node, ByteView key) {  // the only twig that could hold the key
  while (!node->is_twig()) node = (proof::key_bit(key, node->split) ? node->inner().right : node->inner().left).get();
  return &node->twig();
}

}  // namespace

void steps_in_twig(std::span<const Leaf> leaves, ByteView key, std::vector<proof::MapStep>& steps) {
  while (leaves.size() > 1) {
    const std::uint32_t bit = proof::split_bit(leaves.front().key(), leaves.back().key());
    const std::size_t middle = middle_of(leaves, bit);
    const bool right = proof::key_bit(key, bit);
    steps.push_back({bit, fold(right ? leaves.first(middle) : leaves.subspan(middle)).hash});
    leaves = right ? leaves.subspan(middle) : leaves.first(middle);
  }
}

Result<StateTree> StateTree::build(RowSource rows, Workers& workers) {
  CARELEDGER_TRY(std::vector<Part> parts, parts_of(rows));
  workers.each(parts.size(), [&](std::size_t i) { build_part(rows, parts[i]); });
  Planting planting;
  for (Part& part : parts) {
    CARELEDGER_CHECK(part.status);
    if (part.node) planting.add(std::move(part.node), part.first, part.last);
  }
  return StateTree(planting.finish());
}

Digest StateTree::root() const { return root_ ? root_->hash : proof::map_empty_root(); }

Result<StateTree> StateTree::apply(std::span<const RowChange> changes, Workers& workers) const {
  Update update(workers);
  NodeRef root = update.apply(root_, changes);
  if (auto error = update.error()) return tl::make_unexpected(std::move(*error));
  return StateTree(std::move(root));
}

std::size_t StateTree::depth_with(ByteView key) const {
  if (!root_) return 0;
  const MapTwig* twig = twig_towards(root_.get(), key);
  const std::uint32_t apart = common_bits(key, twig->first_key());
  std::size_t above = 0;
  const MapNode* node = root_.get();
  for (; !node->is_twig() && node->split < apart; ++above)
    node = (proof::key_bit(key, node->split) ? node->inner().right : node->inner().left).get();
  if (node->is_twig() && node->leaves == 1 && apart == node->split) return above;  // the row is there
  return above + 1 + node->height;
}

}  // namespace careledger::replica
