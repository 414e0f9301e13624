#include "proof/merkle_map.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "crypto/hash.h"

namespace careledger::proof {

Digest map_leaf_hashed(ByteView key, const Digest& value_hash) {
  CARELEDGER_ASSERT(!key.empty() && key.size() <= kMaxMapKey);
  const char head[2] = {0, static_cast<char>(key.size())};
  return crypto::sha256({ByteView(head, 2), key, ByteView("\x20", 1), value_hash.view()});
}

Digest map_leaf(ByteView key, ByteView value) { return map_leaf_hashed(key, crypto::sha256(value)); }

Digest map_inner(const Digest& left, const Digest& right) { return crypto::sha256({ByteView("\x01", 1), left.view(), right.view()}); }

Digest map_empty_root() { return crypto::sha256(ByteView()); }

bool splittable(ByteView a, ByteView b) {
  const std::size_t shorter = std::min(a.size(), b.size());
  return a.substr(0, shorter) != b.substr(0, shorter);
}

std::uint32_t split_bit(ByteView a, ByteView b) {
  const std::size_t shorter = std::min(a.size(), b.size());
  const auto [left, right] = std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(shorter), b.begin());
  CARELEDGER_ASSERT(left != a.begin() + static_cast<std::ptrdiff_t>(shorter));
  const auto differ = static_cast<std::uint8_t>(*left ^ *right);
  return static_cast<std::uint32_t>((left - a.begin()) * 8 + std::countl_zero(differ));
}

bool key_bit(ByteView key, std::uint32_t bit) {
  return bit / 8 < key.size() && ((static_cast<std::uint8_t>(key[bit / 8]) >> (7 - bit % 8)) & 1) != 0;
}

Digest root_of(const MapPath& path) {
  Digest hash = map_leaf(path.key, path.value);
  for (const MapStep& step : path.steps) {
    hash = key_bit(path.key, step.bit) ? map_inner(step.sibling, hash) : map_inner(hash, step.sibling);
  }
  return hash;
}

Bytes prefix_end(ByteView prefix) {
  Bytes end(prefix);
  while (!end.empty() && static_cast<std::uint8_t>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<std::uint8_t>(end.back()) + 1);
  return end;
}

// ---- fold ----

// The rows form a Cartesian tree over the split bits of neighbours: a smaller bit is nearer to the root. The stack holds finished
// subtrees whose bits ascend; a new row with a smaller bit closes those above it.
void MapFold::add(ByteView key, const Digest& leaf_hash) {
  std::uint32_t bit = 0;
  if (size_ > 0) {
    CARELEDGER_ASSERT(ByteView(last_key_) < key);
    bit = split_bit(last_key_, key);
    while (stack_.size() > 1 && stack_.back().bit > bit) {
      const Digest right = stack_.back().hash;
      stack_.pop_back();
      stack_.back().hash = map_inner(stack_.back().hash, right);
    }
  }
  stack_.push_back({bit, leaf_hash});
  last_key_.assign(key);
  ++size_;
}

Digest MapFold::root() const {
  if (stack_.empty()) return map_empty_root();
  Digest hash = stack_.back().hash;
  for (auto item = stack_.rbegin() + 1; item != stack_.rend(); ++item) hash = map_inner(item->hash, hash);
  return hash;
}

// ---- model ----

namespace {

using Rows = std::map<Bytes, Bytes>;

Digest fold(Rows::const_iterator from, Rows::const_iterator to) {
  MapFold fold;
  for (; from != to; ++from) fold.add(from->first, map_leaf(from->first, from->second));
  return fold.root();
}

}  // namespace

Digest MapModel::root() const { return fold(rows_.begin(), rows_.end()); }

std::optional<MapPath> MapModel::path(ByteView key) const {
  const auto row = rows_.find(Bytes(key));
  if (row == rows_.end()) return std::nullopt;
  MapPath path{row->first, row->second, {}};
  auto from = rows_.begin();
  auto to = rows_.end();
  while (std::next(from) != to) {  // from the root down: [from, to) always holds the row
    const std::uint32_t bit = split_bit(from->first, std::prev(to)->first);
    const auto middle = std::partition_point(from, to, [bit](const auto& item) { return !key_bit(item.first, bit); });
    const bool right = key_bit(key, bit);
    path.steps.push_back({bit, right ? fold(from, middle) : fold(middle, to)});
    (right ? from : to) = middle;
  }
  std::reverse(path.steps.begin(), path.steps.end());
  return path;
}

std::size_t MapModel::depth(ByteView key) const {
  MapModel with = *this;
  if (!with.rows_.contains(Bytes(key))) with.put(key, "x");
  std::size_t depth = 0;
  auto from = with.rows_.begin();
  auto to = with.rows_.end();
  while (std::next(from) != to) {
    const std::uint32_t bit = split_bit(from->first, std::prev(to)->first);
    const auto middle = std::partition_point(from, to, [bit](const auto& item) { return !key_bit(item.first, bit); });
    (key_bit(key, bit) ? from : to) = middle;
    ++depth;
  }
  return depth;
}

MapCut MapModel::prove(std::span<const Bytes> keys) const {
  std::vector<CutLeaf> leaves;
  for (const Bytes& key : keys) {
    const auto next = rows_.lower_bound(key);
    if (next != rows_.end() && next->first == key) {
      leaves.push_back({*path(key), true});
      continue;
    }
    if (next != rows_.end()) leaves.push_back({*path(next->first), false});
    if (next != rows_.begin()) leaves.push_back({*path(std::prev(next)->first), false});
  }
  return cut_of(std::move(leaves));
}

MapCut MapModel::prove_range(ByteView first, ByteView last) const {
  if (rows_.empty()) return {};
  auto from = rows_.lower_bound(Bytes(first));
  auto to = last.empty() ? rows_.end() : rows_.lower_bound(Bytes(last));
  const bool before = from != rows_.begin();
  const bool after = to != rows_.end();
  if (before) --from;  // the run then is [from, to], its ends shown unless they lie outside the range
  if (!after) --to;
  const bool alone = from == to;
  std::vector<MapRow> between;
  for (auto row = std::next(from); !alone && row != to; ++row) between.push_back({row->first, row->second});
  const auto inside = [first, last](const Bytes& key) { return ByteView(key) >= first && (last.empty() || ByteView(key) < last); };
  return cut_of_run({*path(from->first), inside(from->first)}, between, {*path(to->first), inside(to->first)});
}

}  // namespace careledger::proof
