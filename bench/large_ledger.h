// A ledger as large as one that a region has used for years, without running the years: a million rows of other people in the state and a
// million entries in the log, written straight into the store of a founded ledger. Proofs made on it have the length and the cost that they
// have there; on a young ledger both would flatter.
#pragma once

#include <cstddef>

#include "apps/layout.h"

namespace careledger::bench {

// No node may have the folder open. Its log then begins as after state sync: what stood in it before cannot be proven any more.
void enlarge_ledger(const apps::Layout& layout, std::size_t rows, std::size_t log_entries);

}  // namespace careledger::bench
