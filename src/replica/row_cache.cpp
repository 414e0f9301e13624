#include "replica/row_cache.h"

namespace careledger::replica {
namespace {

std::size_t bytes_of(const std::optional<Bytes>& value) { return 160 + (value ? value->size() : 0); }  // with node and key

}  // namespace

void RowCache::put(Shard& shard, const kernel::Key& key, const std::optional<Bytes>& value) const {
  if (shard.young_bytes >= half_max_) {
    shard.old = std::move(shard.young);
    shard.young.clear();
    shard.young_bytes = 0;
  }
  shard.young_bytes += bytes_of(value);
  shard.young.insert_or_assign(key, value);
}

std::optional<std::optional<Bytes>> RowCache::find(const kernel::Key& key, std::uint64_t epoch) const {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (epoch_.load(std::memory_order_acquire) != epoch) return std::nullopt;
  if (const auto found = shard.young.find(key); found != shard.young.end()) return found->second;
  const auto found = shard.old.find(key);
  if (found == shard.old.end()) return std::nullopt;
  const std::optional<Bytes> value = found->second;
  put(shard, key, value);
  return value;
}

void RowCache::add(const kernel::Key& key, const std::optional<Bytes>& value, std::uint64_t read_at) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (epoch_.load(std::memory_order_acquire) != read_at) return;
  put(shard, key, value);
}

void RowCache::advance(std::uint64_t epoch, const kernel::Changes& changes) {
  epoch_.store(kNoEpoch, std::memory_order_release);  // from here on nobody is answered and nothing is taken in
  for (const auto& [key, value] : changes) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    shard.old.erase(key);
    put(shard, key, value);
  }
  epoch_.store(epoch, std::memory_order_release);
}

void RowCache::reset(std::uint64_t epoch) {
  epoch_.store(kNoEpoch, std::memory_order_release);
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    shard.young.clear();
    shard.old.clear();
    shard.young_bytes = 0;
  }
  epoch_.store(epoch, std::memory_order_release);
}

}  // namespace careledger::replica
