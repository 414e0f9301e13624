// Holds the ledger against itself and against those who remember it. The chain of a network's is apps/network/chain_check.h's.
#pragma once

#include <functional>

#include "apps/blocks_check.h"
#include "apps/ledger.h"
#include "proof/trust.h"
#include "vault/check.h"
#include "vault/relationships.h"

namespace careledger::apps {

struct LedgerReport {
  std::vector<vault::CheckFinding> findings{};  // by block
  replica::ResultsAudit::Count results{};
};
// Of an embedded ledger: every block with its header, the header before and the one after, and the validator's signature; the log, made
// again; which commands of the blocks stand there, and whether the index leads to them (apps/blocks_check.h).
// Any thread; the ledger may go on meanwhile.
LedgerReport check_ledger(Ledger& ledger, std::size_t findings_max, const std::function<void(std::uint64_t, std::uint64_t)>& progress);
// Of any ledger: its files, and the memory of the witnesses.
std::vector<vault::CheckFinding> check_kept(Ledger& ledger);

// The newest head of an organisation's audit map that stands on the ledger.
Result<std::optional<ledger::AccessHead>> access_head(Ledger& ledger, const OrganisationId& organisation);
// Whether the ledger goes on from a checkpoint that somebody remembers (a signed note, docs/formats/log-and-checkpoints.md). `trust` names
// the keys that must have signed it: the log's, and as many witnesses as its quorum. Findings: another ledger than the trust file's, a
// note that is not this log's, a history that does not contain it. An error when nothing could be looked at.
Result<std::vector<vault::CheckFinding>> check_remembered(Ledger& ledger, const std::string& name, ByteView note,
                                                          const proof::Trust& trust);
// The same for what wallets cosigned and handed to an organisation; counts them in `seen`.
Result<std::vector<vault::CheckFinding>> check_cosigned(Ledger& ledger, const vault::Relationships& relationships, std::size_t findings_max,
                                                        std::uint64_t& seen);
// The signed blocks of a ledger, from the lowest that is kept.
struct SignedBlocks {
  Height first;
  std::function<Result<proof::LightBlock>(Height)> at;
};
struct TrustCheck {
  std::vector<vault::CheckFinding> findings{};
  std::vector<std::string> notes{};   // what could be looked at in part
  std::vector<std::string> unheld{};  // what nothing here can be held against: neither right nor wrong
};
// Whether the ledger is the one that a trust file names: id, validators, log key, the block of its anchor. Of an anchor below the first
// signed block that is kept, its validators are asked for: those who hold more than two thirds of their votes must have signed that one.
TrustCheck check_trusted(Ledger& ledger, const SignedBlocks& blocks, const proof::Trust& trust);

// What vault::check_vault and check_audit ask of the ledger.
void ask_ledger(Ledger& ledger, const OrganisationId& organisation, vault::CheckOptions& options);

}  // namespace careledger::apps
