// One value of a search parameter, as terms of the index. For edge/fhir alone. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "codec/fhir/definitions.h"
#include "vault/terms.h"

namespace careledger::edge::fhir {

struct SearchKey {  // "subject:Patient"
  codec::fhir::SearchParameter parameter;
  std::string_view modifier;  // empty: none
  std::string_view base{};    // the server's own
};

// Splits at an unescaped `separator` (comma, bar, dollar); the parts keep their escapes.
std::vector<std::string_view> split_value(std::string_view text, char separator);

// The alternatives that one value (no comma any more, escapes still in) stands for. invalid: the value's form; unsupported: the modifier.
Result<std::vector<vault::Alternative>> alternatives_of(const SearchKey& key, std::string_view value, BlockTime now);

}  // namespace careledger::edge::fhir
