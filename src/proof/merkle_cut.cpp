// Cuts: made from paths, verified into views.
#include <algorithm>

#include "base/assert.h"
#include "crypto/hash.h"
#include "proof/merkle_map.h"

namespace careledger::proof {
namespace {

// One leaf of the cut to be made; rows inside a run have no path, their place follows from their neighbours.
struct Place {
  ByteView key;
  ByteView value;
  bool show;
  const std::vector<MapStep>* steps;  // nullptr inside a run
};

class CutMaker {
 public:
  explicit CutMaker(std::span<const Place> places) : places_(places) {}

  MapCut make() {
    if (!places_.empty()) add(0, places_.size(), 0);
    return std::move(cut_);
  }

 private:
  // Everything below the inner node at `depth` that holds places [from, to).
  void add(std::size_t from, std::size_t to, std::size_t depth) {
    const MapStep* step = step_at(from, to, depth);
    if (step == nullptr && to - from == 1) return add_leaf(places_[from]);
    const std::uint32_t bit = step != nullptr ? step->bit : split_bit(places_[from].key, places_[to - 1].key);
    const auto begin = places_.begin();
    const auto at = [begin](std::size_t i) { return begin + static_cast<std::ptrdiff_t>(i); };
    const auto middle = std::partition_point(at(from), at(to), [bit](const Place& place) { return !key_bit(place.key, bit); });
    const auto split = static_cast<std::size_t>(middle - begin);
    cut_.shape.push_back(true);
    add_half(from, split, depth + 1, step);
    add_half(split, to, depth + 1, step);
  }

  void add_half(std::size_t from, std::size_t to, std::size_t depth, const MapStep* step) {
    if (from != to) return add(from, to, depth);
    CARELEDGER_ASSERT(step != nullptr);
    cut_.shape.push_back(false);
    cut_.entries.emplace_back(step->sibling);
  }

  // The step of any place with a path: those with one agree. nullptr when only rows without a path, or a leaf at its end, are left.
  const MapStep* step_at(std::size_t from, std::size_t to, std::size_t depth) const {
    for (const Place* place : {&places_[from], &places_[to - 1]}) {
      if (place->steps != nullptr && depth < place->steps->size()) return &(*place->steps)[place->steps->size() - 1 - depth];
    }
    return nullptr;
  }

  void add_leaf(const Place& place) {
    cut_.shape.push_back(false);
    MapLeaf leaf{Bytes(place.key), crypto::sha256(place.value), std::nullopt};
    if (place.show) leaf.value = Bytes(place.value);
    cut_.entries.emplace_back(std::move(leaf));
  }

  std::span<const Place> places_;
  MapCut cut_;
};

}  // namespace

MapCut cut_of(std::vector<CutLeaf> leaves) {
  std::sort(leaves.begin(), leaves.end(), [](const CutLeaf& a, const CutLeaf& b) { return a.path.key < b.path.key; });
  std::vector<Place> places;
  for (const CutLeaf& leaf : leaves) {
    if (!places.empty() && places.back().key == ByteView(leaf.path.key)) {
      places.back().show = places.back().show || leaf.show;
      continue;
    }
    places.push_back({leaf.path.key, leaf.path.value, leaf.show, &leaf.path.steps});
  }
  return CutMaker(places).make();
}

MapCut cut_of_run(const CutLeaf& first, std::span<const MapRow> between, const CutLeaf& last) {
  std::vector<Place> places;
  places.reserve(between.size() + 2);
  places.push_back({first.path.key, first.path.value, first.show, &first.path.steps});
  for (const MapRow& row : between) places.push_back({row.key, row.value, true, nullptr});
  if (last.path.key != first.path.key) places.push_back({last.path.key, last.path.value, last.show, &last.path.steps});
  return CutMaker(places).make();
}

// Walks a cut's shape in preorder, hashing it and noting leaves and gaps.
class CutReader {
 public:
  CutReader(const MapCut& cut, MapView& view) : cut_(cut), view_(view) {}

  Result<Digest> read() {
    CARELEDGER_TRY(const Node node, node_at(0));
    if (next_bit_ != cut_.shape.size() || next_entry_ != cut_.entries.size()) {
      return fail(ErrorKind::invalid, "map proof: more in it than its shape has room for");
    }
    view_.gap_before_.push_back(gap_);
    return node.hash;
  }

 private:
  struct Node {
    Digest hash;
    bool closed;  // a subtree that is only a hash
  };

  Result<Node> node_at(std::size_t depth) {
    if (next_bit_ >= cut_.shape.size()) return fail(ErrorKind::invalid, "map proof: the shape ends too early");
    if (depth > kMaxProofDepth) return fail(ErrorKind::invalid, "map proof: deeper than 128");
    if (!cut_.shape[next_bit_++]) return entry();
    CARELEDGER_TRY(const Node left, node_at(depth + 1));
    CARELEDGER_TRY(const Node right, node_at(depth + 1));
    if (left.closed && right.closed) return fail(ErrorKind::invalid, "map proof: a subtree is opened for nothing");
    return Node{map_inner(left.hash, right.hash), false};
  }

  Result<Node> entry() {
    if (next_entry_ >= cut_.entries.size()) return fail(ErrorKind::invalid, "map proof: fewer entries than its shape has");
    const MapEntry& entry = cut_.entries[next_entry_++];
    if (const auto* hash = std::get_if<Digest>(&entry)) {
      gap_ = true;
      return Node{*hash, true};
    }
    const MapLeaf& leaf = std::get<MapLeaf>(entry);
    if (leaf.key.empty() || leaf.key.size() > kMaxMapKey) return fail(ErrorKind::invalid, "map proof: a key's length is wrong");
    if (!view_.leaves_.empty() && !(view_.leaves_.back().key < leaf.key && splittable(view_.leaves_.back().key, leaf.key))) {
      return fail(ErrorKind::invalid, "map proof: keys out of order");
    }
    if (leaf.value && crypto::sha256(*leaf.value) != leaf.value_hash) {
      return fail(ErrorKind::invalid, "map proof: a value and its hash differ");
    }
    view_.gap_before_.push_back(gap_);
    view_.leaves_.push_back(leaf);
    gap_ = false;
    return Node{map_leaf_hashed(leaf.key, leaf.value_hash), false};
  }

  const MapCut& cut_;
  MapView& view_;
  std::size_t next_bit_ = 0;
  std::size_t next_entry_ = 0;
  bool gap_ = false;
};

Result<MapView> MapView::verify(const MapCut& cut, const Digest& root) {
  MapView view;
  if (cut.shape.empty() && cut.entries.empty()) {
    if (root != map_empty_root()) return fail(ErrorKind::invalid, "map proof: the map is not empty");
    view.gap_before_.push_back(false);
    return view;
  }
  CARELEDGER_TRY(const Digest reached, CutReader(cut, view).read());
  if (reached != root) return fail(ErrorKind::invalid, "map proof: leads to another root");
  return view;
}

std::size_t MapView::lower_bound(ByteView key) const {
  const auto at = std::lower_bound(leaves_.begin(), leaves_.end(), key, [](const MapLeaf& leaf, ByteView k) { return leaf.key < k; });
  return static_cast<std::size_t>(at - leaves_.begin());
}

const MapLeaf* MapView::find(ByteView key) const {
  const std::size_t at = lower_bound(key);
  return at < leaves_.size() && leaves_[at].key == key ? &leaves_[at] : nullptr;
}

MapView::Known MapView::look(ByteView key) const {
  const std::size_t at = lower_bound(key);
  if (at < leaves_.size() && leaves_[at].key == key) return leaves_[at].value ? Known::present : Known::hash_only;
  return gap_before_[at] ? Known::unknown : Known::absent;
}

Result<std::span<const MapLeaf>> MapView::range(ByteView first, ByteView last) const {
  if (!last.empty() && last < first) return fail(ErrorKind::invalid, "map proof: the range ends before it begins");
  const std::size_t from = lower_bound(first);
  const std::size_t to = last.empty() ? leaves_.size() : lower_bound(last);
  for (std::size_t i = from; i <= to; ++i) {
    if (gap_before_[i]) return fail(ErrorKind::invalid, "map proof: the range may not be complete");
  }
  return std::span(leaves_).subspan(from, to - from);
}

bool MapView::exactly(std::span<const Bytes> present, std::span<const Bytes> absent) const {
  std::vector<bool> needed(leaves_.size(), false);
  for (const Bytes& key : absent) {
    const std::size_t after = lower_bound(key);
    if (after < leaves_.size()) needed[after] = true;
    if (after > 0) needed[after - 1] = true;
  }
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    const bool shown = std::find(present.begin(), present.end(), leaves_[i].key) != present.end();
    if (shown != leaves_[i].value.has_value() || (!shown && !needed[i])) return false;
  }
  return true;
}

bool MapView::exactly_range(ByteView first, ByteView last) const {
  const std::size_t from = lower_bound(first);
  const std::size_t to = last.empty() ? leaves_.size() : lower_bound(last);
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    const bool inside = i >= from && i < to;
    if (inside != leaves_[i].value.has_value()) return false;
  }
  return from <= 1 && leaves_.size() - to <= 1;
}

}  // namespace careledger::proof
