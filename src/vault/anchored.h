// Which commands a vault knows as its anchors, final or under way: what else stands on the ledger in its organisation's name was made by a
// later state of the vault, or by somebody who has its keys.
//
// Reads a running vault. Any thread.
#pragma once

#include <set>

#include "base/result.h"
#include "vault/vault.h"

namespace careledger::vault {

Result<std::set<Digest>> anchor_commands(Vault& vault);  // digests; corrupt: a row does not parse

}  // namespace careledger::vault
