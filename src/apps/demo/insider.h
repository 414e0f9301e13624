// What somebody does who has root and every key of the node: edits single rows so that they open without complaint, keeps a second book of
// accesses, and signs the whole history again with one command left out. Each works on a folder that no process uses.
//
// Thread-safety: one thread.
#pragma once

#include <string>
#include <vector>

#include "apps/config.h"
#include "apps/layout.h"
#include "apps/seal_choice.h"

namespace careledger::apps::demo {

// A file or a folder with all in it; replaces what is at `to`.
Result<void> copy_over(const std::string& from, const std::string& to);
// The folder and its key file beside it, as a thief takes both along.
Result<void> copy_node(const Layout& from, const Layout& to);

// One row each of the organisation's records, index and audit file, and one block of the ledger, through the stores, with the node's keys.
struct EditedRows {
  std::string observation;        // the record: a laboratory result with another value
  std::string patient;            // the index row: found by another birth date
  std::uint64_t audit_entry = 0;  // somebody else did it
  Height block;                   // a command in it says something else
};
Result<EditedRows> edit_rows(const Layout& layout, const OrganisationConfig& organisation, const std::string& observation,
                             const std::string& patient);

// In a member's copy of the state of a network, the row of its own vote says another weight. The root beside the state stays that of the
// true rows, until it is replaced as well: then the folder opens without complaint.
Result<void> edit_vote(const Layout& layout, const OrganisationConfig& member, std::uint64_t weight);
Result<void> replace_root(const Layout& layout);
// Whether the newest block changed nothing, so that a header which the others signed tells of the state as it is.
Result<bool> ends_with_empty_block(const Layout& layout);

// Signs the true history again under the node's and the organisation's keys, without the last withdrawal of a consent. The folder opens,
// serves and audits as sound by itself; what organisations and wallets remember on this disk is taken away.
struct Rewritten {
  Height block;              // that lost the command
  std::uint64_t blocks = 0;  // signed again
  std::uint64_t before = 0;  // commands in the log, then and now
  std::uint64_t commands = 0;
};
Result<Rewritten> rewrite_history(const Layout& layout);

// Keeps the audit map of an organisation anew with everything in it but the newest release, and one harmless entry in its place, so that no
// counter shows it.
Result<void> leave_out_release(const Layout& layout, const OrganisationConfig& organisation);

}  // namespace careledger::apps::demo
