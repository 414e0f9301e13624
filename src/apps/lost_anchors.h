// Anchors of an organisation that stand on the ledger and that its vault does not know: of records that are not here any more, because an
// older backup was restored, or that were anchored again since.
//
// Thread-safety: any thread; the ledger may go on meanwhile.
#pragma once

#include <set>

#include "apps/ledger.h"

namespace careledger::apps {

struct LostAnchors {
  std::uint64_t count = 0;
  Height first, last;  // blocks
};
// `known`: digests of the commands that the vault has. Looks through every block that is here.
Result<LostAnchors> lost_anchors(const replica::View& ledger, const OrganisationId& organisation, const std::set<Digest>& known);

}  // namespace careledger::apps
