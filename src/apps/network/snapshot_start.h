// The first state of a node that joins a network by a snapshot instead of all blocks.
//
// An engine and a store that are empty are filled from what other nodes offer (ordering/abci/state_sync.h); it is done when the first block
// above the snapshot is durable in both, from which either goes on by itself. Until then a try is worth nothing: one that was cut off, by
// whatever, is wiped and made anew. The validator's record of what it signed lies elsewhere and stays.
//
// Thread-safety: one thread a folder.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/config.h"
#include "apps/layout.h"
#include "base/clock.h"
#include "kernel/kernel.pb.h"
#include "ordering/abci/state_sync.h"
#include "vault/keystore.h"

namespace careledger::apps::network {

struct SnapshotOrder {
  Height height;                     // of a header that people vouch for
  Digest hash;                       // and its hash
  std::vector<std::string> rpc;      // "https://host:port" of two members at least
  std::string members_certificates;  // PEM, of their endpoints
};

// "HEIGHT:HASH", the hash as 64 hex digits; invalid.
Result<std::pair<Height, Digest>> parse_trust(const std::string& text);

struct SnapshotStep {
  ordering::abci::StateSyncProgress progress;
  bool waits_long = false;  // nothing has happened for a while
};

struct SnapshotParts {  // borrowed
  const Layout& layout;
  const NetworkConfig& network;
  const Bytes& founding;
  vault::Keystore& keys;
  const Clock& clock;
  std::string engine;                                  // program
  std::function<void(const SnapshotStep&)> step{};     // from the caller's thread
  std::function<void(const std::string&)> on_event{};  // what became of a try, why a snapshot was refused, …; any thread
};

// Does nothing when the folder has a ledger with a block of its own. invalid: fewer than two servers. unavailable: several tries ended.
// storage: ours failed.
Result<void> start_from_snapshot(const SnapshotParts& parts, const SnapshotOrder& order);

}  // namespace careledger::apps::network
