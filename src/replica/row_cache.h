// Rows that were read or written lately, so that a block finds what the check of its commands has read before.
//
// A row is kept as it is in the newest committed state, with the epoch since which it is known to have been so. States are named by their
// epoch (which no undo repeats): a reader of an older one is answered only with rows that have not changed since. What a reader of
// the state before the newest has read is taken in only if the newest block did not change it. So a stale row can never be answered.
// Bounded by bytes; safe from any thread; advance and reset belong to the committing one.
#pragma once

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <mutex>
#include <optional>

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
// Flat: a look-up that finds nothing touches one line of memory, where a chain of nodes touches three or four.
using KnownRows = boost::unordered_flat_map<kernel::Key, kernel::RowValue, KeyHash>;

class RowCache {
 public:
  explicit RowCache(std::size_t bytes_max) : half_max_(bytes_max / (2 * kShards)) {}

  // nullopt: not known for this epoch. An absent row is known as absent.
  std::optional<kernel::RowValue> find(const kernel::Key& key, std::uint64_t epoch);
  void add(const kernel::Key& key, const kernel::RowValue& value, std::uint64_t read_at);
  // The newest state is now that of `epoch`, which differs from the one before by `changes`.
  void advance(std::uint64_t epoch, const std::shared_ptr<const kernel::Changes>& changes);
  void reset(std::uint64_t epoch);  // forgets everything

 private:
  static constexpr std::size_t kShards = 16;
  struct Known {
    kernel::RowValue value;
    std::uint64_t since;  // epoch
  };
  using Rows = boost::unordered_flat_map<kernel::Key, Known, KeyHash>;
  struct Shard {  // two generations: when the young one is full it replaces the old one
    std::mutex mutex;
    std::uint64_t epoch = UINT64_MAX;
    std::uint64_t epoch_before = UINT64_MAX;
    std::shared_ptr<const kernel::Changes> changes;  // between the two
    Rows young;
    Rows old;
    std::size_t young_bytes = 0;
  };
  static std::size_t shard_of(const kernel::Key& key) { return KeyHash()(key) >> 7 & (kShards - 1); }
  void put(Shard& shard, const kernel::Key& key, Known known) const;

  std::size_t half_max_;
  std::array<Shard, kShards> shards_;
};

}  // namespace careledger::replica
