// What the Merkle map's updates and its proofs both need of the leaves of a twig. Internal to state_tree and its proofs; pure functions.
#pragma once

#include "base/result.h"
#include "proof/merkle_map.h"
#include "replica/map_node.h"

namespace careledger::replica {

std::uint32_t common_bits(ByteView a, ByteView b);  // of keys that may be equal
Error disagreement(ByteView key);                   // between rows and hashes
// A row's steps inside its twig, appended, lowest last.
void steps_in_twig(std::span<const Leaf> leaves, ByteView key, std::vector<proof::MapStep>& steps);

}  // namespace careledger::replica
