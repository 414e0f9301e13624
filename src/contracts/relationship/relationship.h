// The relationship contract (2): one patient at one organisation. A patient is a different pseudonym (AccountId) to every organisation;
// under it stand only this status and the grants.
//
//   propose ──> proposed ──accept──> active ──end──> ended            held in trust: propose ──> active
//                  │ reject                │ merge / unmerge
//                  v                       v
//               rejected                 merged ──end──> ended
//
// Acceptance gates sharing, never keeping: an organisation keeps records whatever the status is.
#pragma once

#include "contracts/relationship/relationship.pb.h"
#include "contracts/rules.h"

namespace careledger::contracts::relationship {

enum class Codes : std::uint16_t {  // in the order in which they win; numbers are never reused
  ok = 0,
  not_an_organisation = 1,
  authority_unsound = 2,
  account_exists = 3,  // the same authority and nonce were proposed before
  relationship_unknown = 4,
  not_a_party = 5,  // neither this patient nor this organisation
  not_the_patient = 6,
  not_the_organisation = 7,
  not_proposed = 8,  // accepted, rejected or ended already
  already_over = 9,  // rejected or ended
  not_active = 10,
  not_merged = 11,
  not_held_in_trust = 12,
  still_held_in_trust = 13,   // claim it first
  new_authority_silent = 14,  // the new keys have not signed the handover
};

enum class Status : std::uint32_t { proposed = 1, active = 2, rejected = 3, ended = 4, merged = 5 };

inline constexpr kernel::Table<Relationship, RelationshipId> kRelationships{{0x20}, "relationships"};

RelationshipId relationship_id(const OrganisationId& organisation, const AccountId& patient);
inline bool is_active(const Relationship& row) { return row.status() == number_of(Status::active); }

// What the keys of a new authority sign, so that nobody hands an account to keys that nobody has:
// field("careledger/handover/1") ‖ ledger ‖ patient ‖ canonical authority.
Bytes handover_bytes(const LedgerId& ledger, const AccountId& patient, const ledger::Authority& authority);

extern const kernel::Contract kContract;

}  // namespace careledger::contracts::relationship
