#include "vault/audit_tree.h"

#include "base/assert.h"
#include "vault/encoding.h"

namespace careledger::vault {

using proof::MapPath;
using proof::MapStep;

namespace {
constexpr std::uint32_t kMarked = 0x8000;  // beside a bit's number in a stored spine
}

void Spine::merge_top(const NodeSink& finished) {
  const Item right = items_.back();
  items_.pop_back();
  Item& left = items_.back();
  if (items_.size() == 1) first_way_.push_back({right.bit, right.hash});
  left.marked = left.marked || right.marked;
  if (left.marked && finished) finished({right.bit, left.hash, right.hash});
  left.hash = proof::map_inner(left.hash, right.hash);
}

void Spine::add(ByteView key, const Digest& commitment, const NodeSink& finished) {
  const Digest leaf = proof::map_leaf(key, commitment.view());
  std::uint32_t bit = 0;
  if (size_ == 0) {
    first_key_ = key;
    first_value_ = commitment;
  } else {
    CARELEDGER_ASSERT(ByteView(last_key_) < key);
    bit = proof::split_bit(last_key_, key);
    while (items_.size() > 1 && items_.back().bit > bit) merge_top(finished);
  }
  ++size_;
  items_.push_back({static_cast<std::uint16_t>(bit), size_ % kMarkEvery == 0, leaf});
  last_key_ = key;
  last_value_ = commitment;
}

Digest Spine::root() const {
  Digest hash = items_.back().hash;
  for (std::size_t i = items_.size() - 1; i > 0; --i) hash = proof::map_inner(items_[i - 1].hash, hash);
  return hash;
}

// To the right of an item lies everything after it, joined from the right.
void Spine::steps_above(std::size_t item, std::vector<MapStep>& out) const {
  if (item + 1 < items_.size()) {
    Digest right = items_.back().hash;
    for (std::size_t i = items_.size() - 1; i > item + 1; --i) right = proof::map_inner(items_[i - 1].hash, right);
    out.push_back({items_[item + 1].bit, right});
  }
  for (std::size_t i = item; i > 0; --i) out.push_back({items_[i].bit, items_[i - 1].hash});
}

MapPath Spine::last() const {
  MapPath path{last_key_, last_value_.bytes(), {}};
  steps_above(items_.size() - 1, path.steps);
  return path;
}

MapPath Spine::first() const {
  MapPath path{first_key_, first_value_.bytes(), first_way_};
  steps_above(0, path.steps);
  return path;
}

// The newest leaf splits from every other item where that item's sibling begins.
std::optional<Spine::Way> Spine::way_to(ByteView key) const {
  std::size_t item = items_.size() - 1;
  std::uint32_t bits = static_cast<std::uint32_t>(last_key_.size() * 8);
  if (key != last_key_) {
    const std::uint32_t split = proof::split_bit(key, last_key_);
    while (item > 0 && items_[item].bit != split) --item;
    if (item == 0) return std::nullopt;
    --item;
    bits = split + 1;
  }
  Way way{items_[item].hash, bits, {}};
  steps_above(item, way.steps);
  return way;
}

Bytes Spine::encode() const {
  Bytes out;
  append_varint(out, size_);
  out += first_key_.substr(32) + last_key_.substr(32) + first_value_.bytes() + last_value_.bytes();
  const auto append_step = [&out](std::uint32_t bit, const Digest& hash) {
    append_u16(out, static_cast<std::uint16_t>(bit));
    out += hash.view();
  };
  append_varint(out, items_.size());
  for (const Item& item : items_) append_step(item.bit | (item.marked ? kMarked : 0u), item.hash);
  for (const MapStep& step : first_way_) append_step(step.bit, step.sibling);
  return out;
}

std::optional<Spine> Spine::decode(const Subject& subject, ByteView in) {
  Spine spine;
  const auto size = take_varint(in);
  const auto first = take_bytes(in, 12);
  const auto last = take_bytes(in, 12);
  const auto first_value = take_bytes(in, 32);
  const auto last_value = take_bytes(in, 32);
  const auto items = take_varint(in);
  if (!size || *size == 0 || !first || !last || !first_value || !last_value || !items || *items == 0 || in.size() % 34 != 0 ||
      *items > in.size() / 34) {
    return std::nullopt;
  }
  spine.size_ = *size;
  spine.first_key_ = subject.bytes().append(*first);
  spine.last_key_ = subject.bytes().append(*last);
  spine.first_value_ = *Digest::from(*first_value);
  spine.last_value_ = *Digest::from(*last_value);
  for (std::uint64_t i = 0; !in.empty(); ++i) {
    const std::uint32_t bit = *take_u16(in);
    const Digest hash = *Digest::from(*take_bytes(in, 32));
    if (i < *items) {
      spine.items_.push_back({static_cast<std::uint16_t>(bit & ~kMarked), (bit & kMarked) != 0, hash});
    } else {
      spine.first_way_.push_back({bit, hash});
    }
  }
  return spine;
}

void AuditTree::add(const Subject& subject, ByteView key, const Digest& commitment, const NodeSink& finished) {
  Spine& spine = spines_[subject];
  spine.add(key, commitment, finished);
  touch(subject, &spine);
}

void AuditTree::load(const Subject& subject, Spine spine) {
  const auto placed = spines_.insert_or_assign(subject, std::move(spine)).first;
  touch(subject, &placed->second);
}

// Marks the way to the subject's leaf for rehashing, and makes the leaf when it is new.
void AuditTree::touch(const Subject& subject, Spine* spine) {
  const ByteView key = subject.view();
  if (!top_) {
    leaves_.push_back({subject, {}, spine, true});
    top_ = kLeaf;
    return;
  }
  std::uint32_t at = *top_;
  while ((at & kLeaf) == 0) at = nodes_[at].child[proof::key_bit(key, nodes_[at].bit) ? 1 : 0];
  const Subject& nearest = leaves_[at & ~kLeaf].subject;
  const bool known = nearest == subject;
  const std::uint32_t split = known ? UINT32_MAX : proof::split_bit(nearest.view(), key);
  std::uint32_t* link = &*top_;
  while ((*link & kLeaf) == 0 && nodes_[*link].bit < split) {
    Node& node = nodes_[*link];
    node.dirty = true;
    link = &node.child[proof::key_bit(key, node.bit) ? 1 : 0];
  }
  if (known) {
    leaves_[*link & ~kLeaf].dirty = true;
    return;
  }
  Node inner;
  inner.bit = split;
  const bool right = proof::key_bit(key, split);
  inner.child[right ? 1 : 0] = static_cast<std::uint32_t>(leaves_.size()) | kLeaf;
  inner.child[right ? 0 : 1] = *link;
  leaves_.push_back({subject, {}, spine, true});
  *link = static_cast<std::uint32_t>(nodes_.size());  // before nodes_ may move
  nodes_.push_back(inner);
}

Digest AuditTree::hash_of(std::uint32_t at) {
  if ((at & kLeaf) != 0) {
    Leaf& leaf = leaves_[at & ~kLeaf];
    if (leaf.dirty) leaf.hash = leaf.spine->root();
    leaf.dirty = false;
    return leaf.hash;
  }
  if (nodes_[at].dirty) {
    const Digest left = hash_of(nodes_[at].child[0]);
    const Digest right = hash_of(nodes_[at].child[1]);
    nodes_[at].hash = proof::map_inner(left, right);
    nodes_[at].dirty = false;
  }
  return nodes_[at].hash;
}

Digest AuditTree::root() { return top_ ? hash_of(*top_) : proof::map_empty_root(); }

const Spine* AuditTree::find(const Subject& subject) const {
  const auto found = spines_.find(subject);
  return found == spines_.end() ? nullptr : &found->second;
}

// A path inside a subject's part goes on to the root of the map.
MapPath AuditTree::lifted(const Subject& subject, MapPath path) const {
  std::vector<MapStep> down;
  for (std::uint32_t at = *top_; (at & kLeaf) == 0;) {
    const Node& node = nodes_[at];
    const int side = proof::key_bit(subject.view(), node.bit) ? 1 : 0;
    const std::uint32_t other = node.child[1 - side];
    down.push_back({node.bit, (other & kLeaf) != 0 ? leaves_[other & ~kLeaf].hash : nodes_[other].hash});
    at = node.child[side];
  }
  path.steps.insert(path.steps.end(), down.rbegin(), down.rend());
  return path;
}

proof::MapCut AuditTree::prove(const Subject& subject, std::span<const proof::MapRow> rows, Neighbours beside) const {
  if (spines_.empty()) return proof::cut_of({});
  const auto own = spines_.find(subject);
  const bool whole = !beside.after && !beside.before;
  CARELEDGER_ASSERT(!whole || rows.size() == (own == spines_.end() ? 0 : own->second.size()));
  auto after = spines_.upper_bound(subject);
  auto before = spines_.lower_bound(subject);
  std::optional<proof::CutLeaf> first, last;
  if (beside.after) {
    first = proof::CutLeaf{lifted(subject, std::move(*beside.after)), false};
  } else if (before != spines_.begin()) {
    --before;
    first = proof::CutLeaf{lifted(before->first, before->second.last()), false};
  }
  if (beside.before) last = proof::CutLeaf{lifted(subject, std::move(*beside.before)), false};
  else if (after != spines_.end()) last = proof::CutLeaf{lifted(after->first, after->second.first()), false};
  if (rows.empty()) {
    std::vector<proof::CutLeaf> sides;
    if (first) sides.push_back(std::move(*first));
    if (last) sides.push_back(std::move(*last));
    return proof::cut_of(std::move(sides));
  }
  if (!first) {
    first = proof::CutLeaf{lifted(subject, own->second.first()), true};
    rows = rows.subspan(1);
  }
  if (!last && !rows.empty()) {
    last = proof::CutLeaf{lifted(subject, own->second.last()), true};
    rows = rows.subspan(0, rows.size() - 1);
  }
  return last ? proof::cut_of_run(*first, rows, *last) : proof::cut_of({std::move(*first)});
}

}  // namespace careledger::vault
