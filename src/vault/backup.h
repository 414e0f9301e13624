// Backups of one organisation's stores, and bringing them back (docs/formats/backup.md).
//
// A data backup is one file, sealed under a key of its own from the keystore. It holds bodies, versions, anchors, outbox, relationships and
// legal holds as of one commit, and no index, which is rebuilt: so that what is erased later is dead in every data backup, its search
// values included. Keys are backed up apart: keystore and key pages of one generation, to be replaced after each erasure. A data backup
// opens with the current keys alone; versions erased since come back as erased.
//
// Writing is durable and whole when it returns. Safe to run beside readers and writers. Errors: conflict (something is there already),
// corrupt, wrong_key, newer_format, storage.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "vault/audit.h"
#include "vault/keystore.h"
#include "vault/vault.h"

namespace careledger::vault {

struct BackupReport {
  std::uint64_t versions = 0;
  std::uint64_t erased = 0;   // without body: erased before the backup or since
  std::uint64_t damaged = 0;  // bodies that do not open (verify only)
  std::uint64_t anchors = 0;
  std::uint64_t bytes = 0;     // of the file
  std::uint64_t sequence = 0;  // of the commit it holds
  BlockTime time;              // when it was written
};

Result<BackupReport> write_backup(Vault& vault, const std::string& file);
// Authenticates the whole file and opens every body, without writing anything. `vault_folder` is where the key pages lie.
Result<BackupReport> verify_backup(const std::string& file, const OrganisationId& organisation, Keystore& keys,
                                   const std::string& vault_folder, Entropy& entropy);
// Makes the store of a vault that has none (conflict otherwise), index included; the key pages must be there already. Nothing is left
// behind on failure.
Result<BackupReport> restore_backup(const std::string& file, const VaultOptions& options, Keystore& keys, Clock& clock, Entropy& entropy);

// Keystore file and key pages, both as sealed as they lie on disk, in one file.
Result<void> write_key_backup(Vault& vault, const std::string& keystore_path, const std::string& file);
// Puts them where they belong; conflict when a keystore or key pages are there.
Result<void> restore_key_backup(const std::string& file, const std::string& keystore_path, const std::string& vault_folder);

// The audit file as far as it is durable. Restoring is putting it back: the map is rebuilt.
Result<std::uint64_t> write_audit_backup(const AuditMap& audit, const std::string& file);  // entries
// Opens every entry; how many. corrupt names the first that does not.
Result<std::uint64_t> verify_audit_backup(const std::string& file, Keystore& keys);

}  // namespace careledger::vault
