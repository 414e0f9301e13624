// The beginning of a node of a network under benchmark (bench/engine_node.h) whose ledger is not there: it takes a snapshot that the others
// offer, as a member's node does (apps/network/snapshot_start.h), until the first block above it is durable.
#pragma once

#include "bench/engine_node.h"
#include "ordering/abci/test_engine.h"

namespace careledger::bench {

ordering::abci::TestNetwork network_of(const NodeOrder& order, const std::string& chain_id);

// Believes the first header that the first of the order's servers shows. Whatever fails ends the benchmark.
void begin_with_snapshot(const NodeOrder& order);

}  // namespace careledger::bench
