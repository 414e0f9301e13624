// New keys for an organisation: those that it signs commands, envelopes, requests and promises with, the one that others seal to, and the
// one of its access tokens. The checkpoint key stays, because trust files name it.
//
//   prepared in the keystore -> on the ledger -> current in the keystore
//
// Until the ledger has a key the one before is current, and after that adopt_keys() makes it so at every start: no crash leaves an
// organisation without a key that the ledger knows. Old signatures stay verifiable as of their block (PastAuthority).
//
// Thread-safety: one thread, on a node that serves nobody.
#pragma once

#include "apps/ledger.h"
#include "apps/organisation.h"

namespace careledger::apps {

// Which keys are current, by what the ledger says: of keys that were prepared, or retired when an older ledger was restored. Before anybody
// takes a key for use. Keys that the ledger does not know stay as they are.
Result<void> adopt_keys(vault::Keystore& keys, const replica::View& view, const OrganisationId& organisation);

// Whether the ledger knows keys that the keystore only prepares: a rotation that was cut off took effect later, in a network, and what
// signs with the keys before is refused.
Result<bool> is_overtaken(vault::Keystore& keys, const replica::View& view, const OrganisationId& organisation);

// Gives the number of the authority that is in force afterwards. conflict, naming the ledger's code: nothing has changed but keys that wait
// in the keystore, and the same call goes on with them. Stops the organisation's anchors and heads: close it afterwards.
Result<std::uint32_t> rotate_keys(Organisation& organisation, Ledger& ledger);

}  // namespace careledger::apps
