// Why a custodian does not release: a closed list, told to the requester, recorded, and shown to the patient.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ids.h"
#include "exchange/messages.pb.h"
#include "exchange/terms.h"
#include "kernel/contract.h"

namespace careledger::exchange {

// In the order in which they win. Numbers are never reused.
enum class Refusal : std::uint16_t {
  organisation_unknown = 1,  // or not active: suspended members receive nothing
  licence_not_in_force = 2,  // the practitioner is not accredited by the requester, or the licence lapsed or was revoked
  patient_unknown = 3,       // no patient here has such an identifier
  no_consent = 4,            // nothing was shown that lets the requester receive
  consent_unknown = 5,       // what was shown is not what the ledger holds a commitment to
  relationship_not_active = 6,
  consent_revoked = 7,
  consent_not_in_force = 8,  // before its period, or after it: by the block's time or by this node's clock
  not_the_grantee = 9,
  purpose_not_granted = 10,
  category_not_granted = 11,
};
std::string_view name_of(Refusal refusal);  // "consent_revoked"
std::optional<Refusal> refusal_of(std::uint32_t number);

// Code of kRoleSystem for a registry role: "physician"; its number for one that has no name here.
std::string role_code(std::uint32_t role);

struct Moment {
  BlockTime block;  // of the newest block
  BlockTime clock;  // of this node: whichever says "lapsed" is believed
};

// What the ledger says of the requester; nullopt: nothing against it.
std::optional<Refusal> judge_requester(const kernel::Reader& state, const OrganisationId& requester, const Digest& practitioner,
                                       Moment moment);

struct Judged {
  std::optional<Refusal> refusal;
  Terms terms;                       // when there is none
  std::set<std::string> categories;  // that are asked for and granted
};
// What the shown opening is worth. `withdrawn_here`: the patient told this node so, and the ledger may not know yet.
Judged judge_opening(const kernel::Reader& state, const ReleaseRequest& request, bool withdrawn_here, Moment moment);

}  // namespace careledger::exchange
