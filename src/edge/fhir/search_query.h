// Search parameters of a request, read into a query of the index (http://hl7.org/fhir/R4/search.html). For edge/fhir alone.
// Pure functions, safe from any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "codec/fhir/index.h"
#include "edge/fhir/outcome.h"
#include "edge/http/message.h"
#include "vault/search.h"

namespace careledger::edge::fhir {

struct SearchRequest {
  vault::Query query;
  std::optional<std::uint32_t> count{};    // _count; 0 asks for the number of matches alone
  bool total = false;                      // _total=accurate or estimate, or _summary=count
  std::string page{};                      // the token of a next link
  std::string compartment{};               // the Patient in whose compartment it looks; empty: everywhere
  std::vector<http::Parameter> applied{};  // what was heeded, for the self link
  std::vector<std::string> ignored{};      // names, when lenient
};

// 400 with every parameter that cannot be heeded: unknown ones, modifiers and chains that are not offered, values of a wrong form. Lenient:
// unknown ones are ignored, and said. `base`: the server's own; a reference by a URL below it is one to what is here.
Outcome<SearchRequest> read_search(std::string_view type, std::span<const http::Parameter> parameters, BlockTime now, bool lenient,
                                   std::string_view base);

// The criteria of a conditional reference or create: "identifier=urn:x|17&active=true", percent-encoded. At least one.
Outcome<vault::Query> read_condition(std::string_view type, std::string_view condition, BlockTime now, std::string_view base);

// Whether a resource with these terms (sorted) and this id answers to the query.
bool matches(const vault::Query& query, std::string_view id, std::span<const vault::Term> terms);
std::vector<vault::Term> terms_of(const codec::json::Value& resource);  // sorted

// The Patients that a search asks about by id or reference. It tells something of each of them, found or not.
std::vector<std::string> named_patients(const vault::Query& query);  // unsorted, repeats possible

// Adds: only what lies in this patient's compartment. False when no resource of the type can.
bool limit_to_compartment(vault::Query& query, std::string_view patient_id);

}  // namespace careledger::edge::fhir
