// An entry of the audit map as a FHIR AuditEvent (http://hl7.org/fhir/R4/auditevent.html). Pure functions, safe from any thread.
#pragma once

#include "base/bytes.h"
#include "vault/audit.h"

namespace careledger::edge::fhir {

// `organisation`: whose map it is. The id is the entry's index; the patient is a pseudonym in the map and does not appear.
Bytes audit_event(const vault::OpenedEntry& opened, OrganisationId organisation, std::string_view organisation_name);

}  // namespace careledger::edge::fhir
