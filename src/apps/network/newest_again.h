// The newest block of a stopped member when it stands in no later header yet: nobody signed what it changed. What was before it did: its
// own header names that, as it names its commands. So the block is taken back in a copy of the ledger's store and executed again, which
// must give the state and the log that are here.
//
// Thread-safety: one thread; nothing else writes the ledger meanwhile.
#pragma once

#include <optional>

#include "apps/ledger.h"

namespace careledger::apps::network {

// What is wrong, in plain words; nothing when all is as it must be. `copy`: a folder for the copy, removed before and after; links to the
// ledger's files for the most part. Errors: it could not be done, and why; precondition: what the block changed is not known here, or
// evidence stands in it, to which its header does not commit in a form that could be compared.
Result<std::optional<std::string>> execute_newest_again(storage::Store& store, const Bytes& founding, const replica::View& view,
                                                        const proof::Header& header, const std::string& copy);

}  // namespace careledger::apps::network
