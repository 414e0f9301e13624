// The consent contract (3): a patient grants and revokes. The ledger knows neither to whom nor what: it keeps a salted commitment to the
// terms, a day and whether it was revoked. Who was shown the terms compares them with the row.
#pragma once

#include "contracts/consent/consent.pb.h"
#include "contracts/rules.h"

namespace careledger::contracts::consent {

enum class Codes : std::uint16_t {  // in the order in which they win; numbers are never reused
  ok = 0,
  relationship_unknown = 1,
  relationship_not_active = 2,
  not_the_patient = 3,
  grant_exists = 4,
  number_not_next = 5,
  expiry_has_come = 6,
  grant_unknown = 7,
  grant_revoked = 8,  // already
};

inline constexpr kernel::Table<GrantRow, RelationshipId, kernel::Counter> kGrants{{0x30}, "grants"};

// Whether a grant is in force at a time: its row is there, not revoked and not lapsed, and its relationship active.
bool is_in_force(const kernel::Reader& state, const RelationshipId& relationship, kernel::Counter number, BlockTime time);

// The number that the next grant of a relationship must have. Reads one row for each power of two of grants, so for clients only.
kernel::Counter next_number(const kernel::Reader& state, const RelationshipId& relationship);

extern const kernel::Contract kContract;

}  // namespace careledger::contracts::consent
