// The project's own FHIR definitions, compiled in from definitions/careledger. For edge/fhir alone. Constant, safe from any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace careledger::edge::fhir {

struct Definition {
  std::string_view type;  // "OperationDefinition"
  std::string_view id;
  std::string_view url;
  std::string_view code;  // of an operation: "retrieve"; else empty
  std::string_view text;  // JSON
};
extern const Definition kDefinitions[];
extern const std::size_t kDefinitionCount;

}  // namespace careledger::edge::fhir
