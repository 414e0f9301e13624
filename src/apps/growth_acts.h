// How the owner of an embedded ledger makes it a network with others: its last command, the seal of its chain, the end of that chain's key,
// and the file that the others begin with.
//
// Thread-safety: one at a time; it waits for the ledger and the disk.
#pragma once

#include "apps/admin_acts.h"
#include "apps/layout.h"
#include "base/clock.h"
#include "vault/keystore.h"

namespace careledger::apps {

struct GrowthPlace {  // borrowed
  const Layout& layout;
  vault::Keystore& keys;  // the ledger's
  const Clock& clock;
};

// {"descriptions": [text…], "listen", "api", "weight", "group"}: of those who come, and where this node's engine and endpoint are reached.
// Afterwards nothing is written to the ledger until this node is started anew and the others serve; reads go on.
//
// {"number", "seal", "hash", "file"}: what people read to each other, the last block of the old chain, and the file for the others. The
// same order again ends what a crash cut off, and gives the same. invalid, malformed, unauthenticated, conflict: a description, or all of
// them together; conflict: the ledger is a network's, or grew with others. unsupported: this node hosts more than one organisation.
Result<edge::http::Response> grow(const AdminActs& acts, const GrowthPlace& place, const codec::json::Value& order,
                                  vault::AuditEntry& entry);

}  // namespace careledger::apps
