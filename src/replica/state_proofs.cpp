#include <algorithm>

#include "replica/state_tree.h"
#include "replica/twig.h"

namespace careledger::replica {
namespace {

// Where a key stands, or would: in the twig that shares its prefix, or between the rows of the twigs beside it.
struct Place {
  const MapTwig* around = nullptr;
  const MapTwig* before = nullptr;
  const MapTwig* after = nullptr;
};

const MapTwig& last_twig(const MapNode& node) {
  const MapNode* at = &node;
  while (!at->is_twig()) at = at->inner().right.get();
  return at->twig();
}

Place place_of(const MapNode* node, ByteView key) {
  Place place;
  const MapNode* before = nullptr;
  const MapNode* after = nullptr;
  for (;;) {
    const std::uint32_t apart = common_bits(key, first_key(*node));
    if (apart < node->split) {  // everything beneath lies on one side of the key
      (proof::key_bit(key, apart) ? before : after) = node;
      break;
    }
    if (node->is_twig()) {
      place.around = &node->twig();
      break;
    }
    const MapInner& inner = node->inner();
    const bool right = proof::key_bit(key, node->split);
    (right ? before : after) = (right ? inner.left : inner.right).get();
    node = (right ? inner.right : inner.left).get();
  }
  if (before != nullptr) place.before = &last_twig(*before);
  if (after != nullptr) place.after = &first_twig(*after);
  return place;
}

using Leaves = std::vector<Leaf>;

Leaves leaves_of(const MapTwig& twig) {
  Leaves leaves;
  leaves.reserve(kTwigLeavesMax);
  twig.append_to(leaves);
  return leaves;
}

std::size_t lower_bound(const Leaves& leaves, ByteView key) {
  const auto at = std::lower_bound(leaves.begin(), leaves.end(), key, [](const Leaf& leaf, ByteView k) { return leaf.key() < k; });
  return static_cast<std::size_t>(at - leaves.begin());
}

Result<Bytes> value_of(RowSource rows, const Leaf& leaf) {
  if (rows.shown != nullptr)
    if (const auto known = rows.shown->find(leaf.hash)) return **known;
  CARELEDGER_TRY(auto value, rows.reader->get(rows.column, leaf.key()));
  if (!value || proof::map_leaf(leaf.key(), *value) != leaf.hash) return tl::make_unexpected(disagreement(leaf.key()));
  if (rows.shown != nullptr) rows.shown->keep(leaf.hash, std::make_shared<const Bytes>(*value), sizeof(Digest) + value->size());
  return std::move(*value);
}

Result<proof::MapPath> path_to(const MapNode* node, RowSource rows, const Leaves& leaves, std::size_t at) {
  const Leaf& leaf = leaves[at];
  proof::MapPath path{Bytes(leaf.key()), {}, {}};
  CARELEDGER_TRY(path.value, value_of(rows, leaf));
  while (!node->is_twig()) {
    const bool right = proof::key_bit(path.key, node->split);
    const MapInner& inner = node->inner();
    path.steps.push_back({node->split, (right ? inner.left : inner.right)->hash});
    node = (right ? inner.right : inner.left).get();
  }
  steps_in_twig(leaves, path.key, path.steps);
  std::reverse(path.steps.begin(), path.steps.end());
  return path;
}

// The path of a row that an iterator has just shown.
Result<proof::MapPath> path_of(const StateTree& tree, RowSource rows, ByteView key) {
  CARELEDGER_TRY(auto path, tree.path(rows, key));
  if (!path) return fail(ErrorKind::corrupt, "state: the row at key " + to_hex(key) + " is not in the Merkle map");
  return std::move(*path);
}

}  // namespace

Result<std::optional<proof::MapPath>> StateTree::path(RowSource rows, ByteView key) const {
  if (!root_) return std::optional<proof::MapPath>{};
  const MapTwig* const around = place_of(root_.get(), key).around;
  if (around == nullptr) return std::optional<proof::MapPath>{};
  const Leaves leaves = leaves_of(*around);
  const std::size_t at = lower_bound(leaves, key);
  if (at == leaves.size() || leaves[at].key() != key) return std::optional<proof::MapPath>{};
  CARELEDGER_TRY(auto path, path_to(root_.get(), rows, leaves, at));
  return std::optional(std::move(path));
}

Result<proof::MapNeighbours> StateTree::neighbours(RowSource rows, ByteView key) const {
  proof::MapNeighbours out;
  if (!root_) return out;
  const Place place = place_of(root_.get(), key);
  if (place.around != nullptr) {
    const Leaves leaves = leaves_of(*place.around);
    const std::size_t at = lower_bound(leaves, key);
    if (at < leaves.size() && leaves[at].key() == key) {
      CARELEDGER_TRY(out.at, path_to(root_.get(), rows, leaves, at));
      return out;
    }
    if (at > 0) {
      CARELEDGER_TRY(out.before, path_to(root_.get(), rows, leaves, at - 1));
    }
    if (at < leaves.size()) {
      CARELEDGER_TRY(out.after, path_to(root_.get(), rows, leaves, at));
    }
  }
  if (!out.before && place.before != nullptr) {
    const Leaves leaves = leaves_of(*place.before);
    CARELEDGER_TRY(out.before, path_to(root_.get(), rows, leaves, leaves.size() - 1));
  }
  if (!out.after && place.after != nullptr) {
    CARELEDGER_TRY(out.after, path_to(root_.get(), rows, leaves_of(*place.after), 0));
  }
  return out;
}

Result<proof::MapCut> StateTree::prove(RowSource rows, std::span<const Bytes> keys) const {
  std::vector<proof::CutLeaf> leaves;
  for (const Bytes& key : keys) {
    CARELEDGER_TRY(proof::MapNeighbours found, neighbours(rows, key));
    if (found.at) leaves.push_back({std::move(*found.at), true});
    if (found.before) leaves.push_back({std::move(*found.before), false});
    if (found.after) leaves.push_back({std::move(*found.after), false});
  }
  return proof::cut_of(std::move(leaves));
}

Result<StateTree::RangeCut> StateTree::prove_range(RowSource rows, const storage::Range& range, std::size_t limit,
                                                   std::size_t bytes_max) const {
  RangeCut out;
  const auto at = rows.reader->iterate(rows.column, storage::Range::all());
  std::vector<proof::MapRow> inside;
  std::optional<Bytes> before;
  std::optional<Bytes> after;
  std::size_t bytes = 0;
  at->seek(range.from);
  for (; at->valid() && (range.until.empty() || at->key() < range.until); at->next()) {
    if (inside.size() >= limit || (!inside.empty() && bytes >= bytes_max)) {
      out.next.assign(at->key());
      break;
    }
    bytes += at->key().size() + at->value().size();
    inside.push_back({Bytes(at->key()), Bytes(at->value())});
  }
  CARELEDGER_CHECK(at->status());
  if (at->valid()) after = Bytes(at->key());
  at->seek_backward(range.from);
  if (at->valid() && at->key() == range.from) at->prev();
  CARELEDGER_CHECK(at->status());
  if (at->valid()) before = Bytes(at->key());

  out.rows = inside.size();
  std::vector<proof::CutLeaf> ends;
  std::span<const proof::MapRow> between = inside;
  for (const bool left : {true, false}) {
    const std::optional<Bytes>& outside = left ? before : after;
    if (outside) {
      CARELEDGER_TRY(auto path, path_of(*this, rows, *outside));
      ends.push_back({std::move(path), false});
    } else if (!between.empty()) {
      CARELEDGER_TRY(auto path, path_of(*this, rows, left ? between.front().key : between.back().key));
      ends.push_back({std::move(path), true});
      between = left ? between.subspan(1) : between.first(between.size() - 1);
    }
  }
  out.cut = ends.size() == 2 ? proof::cut_of_run(ends[0], between, ends[1]) : proof::cut_of(std::move(ends));
  return out;
}

}  // namespace careledger::replica
