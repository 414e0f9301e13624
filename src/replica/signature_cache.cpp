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

void SignatureCache::verify(std::span<const crypto::SignedItem> items) {
  std::vector<crypto::SignedItem> unknown;
  std::vector<Digest> ids;
  for (const crypto::SignedItem& item : items) {
    const Digest id = signature_id(item.key, item.message, item.signature);
    if (has(id)) continue;
    unknown.push_back(item);
    ids.push_back(id);
  }
  for (std::size_t from = 0; from < unknown.size(); from += kBatchItems) {
    const std::size_t count = std::min(kBatchItems, unknown.size() - from);
    const std::vector<bool> hold = crypto::verify_batch(std::span(unknown).subspan(from, count));
    for (std::size_t i = 0; i < count; ++i)
      if (hold[i]) add(ids[from + i]);
  }
}

}  // namespace careledger::replica
