// What the engine of a member's node is told, whether the node serves or only fetches the state to begin with.
//
// Thread-safety: pure.
#pragma once

#include <memory>

#include "apps/config.h"
#include "apps/layout.h"
#include "apps/network/peer_book.h"
#include "kernel/kernel.pb.h"
#include "ordering/abci/application.h"
#include "ordering/abci/engine_home.h"
#include "proof/chain.h"
#include "replica/replica.h"

namespace careledger::apps::network {

// The same bytes at every member: it follows from the founding document alone, or, of a ledger that was an embedded one, from what was
// handed over when it grew (DIR/grown.pb).
Result<ordering::abci::Genesis> genesis_of(const Layout& layout, const kernel::Founding& founding);

// Of the first block: members with a vote, in the document's order.
std::vector<ordering::abci::GenesisValidator> founding_validators(const kernel::Founding& founding);

ordering::abci::EngineSettings settings_of(const NetworkConfig& network);

// Versions and peers; what else the application needs is its caller's.
ordering::abci::ApplicationConfig application_of(std::shared_ptr<const PeerBook> peers);

// Of a network's block: as it was founded, or as members voted. storage: the state cannot be read.
Result<proof::BlockLimits> block_limits_at(const replica::Replica& replica, Height height);

}  // namespace careledger::apps::network
