// What a ledger's store says of its newest block, for whoever looks at it without running a replica.
#pragma once

#include <optional>

#include "base/ids.h"
#include "proof/simple_map.h"
#include "storage/store.h"

namespace careledger::replica {

// nullopt: the store holds no ledger yet. corrupt: its record does not read; storage.
Result<std::optional<BlockTime>> newest_block_time(const storage::Reader& store);

struct StoredHeights {
  Height newest;
  Height first;  // the lowest block kept, or the next one when there is none yet
};
Result<std::optional<StoredHeights>> stored_heights(const storage::Reader& store);

// Log and state before its newest block, to which Replica::undo_last() goes back, as they are written down: the hash over them is in the
// header of that block. nullopt when what the block changed is not kept. It is of every ledger that committed one since its genesis, its
// snapshot or the last time that one was taken back. corrupt, storage.
Result<std::optional<proof::AppState>> state_before_newest(const storage::Reader& store);

}  // namespace careledger::replica
