// Signatures that held, so that a command verified on arrival is not verified again in its block. Keyed by SHA-256(public key ‖ signature ‖
// signed bytes): nothing but that very signature finds an entry. Bounded; safe from any thread.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_set.hpp>
#include <mutex>
#include <span>
#include <vector>

#include "crypto/sign.h"

namespace careledger::replica {

struct PrefixHash {  // of values that are hashes already
  std::size_t operator()(const Digest& digest) const {
    std::size_t out = 0;
    std::memcpy(&out, digest.value.data(), sizeof(out));
    return out;
  }
};

Digest signature_id(const crypto::PublicKey& key, ByteView signed_bytes, const crypto::Signature& signature);

class SignatureCache {
 public:
  explicit SignatureCache(std::size_t entries_max) : half_max_(entries_max / (2 * kShards) + 1) {}

  bool has(const Digest& id) const;
  void add(const Digest& id);

  // Verifies those that are not known yet in batches, and remembers the ones that hold. One answer an item.
  std::vector<bool> verify(std::span<const crypto::SignedItem> items);

 private:
  static constexpr std::size_t kShards = 16;
  struct Shard {  // two generations: when the young one is full it replaces the old one
    mutable std::mutex mutex;
    boost::unordered_flat_set<Digest, PrefixHash> young;
    boost::unordered_flat_set<Digest, PrefixHash> old;
  };
  const Shard& shard_of(const Digest& id) const { return shards_[static_cast<unsigned char>(id.value[31]) % kShards]; }

  std::size_t half_max_;
  std::array<Shard, kShards> shards_;
};

}  // namespace careledger::replica
