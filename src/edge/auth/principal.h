// Who is asking, and why: what every request is turned into before anything else looks at it, and the one table of who may do what.
//
// Thread-safety: values and pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace careledger::edge::auth {

enum class Role : std::uint8_t {
  clinician,      // a person of the organisation who treats
  system,         // a program of the organisation: its health-record system, an importer
  patient,        // reads what stands in the own compartment, nothing else
  auditor,        // reads who did what, never a record
  administrator,  // runs the node, never reads a record
};
const char* name_of(Role role);               // "clinician"
Result<Role> role_of(std::string_view name);  // invalid

struct Principal {
  OrganisationId organisation;  // whose endpoint this is and who vouches for the actor
  std::string actor;            // the organisation's own id of the person or program: "Practitioner/17"; 1 to 128 printable bytes
  Role role = Role::clinician;
  std::string purpose = "TREAT";    // code of http://terminology.hl7.org/CodeSystem/v3-ActReason: TREAT, ETREAT, PATRQT, HRESCH…
  std::vector<std::string> scopes;  // SMART App Launch 2 scopes, "user/Observation.rs"; empty: everything the role may
  std::string compartment;          // the id of the Patient resource of a patient; empty for every other role
  bool emergency = false;           // break-glass: a clinician who states an emergency; the answer must be audited as one
};

enum class Action : std::uint8_t {
  read,  // one version, also vread
  search,
  history,
  create,
  update,        // also patch and update as create
  remove,        // FHIR delete
  transaction,   // batch or transaction; each entry is judged again by its own action
  retrieve,      // ask another organisation for a record
  export_data,   // a whole record with its proofs, bulk
  prove,         // a proof of one record
  read_audit,    // who saw what; for a patient: of the own record
  administrate,  // backup, restore, keys, configuration
};
const char* name_of(Action action);  // "read", "export", "read-audit"

// What is known about the thing acted on when the question is asked. Ask again for each row once it is known to which patient it belongs.
struct ResourceMeta {
  std::string_view type;                    // "Observation"; empty when the action has none
  std::string_view id;                      // empty when it has none yet
  std::span<const std::string> patients{};  // ids of the Patient resources whose record it is part of
};

// Every path from outside asks this. forbidden, with the rule that refused in the message (never an id).
Result<void> permit(const Principal& principal, Action action, const ResourceMeta& meta);

}  // namespace careledger::edge::auth
