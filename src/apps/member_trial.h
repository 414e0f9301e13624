// Whether a node that serves an embedded ledger could be the member of the network that the ledger is about to become: tried before the
// ledger's seal, behind which there is no way back.
//
// Thread-safety: any thread; it waits for the disk, for the engine's program, and for names to be resolved.
#pragma once

#include <string>

#include "apps/layout.h"
#include "apps/serve_config.h"
#include "base/clock.h"

namespace careledger::apps {

struct MemberPlan {  // as the owner orders it
  std::string listen;
  std::string api;
  std::size_t pieces;  // of the snapshot that goes to the others
};

struct ServingNode {
  const Layout& layout;
  const ServeConfig& config;
  std::string engine;  // program
  std::uint16_t port;  // of its endpoint now
  BlockTime now;
};

// precondition, saying what is missing: the engine, or one that speaks what is spoken here; a certificate for `api`, with its key, that
// holds now; the places where engine and endpoint are to listen; a folder that can be written and has room. Nothing is left behind.
Result<void> try_member(const ServingNode& node, const MemberPlan& plan);

// What a growth writes before its network has a block. Not the same as what a network needs later.
std::uint64_t growth_bytes(std::size_t pieces);

}  // namespace careledger::apps
