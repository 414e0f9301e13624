// What was used lately, bounded, by key: two generations of about half the room each. When the young one is full it becomes the old one,
// and the old one is forgotten; what is found in the old one moves on. For values that are cheap to copy (or shared).
//
// Thread-safety: safe from any thread.
#pragma once

#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/ids.h"

namespace careledger {

struct IdHash {  // for unordered containers: ids are hashes already
  template <class Tag>
  std::size_t operator()(const Id32<Tag>& id) const {
    std::size_t out = 0;
    std::memcpy(&out, id.value.data() + 8, sizeof out);  // what is spread over shards by its first byte is spread here too
    return out;
  }
};

template <class Key, class Value, class Hash>
class Recent {
 public:
  explicit Recent(std::size_t weight_max) : young_max_(weight_max / 2) {}

  std::optional<Value> find(const Key& key) {  // nullopt: never kept, or forgotten
    const std::lock_guard lock(mutex_);
    if (const auto young = young_.find(key); young != young_.end()) return young->second.value;
    const auto old = old_.find(key);
    if (old == old_.end()) return std::nullopt;
    Kept kept = std::move(old->second);
    old_.erase(old);
    std::optional<Value> value = kept.value;
    put(key, std::move(kept));
    return value;
  }
  // `weight`: of one value, in the unit of the bound (entries, bytes). One kept before under the key is replaced.
  void keep(const Key& key, Value value, std::size_t weight = 1) {
    const std::lock_guard lock(mutex_);
    put(key, {std::move(value), weight});
  }
  void forget(const Key& key) {
    const std::lock_guard lock(mutex_);
    if (const auto young = young_.find(key); young != young_.end()) {
      young_weight_ -= young->second.weight;
      young_.erase(young);
    }
    old_.erase(key);
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    young_.clear();
    old_.clear();
    young_weight_ = 0;
  }

 private:
  struct Kept {
    Value value;
    std::size_t weight;
  };

  void put(const Key& key, Kept kept) {
    if (young_weight_ + kept.weight > young_max_) {
      old_ = std::exchange(young_, {});
      young_weight_ = 0;
    }
    const auto place = young_.find(key);
    young_weight_ += kept.weight;
    if (place == young_.end()) {
      young_.emplace(key, std::move(kept));
    } else {
      young_weight_ -= place->second.weight;
      place->second = std::move(kept);
    }
    old_.erase(key);
  }

  const std::size_t young_max_;
  std::mutex mutex_;
  std::unordered_map<Key, Kept, Hash> young_, old_;
  std::size_t young_weight_ = 0;
};

}  // namespace careledger
