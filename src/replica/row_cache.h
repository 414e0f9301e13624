// Rows of the newest committed state that were read or written lately, so that a block finds what the check of its commands has read
// before.
//
// Every answer is for one committed state, named by its epoch (which no undo repeats). A reader of another one, or one that comes while a
// commit moves the cache on, is told nothing, and what it read from its own snapshot is not taken in: a stale row can never be answered.
// Bounded by bytes; safe from any thread.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "kernel/rows.h"

namespace careledger::replica {

struct KeyHash {
  std::size_t operator()(const kernel::Key& key) const {  // the digest in a key is a hash already; the tail tells rows of one parent apart
    const ByteView bytes = key.view();
    std::size_t out = bytes.size();
    for (std::size_t at = 1; at < bytes.size(); at += sizeof(std::size_t)) {
      std::size_t word = 0;
      std::memcpy(&word, bytes.data() + at, std::min(sizeof(word), bytes.size() - at));
      out = (out ^ word) * 0x9E3779B97F4A7C15u;
    }
    return out ^ (out >> 32);
  }
};
using KnownRows = std::unordered_map<kernel::Key, std::optional<Bytes>, KeyHash>;

class RowCache {
 public:
  explicit RowCache(std::size_t bytes_max) : half_max_(bytes_max / (2 * kShards)) {}

  // nullopt: not known for this epoch. The inner nullopt: known to be absent.
  std::optional<std::optional<Bytes>> find(const kernel::Key& key, std::uint64_t epoch) const;
  void add(const kernel::Key& key, const std::optional<Bytes>& value, std::uint64_t read_at);
  // The newest state is now that of `epoch`, which differs from the one before by `changes`.
  void advance(std::uint64_t epoch, const kernel::Changes& changes);
  void reset(std::uint64_t epoch);  // forgets everything

 private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::uint64_t kNoEpoch = UINT64_MAX;
  struct Shard {  // two generations: when the young one is full it replaces the old one
    mutable std::mutex mutex;
    mutable KnownRows young;
    mutable KnownRows old;
    mutable std::size_t young_bytes = 0;
  };
  Shard& shard_of(const kernel::Key& key) const { return shards_[KeyHash()(key) >> 7 & (kShards - 1)]; }
  void put(Shard& shard, const kernel::Key& key, const std::optional<Bytes>& value) const;

  std::size_t half_max_;
  std::atomic<std::uint64_t> epoch_{kNoEpoch};
  mutable std::array<Shard, kShards> shards_;
};

}  // namespace careledger::replica
