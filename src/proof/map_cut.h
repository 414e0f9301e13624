// Cuts as messages, for the formats that carry them inside (proof bundles, query answers). Thread-safety: pure functions.
#pragma once

#include "proof/map_cut.pb.h"
#include "proof/merkle_map.h"

namespace careledger::proof {

void to_message(const MapCut& cut, bundle::MapCut& message);  // `message` must be empty
Result<MapCut> from_message(const bundle::MapCut& message);   // malformed unless nothing is missing and nothing left over

}  // namespace careledger::proof
