// A node's backup: data in one folder, keys in another, so that neither opens anything without the other and the key file.
//
//   DATA/careledger.json, founding.pb, ledger/ (a consistent copy of the store), organisations/NAME/{records.backup, audit.backup, witness}
//   KEYS/ledger.keys (the ledger's keystore), organisations/NAME.keys (keystore and key pages), all sealed as they lie on disk
//
// docs/formats/backup.md. An erasure replaces key pages: KEYS made before it bring back nothing that was erased, and must be thrown away.
#pragma once

#include <string>
#include <vector>

#include "apps/node.h"
#include "vault/backup.h"

namespace careledger::apps {

struct BackupFolders {
  std::string data;
  std::string keys;
};

struct BackedUp {
  std::uint64_t versions = 0;
  std::uint64_t audit_entries = 0;
  Height height;
};

// Both folders must be absent or empty (conflict). Recorded in every organisation's audit before it begins.
Result<BackedUp> back_up(Node& node, const Layout& layout, const BackupFolders& to);
// Opens and authenticates everything in place, without restoring. The seal is the node's.
Result<BackedUp> verify_backup(const BackupFolders& from, const SealChoice& seal, const Layout& layout, Clock& clock, Entropy& entropy);
// Makes `layout.folder`, which must be absent or empty. Afterwards the node opens with the same key file. On failure remove what is there.
Result<BackedUp> restore(const Layout& layout, const BackupFolders& from, const SealChoice& seal, Clock& clock, Entropy& entropy);

}  // namespace careledger::apps
