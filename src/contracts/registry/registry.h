// The registry contract (1): organisations with kinds, the practitioners and devices that one accredits, authorities and their keys.
//
// Who may do what: the founder admits, suspends, reinstates and activates the next protocol version; an organisation accredits, renews and
// revokes its own; every account revokes its keys and, but for a patient's, whose keys change by the relationship contract, rotates its
// authority. Anybody reads. A suspended organisation commands nothing (kernel: actor_not_active).
#pragma once

#include "contracts/registry/registry.pb.h"
#include "contracts/rules.h"

namespace careledger::contracts::registry {

enum class Codes : std::uint16_t {  // in the order in which they win; numbers are never reused
  ok = 0,
  not_the_founder = 1,
  not_an_organisation = 2,
  authority_unsound = 3,  // see kernel::is_sound
  account_exists = 4,     // the same authority and nonce were admitted before
  organisation_unknown = 5,
  organisation_suspended = 6,  // already
  organisation_not_suspended = 7,
  holder_exists = 8,
  holder_unknown = 9,
  not_the_accreditor = 10,
  accreditation_revoked = 11,  // and stays so
  licence_expired = 12,        // valid_to_day has come already
  key_unknown = 13,
  key_not_valid = 14,           // revoked or lapsed already
  threshold_unreachable = 15,   // too few command keys would be left
  protocol_not_next = 16,       // versions count up by one
  activation_too_early = 17,    // not after this block, or not after the version before
  held_by_a_relationship = 18,  // a patient's account: claim or change_controller there
};

enum class OrganisationKind : std::uint32_t {
  hospital = 1,
  clinic = 2,
  pharmacy = 3,
  laboratory = 4,
  insurer = 5,
  manufacturer = 6,
  distributor = 7,
  university = 8,
  sponsor = 9,
  researcher = 10,
  regulator = 11,
};
enum class OrganisationStatus : std::uint32_t { active = 1, suspended = 2 };
enum class HolderKind : std::uint32_t { practitioner = 1, device = 2 };

// An open list: unknown roles up to 999 are kept.
enum class Role : std::uint32_t {
  physician = 1,
  nurse = 2,
  midwife = 3,
  pharmacist = 4,
  laboratory_scientist = 5,
  dentist = 6,
  therapist = 7,
  paramedic = 8,
  administrator = 9,
  researcher = 10,
  instrument = 11,  // a device
};
inline constexpr std::uint32_t kRoleMax = 999;
inline constexpr std::size_t kNameSizeMax = 200;

inline constexpr kernel::Table<ledger::Organisation, AccountId> kOrganisations{{0x10}, "organisations"};
inline constexpr kernel::Table<Accreditation, Digest> kAccreditations{{0x11}, "accreditations"};

Digest holder_id(const OrganisationId& organisation, ByteView nonce32);

// Whether a practitioner's or device's accreditation holds at a time: known, by this organisation, not revoked, not lapsed, and its
// organisation not suspended.
bool is_accredited(const kernel::Reader& state, const OrganisationId& organisation, const Digest& holder, BlockTime time);

// What the founder of a ledger does, and in a network a vote (governance). judge() says whether it could be done now, by whomever; apply()
// does it.
bool well_formed(const Admit& c);
bool well_formed(const Suspend& c);
bool well_formed(const Reinstate& c);
bool well_formed(const Activate& c);
Codes judge(const Admit& c, const kernel::Call& call, const kernel::Reader& state);
Codes judge(const Suspend& c, const kernel::Call& call, const kernel::Reader& state);
Codes judge(const Reinstate& c, const kernel::Call& call, const kernel::Reader& state);
Codes judge(const Activate& c, const kernel::Call& call, const kernel::Reader& state);
void apply(const Admit& c, const kernel::Call& call, kernel::Writer& state);
void apply(const Suspend& c, const kernel::Call& call, kernel::Writer& state);
void apply(const Reinstate& c, const kernel::Call& call, kernel::Writer& state);
void apply(const Activate& c, const kernel::Call& call, kernel::Writer& state);

extern const kernel::Contract kContract;

}  // namespace careledger::contracts::registry
