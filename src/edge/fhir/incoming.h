// Resources from outside: parsed, checked, given their id and version. For edge/fhir alone. One thread each.
#pragma once

#include "codec/json/json.h"
#include "edge/fhir/outcome.h"
#include "vault/vault.h"

namespace careledger::edge::fhir {

// Parses a body. 400 with the place when it is no JSON; 413 over a limit.
Outcome<codec::json::Document> parse_body(std::string&& body);
// Findings of the structure check and a type other than `type` (when not empty), located below `location` (empty: the resource's type).
Outcome<void> check_resource(const codec::json::Value& resource, std::string_view type, std::string_view location);
// Sets id, meta.versionId and meta.lastUpdated. The resource passed check_resource().
void stamp(codec::json::Document& document, codec::json::Value& resource, std::string_view id, std::uint32_t version, BlockTime time);

// Whether the resource is there and not deleted, without opening it.
Result<bool> exists(const vault::View& view, std::string_view type, std::string_view id);

// If-Match against the version found (0: there is none, or it is deleted): 412 when it does not hold, 400 when it is not an ETag.
Outcome<void> check_if_match(std::string_view field, std::uint32_t current, const std::string& expression);

}  // namespace careledger::edge::fhir
