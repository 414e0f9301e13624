#include "proof/simple_map.h"

#include "base/assert.h"
#include "crypto/hash.h"
#include "proof/merkle_map.h"

namespace careledger::proof {

Digest simple_root(std::span<const Bytes> items) {
  CompactRange range;
  for (const Bytes& item : items) range.append(log_leaf(item));
  return range.root();
}

Digest simple_map_root(const SimpleMap& map) {
  CompactRange range;
  for (const auto& [key, value] : map) range.append(map_leaf(key, value));
  return range.root();
}

SimpleProof prove_simple(const SimpleMap& map, ByteView key) {
  LogTree tree;
  SimpleProof proof;
  bool found = false;
  for (const auto& [name, value] : map) {
    const std::uint64_t index = tree.append(map_leaf(name, value));
    if (name != key) continue;
    proof = {name, value, index, map.size(), {}};
    found = true;
  }
  CARELEDGER_ASSERT(found);
  proof.aunts = tree.inclusion(proof.index);
  return proof;
}

Result<Digest> root_of(const SimpleProof& proof) {
  if (proof.key.empty() || proof.key.size() > kMaxMapKey) return fail(ErrorKind::invalid, "simple proof: the key's length is wrong");
  return root_from_inclusion(map_leaf(proof.key, proof.value), proof.index, proof.total, proof.aunts);
}

SimpleMap app_map(const AppState& state) {
  Bytes log = state.log_root.bytes();
  append_u64(log, state.log_size);
  return {{"log", log}, {"state", state.state_root.bytes()}};
}

Digest app_hash(const AppState& state) { return simple_map_root(app_map(state)); }

}  // namespace careledger::proof
