// CometBFT's simple Merkle tree and map (its crypto/merkle): the app hash {"log", "state"}, and every list hash of a block.
// The tree is that of RFC 6962; the map's leaf is len ‖ key ‖ 20 ‖ SHA-256(value), its keys in bytewise order.
//
// Thread-safety: pure functions.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "proof/log.h"

namespace careledger::proof {

Digest simple_root(std::span<const Bytes> items);  // HashFromByteSlices; SHA-256 of nothing when empty

// One value of a simple map with the way to its root. Everything here is hashed: nothing can be changed.
struct SimpleProof {
  Bytes key;
  Bytes value;
  std::uint64_t index = 0;
  std::uint64_t total = 0;
  Path aunts;
};

using SimpleMap = std::map<Bytes, Bytes>;
Digest simple_map_root(const SimpleMap& map);
SimpleProof prove_simple(const SimpleMap& map, ByteView key);  // asserts that the key is there
Result<Digest> root_of(const SimpleProof& proof);              // invalid when the path's length does not fit

// What the app hash commits to.
struct AppState {
  Digest log_root;
  std::uint64_t log_size = 0;
  Digest state_root;
};
SimpleMap app_map(const AppState& state);  // {"log": root ‖ u64 size, "state": root}
Digest app_hash(const AppState& state);

}  // namespace careledger::proof
