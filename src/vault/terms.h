// Terms of the index, by kind of search parameter, and the clauses that ask for them (https://hl7.org/fhir/R4/search.html). The encodings
// are permanent: docs/formats/vault.md. Pure functions.
//
//   token      code 00 system
//   string     folded 00 as written
//   reference  Type/id, or a URL
//   date       low ‖ high, 8 bytes each in order of time; an interval longer than 25 hours has a second row under "parameter~": high ‖ low
//   number     low ‖ high, 8 bytes each in numeric order;  quantity: the same, then code 00 system
//   uri        the URI
// What is longer than 256 bytes keeps its first 220 and gets the digest of the whole: equality stays exact, ranges see the beginning.
#pragma once

#include "codec/fhir/index.h"
#include "vault/search.h"

namespace careledger::vault {

void append_terms(const codec::fhir::IndexValue& value, std::vector<Term>& terms);  // unsorted, repeats possible

using Alternative = Clause::Alternative;

// One value of a parameter, to be put into Clause::any_of beside others. `system` nullopt: any system; empty: none.
Alternative token_is(std::string_view code, std::optional<std::string_view> system);
Alternative token_of_system(std::string_view system);  // system|  (walks the whole parameter)
Alternative string_starts(std::string_view text);      // folded inside
Alternative string_contains(std::string_view text);    // walks the whole parameter
Alternative string_exact(std::string_view text);
Alternative reference_is(std::string_view reference);  // "Patient/17" or a URL
Alternative uri_is(std::string_view uri);
Alternative uri_below(std::string_view uri);
Alternative any_value();  // `:missing=false`; with Clause::negate `:missing=true`

enum class Comparison : std::uint8_t { eq, ne, gt, lt, ge, le, sa, eb };  // the prefixes of R4 (ap is eq of a wider interval)
// `sought` is [low, high) as codec::fhir::interval_of gives it. One or more alternatives of one and the same value.
std::vector<Alternative> date_is(std::string_view parameter, Comparison comparison, const codec::fhir::Interval& sought);
// `low` and `high` are the bounds of what the number's precision covers: 5.4 is [5.35, 5.45).
Alternative number_is(Comparison comparison, double low, double high);
// The same with a unit: `code` and `system` empty match any.
Alternative quantity_is(Comparison comparison, double low, double high, std::string_view code, std::string_view system);

}  // namespace careledger::vault
