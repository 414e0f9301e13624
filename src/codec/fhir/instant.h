// FHIR instants (http://hl7.org/fhir/R4/datatypes.html#instant) and block time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace careledger::codec::fhir {

// Seconds and a time zone are required; fractions beyond a millisecond are cut off. nullopt for anything else, leap second 60 included.
std::optional<BlockTime> parse_instant(std::string_view text);
// The first moment of a day in UTC, "2026-11-21"; nullopt for anything else.
std::optional<BlockTime> parse_day(std::string_view text);
std::string format_instant(BlockTime time);  // 2026-11-21T09:30:00.500Z; years 0001 to 9999 (asserted)

}  // namespace careledger::codec::fhir
