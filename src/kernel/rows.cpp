#include "kernel/rows.h"

namespace careledger::kernel {

namespace {

bool starts_with(const Key& key, ByteView prefix) { return key.view().substr(0, prefix.size()) == prefix; }

Key first_key(ByteView prefix) {
  const auto key = Key::from(prefix);
  CARELEDGER_ASSERT(key.has_value());
  return *key;
}

}  // namespace

RowValue Overlay::read(const Key& key) const {
  const auto found = changes_.find(key);
  return found == changes_.end() ? below_->read(key) : found->second;
}

std::vector<Rows::Entry> Overlay::read_prefix(ByteView prefix, Limit limit) const {
  const auto first = changes_.lower_bound(first_key(prefix));
  auto changed = first;
  std::uint32_t touched = 0;
  while (changed != changes_.end() && starts_with(changed->first, prefix)) ++changed, ++touched;
  if (touched == 0) return below_->read_prefix(prefix, limit);

  // Every changed row may hide one row below, so that many more are asked for.
  Changes merged(first, changed);
  for (auto& [key, value] : below_->read_prefix(prefix, {limit.value + touched})) merged.try_emplace(key, RowValue(std::move(value)));
  std::vector<Entry> entries;
  for (auto& [key, value] : merged) {
    if (entries.size() >= limit.value) break;
    if (value) entries.emplace_back(key, Bytes(*value));
  }
  return entries;
}

void Overlay::merge(Changes&& changes) {
  while (!changes.empty()) {
    auto node = changes.extract(changes.begin());
    auto placed = changes_.insert(std::move(node));
    if (!placed.inserted) placed.position->second = std::move(placed.node.mapped());
  }
}

RowValue MemoryRows::read(const Key& key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? RowValue() : RowValue(found->second);
}

std::vector<Rows::Entry> MemoryRows::read_prefix(ByteView prefix, Limit limit) const {
  std::vector<Entry> entries;
  for (auto row = rows_.lower_bound(first_key(prefix)); row != rows_.end() && entries.size() < limit.value; ++row) {
    if (!starts_with(row->first, prefix)) break;
    entries.push_back(*row);
  }
  return entries;
}

void MemoryRows::apply(const Changes& changes) {
  for (const auto& [key, value] : changes) {
    if (value) {
      rows_.insert_or_assign(key, *value);
    } else {
      rows_.erase(key);
    }
  }
}

}  // namespace careledger::kernel
