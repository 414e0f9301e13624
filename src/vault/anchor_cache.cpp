#include "vault/anchor_cache.h"

#include <algorithm>
#include <bit>

#include "crypto/hash.h"

namespace careledger::vault {
namespace {

constexpr std::size_t kAnchorsMax = 256;  // about 64 KiB each when full

}  // namespace

std::vector<Digest> anchor_leaves(const AnchorRow& row) {
  std::vector<Digest> leaves = row.commitments;
  const std::size_t padded = std::bit_ceil(leaves.size());
  for (std::uint32_t i = 0; leaves.size() < padded; ++i) leaves.push_back(crypto::hmac_sha256(row.padding_seed, u32_bytes(i)));
  std::sort(leaves.begin(), leaves.end());
  return leaves;
}

std::shared_ptr<const CachedAnchor> AnchorCache::known(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  auto at = by_first_.upper_bound(number);
  if (at == by_first_.begin()) return nullptr;
  --at;
  const Entry anchor = *at->second;
  if (number - anchor->first >= anchor->row.commitments.size()) return nullptr;
  recent_.splice(recent_.begin(), recent_, at->second);
  return anchor;
}

void AnchorCache::keep(const Entry& anchor) {
  const std::lock_guard lock(mutex_);
  if (by_first_.contains(anchor->first)) return;
  recent_.push_front(anchor);
  by_first_.emplace(anchor->first, recent_.begin());
  if (recent_.size() <= kAnchorsMax) return;
  by_first_.erase(recent_.back()->first);
  recent_.pop_back();
}

Result<std::shared_ptr<const CachedAnchor>> AnchorCache::find(const storage::Store& store, std::uint64_t number) {
  if (auto anchor = known(number)) return anchor;
  const auto rows = store.iterate(kAnchorsColumn, storage::Range::all());
  rows->seek_backward(u64_bytes(number));
  if (!rows->valid()) {
    CARELEDGER_CHECK(rows->status());
    return nullptr;
  }
  ByteView key = rows->key();
  const auto first = take_u64(key);
  auto row = decode_anchor_row(rows->value());
  if (!first || !key.empty() || !row) return corrupt_row("anchors", rows->key());
  if (number - *first >= row->commitments.size()) return nullptr;
  auto anchor = std::make_shared<CachedAnchor>();
  anchor->first = *first;
  anchor->row = std::move(*row);
  anchor->leaves = anchor_leaves(anchor->row);
  if (std::adjacent_find(anchor->leaves.begin(), anchor->leaves.end()) != anchor->leaves.end()) return corrupt_row("anchors", rows->key());
  anchor->tree = proof::anchor_tree(anchor->leaves);
  if (anchor->row.state == Anchoring::final) keep(anchor);
  return anchor;
}

}  // namespace careledger::vault
