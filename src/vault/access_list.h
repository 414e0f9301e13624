// Makes the list of one subject's accesses, or a part of it, at the head that the map stands at. For src/vault alone.
#pragma once

#include "vault/audit.h"

namespace careledger::vault {

// On the thread that folds, with nothing folded since `head`. Costs what is in the part and, on each side where it has a neighbour, the
// reading of fewer than Spine::kMarkEvery entries, however many the subject has. corrupt names what is damaged.
Result<AccessList> make_access_list(const AuditMap::State& state, const Subject& subject, const ListRange& range, const AuditHead& head);

}  // namespace careledger::vault
