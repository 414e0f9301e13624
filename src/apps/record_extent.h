// What belongs to one patient's record when it is exported.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vault/vault.h"

namespace careledger::apps {

struct RecordPart {
  std::string type, id;
  std::vector<std::uint32_t> versions;  // newest first, one at least
  std::uint32_t gone = 0;               // versions that were erased, or say that the resource was deleted for a while
};

// The Patient first; what is in its compartment by now (http://hl7.org/fhir/R4/compartmentdefinition-patient.html); and what these refer
// to, directly or through each other, of types that stand in no patient's compartment (Medication, Binary, Practitioner…). Of each the
// versions that are this patient's: one that was somebody else's by mistake stays out, and so does what names another Patient without lying
// in the compartment (another's Device, a Bundle with others in it). Not in it either: what other servers have, and what was deleted or is
// another patient's by now. `base` is this endpoint's own ("https://north.example/fhir"): URLs below it are its own. not_found, gone: of
// the Patient. Reads every body once.
Result<std::vector<RecordPart>> record_extent(const vault::View& view, const std::string& patient, std::string_view base);

}  // namespace careledger::apps
