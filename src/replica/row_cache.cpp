#include "replica/row_cache.h"

#include <vector>

namespace careledger::replica {
namespace {

std::size_t bytes_of(const kernel::RowValue& value) { return value ? 200 + (*value).size() : 136; }  // with node and key

}  // namespace

void RowCache::put(Shard& shard, const kernel::Key& key, Known known) const {
  if (shard.young_bytes >= half_max_) {
    shard.old.swap(shard.young);
    shard.young.clear();  // keeps its places: it will be as large again
    shard.young_bytes = 0;
  }
  shard.young_bytes += bytes_of(known.value);
  shard.young.insert_or_assign(key, std::move(known));
}

std::optional<kernel::RowValue> RowCache::find(const kernel::Key& key, std::uint64_t epoch) {
  Shard& shard = shards_[shard_of(key)];
  const std::lock_guard lock(shard.mutex);
  if (epoch > shard.epoch) return std::nullopt;  // a commit is moving the cache on
  const auto answer = [&](const Known& known) { return known.since <= epoch ? std::optional(known.value) : std::nullopt; };
  if (const auto found = shard.young.find(key); found != shard.young.end()) return answer(found->second);
  const auto found = shard.old.find(key);
  if (found == shard.old.end()) return std::nullopt;
  Known known = std::move(found->second);
  shard.old.erase(found);
  put(shard, key, known);
  return answer(known);
}

void RowCache::add(const kernel::Key& key, const kernel::RowValue& value, std::uint64_t read_at) {
  Shard& shard = shards_[shard_of(key)];
  const std::lock_guard lock(shard.mutex);
  const bool newest = read_at == shard.epoch;
  const bool unchanged = read_at == shard.epoch_before && shard.changes != nullptr && !shard.changes->contains(key);
  if (!newest && !unchanged) return;
  if (shard.young.contains(key) || shard.old.contains(key)) return;
  put(shard, key, {value, read_at});
}

void RowCache::advance(std::uint64_t epoch, const std::shared_ptr<const kernel::Changes>& changes) {
  std::array<std::vector<kernel::Changes::const_iterator>, kShards> parts;
  for (auto at = changes->begin(); at != changes->end(); ++at) parts[shard_of(at->first)].push_back(at);
  for (std::size_t i = 0; i < kShards; ++i) {
    Shard& shard = shards_[i];
    const std::lock_guard lock(shard.mutex);
    shard.epoch_before = std::exchange(shard.epoch, epoch);
    shard.changes = changes;
    for (const auto& at : parts[i]) {
      shard.old.erase(at->first);
      put(shard, at->first, {at->second, epoch});
    }
  }
}

void RowCache::reset(std::uint64_t epoch) {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    shard.young.clear();
    shard.old.clear();
    shard.young_bytes = 0;
    shard.changes.reset();
    shard.epoch_before = UINT64_MAX;
    shard.epoch = epoch;
  }
}

}  // namespace careledger::replica
