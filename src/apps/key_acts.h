// What an administrator does to the keys of a stopped node: an inventory, rotation, fresh roots, another seal. `careledger keys`.
//
// Each is recorded in the organisation's audit map before it is done and when it is done. Errors: unavailable while a process works on the
// folder, not_found, wrong_key, conflict with the ledger's code, storage. Thread-safety: one thread.
#pragma once

#include <string>
#include <vector>

#include "apps/layout.h"
#include "apps/network/joining.h"
#include "apps/seal_choice.h"

namespace careledger::apps {

struct KeyPlace {
  Layout layout;
  SealChoice seal;
  std::string organisation;  // name or slug
};

// Never a secret. Beside a running node too. With no organisation named: the node's own, which are the ledger's (validator, engine node…).
Result<std::vector<vault::KeyInfo>> list_keys(const KeyPlace& place, Clock& clock, Entropy& entropy);

// Number of the authority in force afterwards (rotation.h). At a network's member it runs the engine for as long as it takes: it waits for
// a block that was made after it began, so that it knows the ledger as it is, and for the members' block with the new keys. `order` says
// how.
Result<std::uint32_t> rotate_keys(const KeyPlace& place, const network::JoinOrder& order, Clock& clock, Entropy& entropy);

// Fresh roots over key pages and files (vault/rewrap.h). Backups of the keys made before stay good for backups of data made before.
Result<void> rewrap_keys(const KeyPlace& place, Clock& clock, Entropy& entropy);

// Seals every keystore of the folder under something else; `place.organisation` is not looked at. After a crash between two of them the
// same call, with both, ends what was begun. How many keystores there are.
Result<std::size_t> reseal_keystores(const KeyPlace& place, const SealChoice& next, Clock& clock, Entropy& entropy);

}  // namespace careledger::apps
