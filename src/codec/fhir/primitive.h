// FHIR's primitive formats (http://hl7.org/fhir/R4/datatypes.html) and what a date means as an interval. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "codec/fhir/definitions.h"

namespace careledger::codec::fhir {

// The JSON kind that the type has: boolean, number or string.
json::Kind json_kind(Primitive type);
std::string_view name_of(Primitive type);  // "positiveInt"

// Whether the text (of a JSON string or number of the right kind) is of the type, as the regular expressions of R4 have it, and also:
// dates exist in the calendar, integers fit 32 bits, base64 has whole groups.
bool is_valid(Primitive type, std::string_view text);

bool is_id(std::string_view text);  // [A-Za-z0-9\-\.]{1,64}

// The time that a date, dateTime or instant covers, by its precision: [low, high) in milliseconds since 1970. A date without a zone is
// taken as UTC. nullopt when it is not valid. 2020-01 gives the whole month; a second with fractions gives its last given digit's span,
// but no less than a millisecond.
struct Interval {
  std::int64_t low;
  std::int64_t high;
  friend bool operator==(const Interval&, const Interval&) = default;
};
std::optional<Interval> interval_of(std::string_view date_time);

}  // namespace careledger::codec::fhir
