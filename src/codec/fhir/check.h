// Whether a JSON value is a well-formed FHIR R4 resource: known elements of the right JSON types, cardinalities, formats of
// primitives, choice types, extensions, references. Every finding is reported, not only the first.
//
// Not judged: codes (an unknown one is never refused), profiles, and invariants but for those that JSON itself needs (an element has
// a value or children; an extension has a value or extensions, never both). Sources: https://hl7.org/fhir/R4/json.html and the
// definitions in definitions/fhir-r4. Pure and safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json/json.h"

namespace careledger::codec::fhir {

enum class Severity : std::uint8_t { error, warning };

// Of http://hl7.org/fhir/issue-type, those that the check uses.
enum class IssueType : std::uint8_t { structure, required, value, invariant, extension };
std::string_view name_of(IssueType type);  // "structure"

struct Finding {
  Severity severity;
  IssueType type;
  std::string location;  // FHIRPath: Patient.name[0].given[1]; names that are not letters and digits appear as ?
  std::string text;      // what is wrong and what was expected, never a value
};

struct CheckOptions {
  std::size_t findings_max = 100;  // then it stops looking
  std::string_view location;       // put before every location instead of the resource type: "Bundle.entry[3].resource"
};

// Empty when there is nothing to find. The resource's type is that of its resourceType.
std::vector<Finding> check(const json::Value& resource, const CheckOptions& options = {});

}  // namespace careledger::codec::fhir
