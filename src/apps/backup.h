// A node's backup: data in one folder, keys in another, so that neither opens anything without the other and the key file.
//
//   DATA/careledger.json, founding.pb, ledger/ (a consistent copy of the store; not of a network's ledger),
//        organisations/NAME/{records.backup, audit.backup, witness, promises}; description.json, founding.txt of a network's member;
//        grown.pb, grown.careledger of one whose ledger was an embedded one, and old-chain of who had that, or the word that
//        it is there no more (apps/network/old_chain.h)
//   KEYS/ledger.keys (the ledger's keystore), organisations/NAME.keys (keystore and key pages), all sealed as they lie on disk
//
// docs/formats/backup.md. An erasure replaces key pages: KEYS made before it bring back nothing that was erased, and must be thrown away.
#pragma once

#include <string>
#include <vector>

#include "apps/backup_job.h"
#include "apps/network/joining.h"
#include "apps/node_access.h"
#include "vault/backup.h"

namespace careledger::apps {

// One part of it, of one organisation (the ledger is the same whichever is asked). Safe while the node serves. Nothing is overwritten:
// conflict when a file is there already.
Result<BackedUp> back_up_part(Organisation& organisation, Ledger& ledger, const Layout& layout, const BackupFolders& to, BackupPart part);

// The whole of a node, through its endpoints: of the one that serves the folder, or of one in this process when none does. Both folders
// must be absent or empty (conflict). Recorded in every organisation's audit.
Result<BackedUp> back_up(NodeAccess& node, const BackupFolders& to);
// Opens and authenticates everything in place, without restoring. The seal is the node's.
Result<BackedUp> verify_backup(const BackupFolders& from, const SealChoice& seal, const Layout& layout, Clock& clock, Entropy& entropy);
// Makes `layout.folder`, which must be absent or empty. Afterwards the node opens with the same key file. On failure remove what is there.
// A network's ledger is fetched from the other members then (apps/network/restored.h), with the engine of `fetching`, whose seal is not
// looked at: from there on it may be killed, and goes on when it is called again.
Result<BackedUp> restore(const Layout& layout, const BackupFolders& from, const SealChoice& seal, Clock& clock, Entropy& entropy,
                         const network::JoinOrder& fetching = {});

}  // namespace careledger::apps
