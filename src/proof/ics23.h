// Proofs about the map in two foreign forms, so that third parties need none of our code: ICS23 CommitmentProof (TendermintSpec), and
// CometBFT's `simple:v` proof operations, which the proxy of `cometbft light` verifies.
//
// Thread-safety: pure functions.
#pragma once

#include "proof/merkle_map.h"
#include "proof/simple_map.h"

namespace careledger::proof {

inline constexpr std::size_t kMaxSimpleDepth = 62;  // simple:v counts leaves in an int64

// Bytes of cosmos.ics23.v1.CommitmentProof: existence of path.key.
Bytes ics23_existence(const MapPath& path);
// Absence of `key` between its neighbours; at least one must be there (an empty map has no ICS23 proof): asserted.
Bytes ics23_absence(ByteView key, const std::optional<MapPath>& before, const std::optional<MapPath>& after);
// Second level: that the app hash's simple map holds `name`.
Bytes ics23_existence(const SimpleProof& proof);

// Bytes of tendermint.crypto.ProofOps: path.key in the map, then "state" in the app hash. unsupported when deeper than 62.
Result<Bytes> simple_value_ops(const MapPath& path, const SimpleProof& state);
// One operation: `name` (say "log") in the app hash.
Bytes simple_value_ops(const SimpleProof& proof);

}  // namespace careledger::proof
