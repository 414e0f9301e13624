// Makes proof bundles for what a vault holds: a version's record claim, a patient's complete list of accesses.
//
// Thread-safety: any thread; borrows replica and ordering for the call.
#pragma once

#include <set>
#include <string>

#include "ordering/ordering.h"
#include "proof/bundle.h"
#include "replica/replica.h"
#include "vault/audit.h"
#include "vault/types.h"

namespace careledger::vault {

// A state that a durable header commits to, and that header.
struct Provable {
  replica::View view;
  proof::SignedHeader header;
  proof::ValidatorSet validators;
};
// The newest there is. unavailable in the instant between a write and the block that proves it, when no older view is kept.
Result<Provable> newest_provable(const replica::Replica& replica, const ordering::Ordering& ordering);

struct RecordProofOptions {
  std::set<std::string> disclose{"id"};  // top-level elements to show, with their salts; "*" shows all
  bool currency = true;                  // also say what became of it since
};
// not_found while the version is not on the ledger, unavailable while it is there above `at`'s height, and not_found when an element to be
// shown is not in the version. Of an erased version it is proven that it existed and what became of it; nothing of it is shown, whatever
// `disclose` says.
Result<proof::Bundle> prove_record(const Provable& at, const OrganisationId& organisation, const ProofMaterial& material,
                                   const RecordProofOptions& options);

// Of the command that anchors the version, as the ledger's log has it. not_found while it is not on the ledger.
Result<Digest> anchoring_command(const ProofMaterial& material);

// Every entry of the list opened; its details too when `with_details`. `at` must be at or above the list's head, and the head the newest
// that the ledger has of the organisation (conflict otherwise: take the list again). The head's command goes with it, with its place in the
// log: nothing else of the list is under the eyes of the log's witnesses.
Result<proof::Bundle> prove_accesses(const Provable& at, const OrganisationId& organisation, AccessList list, bool with_details);

}  // namespace careledger::vault
