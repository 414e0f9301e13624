// What somebody with root and the opened keystore can do to what is stored: one record, one index row, one audit entry, each sealed again
// so that it opens without complaint. For the demo and for tests of what `careledger audit` finds; nothing else calls it.
//
// The vault must be open, the audit map closed. Thread-safety: one thread. Errors: not_found, corrupt, storage.
#pragma once

#include <functional>
#include <string>

#include "vault/audit.h"
#include "vault/keystore.h"
#include "vault/vault.h"

namespace careledger::vault::insider {

// Puts another body under a version's own key and name. Index and commitment stay as they were.
Result<void> replace_body(Vault& vault, const std::string& type, const std::string& id, std::uint32_t version, ByteView body);

// Moves one row by which a resource is found by `parameter` to another search value.
Result<void> move_index_row(Vault& vault, const std::string& type, const std::string& parameter, const std::string& id, ByteView value);

// Takes away the checkpoints that wallets cosigned and handed in.
Result<void> forget_cosigned(Vault& vault);

// Seals an audit file anew with what `keep` makes of each entry, in order; those for which it answers false are left out. Entries that it
// leaves alone keep their bytes as long as none before them is left out. The map must be closed; its folder no longer fits when an entry
// is left out or changes its length.
Result<void> rewrite_audit(const std::string& audit_file, Keystore& keys,
                           const std::function<bool(std::uint64_t index, AuditEntry&)>& keep);

}  // namespace careledger::vault::insider
