// What a ledger's store says of its newest block, for whoever looks at it without running a replica.
#pragma once

#include <optional>

#include "base/ids.h"
#include "storage/store.h"

namespace careledger::replica {

// nullopt: the store holds no ledger yet. corrupt: its record does not read; storage.
Result<std::optional<BlockTime>> newest_block_time(const storage::Reader& store);

struct StoredHeights {
  Height newest;
  Height first;  // the lowest block kept, or the next one when there is none yet
};
Result<std::optional<StoredHeights>> stored_heights(const storage::Reader& store);

// Whether what its newest block changed is kept, so that Replica::undo_last() takes it back. As it is of every ledger that committed one
// since its genesis, its snapshot or the last time that one was taken back.
Result<bool> newest_can_be_undone(const storage::Reader& store);

}  // namespace careledger::replica
