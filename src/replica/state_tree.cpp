#include "replica/state_tree.h"

#include <algorithm>
#include <bit>
#include <mutex>

#include "crypto/hash.h"

namespace careledger::replica {
namespace {

constexpr std::size_t kForkChanges = 64;  // fewer are not worth another thread

struct Leaf {
  Bytes key;
  Digest hash;
};

std::uint32_t common_bits(ByteView a, ByteView b) {  // of keys that may be equal
  const std::size_t shorter = std::min(a.size(), b.size());
  std::size_t at = 0;
  while (at < shorter && a[at] == b[at]) ++at;
  if (at == shorter) return static_cast<std::uint32_t>(shorter * 8);
  return static_cast<std::uint32_t>(at * 8) + static_cast<std::uint32_t>(std::countl_zero(static_cast<std::uint8_t>(a[at] ^ b[at])));
}

struct Folded {
  Digest hash;
  std::uint8_t height = 0;
};

std::size_t middle_of(std::span<const Leaf> leaves, std::uint32_t bit) {
  const auto middle =
      std::partition_point(leaves.begin(), leaves.end(), [bit](const Leaf& leaf) { return !proof::key_bit(leaf.key, bit); });
  return static_cast<std::size_t>(middle - leaves.begin());
}

Folded fold(std::span<const Leaf> leaves) {
  if (leaves.size() == 1) return {leaves.front().hash, 0};
  const std::uint32_t bit = proof::split_bit(leaves.front().key, leaves.back().key);
  const std::size_t middle = middle_of(leaves, bit);
  const Folded left = fold(leaves.first(middle));
  const Folded right = fold(leaves.subspan(middle));
  return {proof::map_inner(left.hash, right.hash), static_cast<std::uint8_t>(std::max(left.height, right.height) + 1)};
}

NodeRef make_twig(ByteView first, std::uint32_t split, std::size_t leaves, const Folded& folded) {
  CARELEDGER_ASSERT(first.size() <= kNodeKeyMax && leaves <= kTwigLeavesMax);
  auto* twig = new MapTwig;
  const NodeRef ref(twig);
  twig->split = static_cast<std::uint16_t>(split);
  twig->leaves = static_cast<std::uint8_t>(leaves);
  twig->height = folded.height;
  twig->hash = folded.hash;
  twig->key_size = static_cast<std::uint8_t>(first.size());
  std::memcpy(twig->key, first.data(), first.size());
  return ref;
}

NodeRef make_leaf(const Leaf& leaf) { return make_twig(leaf.key, static_cast<std::uint32_t>(leaf.key.size() * 8), 1, {leaf.hash, 0}); }

// The subtree whose halves differ first in `bit`. Keeps the rule that a twig is maximal.
NodeRef combine(NodeRef left, NodeRef right, std::uint32_t bit) {
  if (!left) return right;
  if (!right) return left;
  const Digest hash = proof::map_inner(left->hash, right->hash);
  const std::size_t height = std::max<std::size_t>(left->height, right->height) + 1;
  CARELEDGER_ASSERT(height < 255);
  if (left->is_twig() && right->is_twig() && left->leaves + right->leaves <= static_cast<int>(kTwigLeavesMax)) {
    const std::size_t leaves = static_cast<std::size_t>(left->leaves) + right->leaves;
    return make_twig(left->twig().first_key(), bit, leaves, {hash, static_cast<std::uint8_t>(height)});
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
  const std::uint32_t bit = proof::split_bit(leaves.front().key, leaves.back().key);
  if (leaves.size() <= kTwigLeavesMax) return make_twig(leaves.front().key, bit, leaves.size(), fold(leaves));
  const std::size_t middle = middle_of(leaves, bit);
  return combine(plant(leaves.first(middle)), plant(leaves.subspan(middle)), bit);
}

Error disagreement(ByteView key) {
  return {ErrorKind::corrupt, "state: the rows at key " + to_hex(key) + " do not give the hash that was computed when they were written"};
}

// Reads a twig's rows and checks them against its hash.
Result<std::vector<proof::MapRow>> rows_of(const MapTwig& twig, storage::Iterator& at) {
  std::vector<proof::MapRow> rows;
  rows.reserve(twig.leaves);
  for (at.seek(twig.first_key()); at.valid() && rows.size() < twig.leaves; at.next()) rows.push_back({Bytes(at.key()), Bytes(at.value())});
  CARELEDGER_CHECK(at.status());
  if (rows.size() < twig.leaves || rows.front().key != twig.first_key()) return tl::make_unexpected(disagreement(twig.first_key()));
  return rows;
}

Result<std::vector<Leaf>> leaves_of(const MapTwig& twig, storage::Iterator& at) {
  std::vector<Leaf> leaves;
  leaves.reserve(kTwigLeavesMax + 2);
  for (at.seek(twig.first_key()); at.valid() && leaves.size() < twig.leaves; at.next()) {
    if (!leaves.empty() && !proof::splittable(leaves.back().key, at.key())) break;
    leaves.push_back({Bytes(at.key()), proof::map_leaf(at.key(), at.value())});
  }
  CARELEDGER_CHECK(at.status());
  if (leaves.size() < twig.leaves || leaves.front().key != twig.first_key() || fold(leaves).hash != twig.hash)
    return tl::make_unexpected(disagreement(twig.first_key()));
  return leaves;
}

using Changes = std::span<const RowChange>;

// One update: the rows below, the threads, and the first error of any of them.
class Update {
 public:
  Update(RowSource rows, Workers& workers) : rows_(rows), workers_(workers) {}

  NodeRef run(const NodeRef& node, Changes changes) {
    const auto at = rows_.reader->iterate(rows_.column, storage::Range::all());
    return apply(node, changes, *at);
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
  static NodeRef plant_new(Changes changes) {
    std::vector<Leaf> leaves;
    for (const RowChange& change : changes)
      if (change.value) leaves.push_back({Bytes(change.key), proof::map_leaf(change.key, *change.value)});
    return plant(leaves);
  }

  // All changes share with `node` every bit before its parent's split. They ascend, so the first and the last of them tell whether all
  // share the node's own prefix as well.
  NodeRef apply(const NodeRef& node, Changes changes, storage::Iterator& at) {
    if (changes.empty()) return node;
    if (!node) return plant_new(changes);
    const ByteView first = first_key(*node.get());
    const std::uint32_t apart = std::min(common_bits(changes.front().key, first), common_bits(changes.back().key, first));
    if (apart < node->split) {
      const std::size_t middle = middle_of(changes, apart);
      if (proof::key_bit(first, apart)) return combine(plant_new(changes.first(middle)), apply(node, changes.subspan(middle), at), apart);
      return combine(apply(node, changes.first(middle), at), plant_new(changes.subspan(middle)), apart);
    }
    if (node->is_twig()) return merge(node, changes, at);
    return descend(node, changes, at);
  }

  NodeRef descend(const NodeRef& node, Changes changes, storage::Iterator& at) {
    const MapInner& inner = node->inner();
    const std::size_t middle = middle_of(changes, inner.split);
    NodeRef left;
    NodeRef right;
    if (changes.size() < kForkChanges || middle == 0 || middle == changes.size()) {
      left = apply(inner.left, changes.first(middle), at);
      right = apply(inner.right, changes.subspan(middle), at);
    } else {
      workers_.both([&] { left = apply(inner.left, changes.first(middle), at); },
                    [&] { right = run(inner.right, changes.subspan(middle)); });
    }
    if (left == inner.left && right == inner.right) return node;
    return combine(std::move(left), std::move(right), inner.split);
  }

  NodeRef merge(const NodeRef& node, Changes changes, storage::Iterator& at) {
    auto old = leaves_of(node->twig(), at);
    if (!old) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::move(old.error());
      return node;
    }
    std::vector<Leaf> leaves;
    leaves.reserve(old->size() + changes.size());
    auto kept = old->begin();
    for (const RowChange& change : changes) {
      for (; kept != old->end() && ByteView(kept->key) < change.key; ++kept) leaves.push_back(std::move(*kept));
      if (kept != old->end() && ByteView(kept->key) == change.key) ++kept;
      if (change.value) leaves.push_back({Bytes(change.key), proof::map_leaf(change.key, *change.value)});
    }
    for (; kept != old->end(); ++kept) leaves.push_back(std::move(*kept));
    return plant(leaves);
  }

  RowSource rows_;
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
    planting.add(make_leaf({Bytes(key), proof::map_leaf(key, at->value())}), key, key);
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

// A row's steps inside its twig, lowest last.
void steps_in_twig(std::span<const Leaf> leaves, ByteView key, std::vector<proof::MapStep>& steps) {
  while (leaves.size() > 1) {
    const std::uint32_t bit = proof::split_bit(leaves.front().key, leaves.back().key);
    const std::size_t middle = middle_of(leaves, bit);
    const bool right = proof::key_bit(key, bit);
    steps.push_back({bit, fold(right ? leaves.first(middle) : leaves.subspan(middle)).hash});
    leaves = right ? leaves.subspan(middle) : leaves.first(middle);
  }
}

}  // namespace

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

Result<StateTree> StateTree::apply(RowSource rows, std::span<const RowChange> changes, Workers& workers) const {
  if (changes.empty()) return *this;
  Update update(rows, workers);
  NodeRef root = update.run(root_, changes);
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

Result<std::optional<proof::MapPath>> StateTree::path(RowSource rows, ByteView key) const {
  if (!root_) return std::optional<proof::MapPath>{};
  std::vector<proof::MapStep> steps;
  const MapNode* node = root_.get();
  while (!node->is_twig()) {
    const bool right = proof::key_bit(key, node->split);
    const MapInner& inner = node->inner();
    steps.push_back({node->split, (right ? inner.left : inner.right)->hash});
    node = (right ? inner.right : inner.left).get();
  }
  const auto at = rows.reader->iterate(rows.column, storage::Range::all());
  CARELEDGER_TRY(const auto twig_rows, rows_of(node->twig(), *at));
  std::vector<Leaf> leaves;
  const proof::MapRow* found = nullptr;
  for (const proof::MapRow& row : twig_rows) {
    leaves.push_back({row.key, proof::map_leaf(row.key, row.value)});
    if (row.key == key) found = &row;
  }
  if (fold(leaves).hash != node->hash) return tl::make_unexpected(disagreement(node->twig().first_key()));
  if (found == nullptr) return std::optional<proof::MapPath>{};
  steps_in_twig(leaves, key, steps);
  std::reverse(steps.begin(), steps.end());
  return std::optional<proof::MapPath>({found->key, found->value, std::move(steps)});
}

}  // namespace careledger::replica
