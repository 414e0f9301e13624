// What belongs to one patient's record when it is exported.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vault/vault.h"

namespace careledger::apps {

// Names, "Type/id/_history/newest version", of what is current in the view: the Patient first; everything in its compartment
// (http://hl7.org/fhir/R4/compartmentdefinition-patient.html); and what these refer to, directly or through each other, as long as it is of
// a type that stands in no patient's compartment: Medication, Binary, Practitioner, Organization… Not in it: what other servers have, what
// was deleted or has moved to another patient's record. `base` is this endpoint's own ("https://north.example/fhir"): URLs below it are its
// own. not_found, gone: of the Patient. Reads every body once.
Result<std::vector<std::string>> record_extent(const vault::View& view, const std::string& patient, std::string_view base);

}  // namespace careledger::apps
