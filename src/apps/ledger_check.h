// Looks through every block of the embedded ledger and compares it with its header, the header before, and the validator's signature.
#pragma once

#include <functional>

#include "apps/ledger.h"
#include "vault/check.h"

namespace careledger::apps {

// Findings name the block by height. An error only when nothing could be looked at. Any thread; the ledger may go on meanwhile.
Result<std::vector<vault::CheckFinding>> check_ledger(Ledger& ledger, std::size_t findings_max,
                                                      const std::function<void(std::uint64_t, std::uint64_t)>& progress);

// The newest head of an organisation's audit map that stands on the ledger.
Result<std::optional<ledger::AccessHead>> access_head(Ledger& ledger, const OrganisationId& organisation);

// What vault::check_vault and check_audit ask of the ledger.
void ask_ledger(Ledger& ledger, const OrganisationId& organisation, vault::CheckOptions& options);

}  // namespace careledger::apps
