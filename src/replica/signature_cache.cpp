#include "replica/signature_cache.h"

#include <algorithm>

#include "crypto/hash.h"

namespace careledger::replica {
namespace {

constexpr std::size_t kBatchItems = 1024;  // beyond that a batch gains little

}  // namespace

Digest signature_id(const crypto::PublicKey& key, ByteView signed_bytes, const crypto::Signature& signature) {
  return crypto::sha256({key.view(), signature.view(), signed_bytes});
}

bool SignatureCache::has(const Digest& id) const {
  const Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  return shard.young.contains(id) || shard.old.contains(id);
}

void SignatureCache::add(const Digest& id) {
  Shard& shard = const_cast<Shard&>(shard_of(id));
  const std::lock_guard lock(shard.mutex);
  if (shard.young.size() >= half_max_) {
    shard.old.swap(shard.young);
    shard.young.clear();
  }
  shard.young.insert(id);
}

std::vector<bool> SignatureCache::verify(std::span<const crypto::SignedItem> items) {
  std::vector<bool> holds(items.size(), true);
  std::vector<crypto::SignedItem> unknown;
  std::vector<std::pair<Digest, std::size_t>> places;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Digest id = signature_id(items[i].key, items[i].message, items[i].signature);
    if (has(id)) continue;
    unknown.push_back(items[i]);
    places.emplace_back(id, i);
  }
  for (std::size_t from = 0; from < unknown.size(); from += kBatchItems) {
    const std::size_t count = std::min(kBatchItems, unknown.size() - from);
    const std::vector<bool> now = crypto::verify_batch(std::span(unknown).subspan(from, count));
    for (std::size_t i = 0; i < count; ++i) {
      const auto& [id, place] = places[from + i];
      holds[place] = now[i];
      if (now[i]) add(id);
    }
  }
  return holds;
}

}  // namespace careledger::replica
