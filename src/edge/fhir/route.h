// What a request asks for: which FHIR interaction, on what, and in which form the answer should come. For edge/fhir alone.
// Pure functions, safe from any thread. Source: http://hl7.org/fhir/R4/http.html.
#pragma once

#include <string>

#include "edge/fhir/outcome.h"
#include "edge/http/message.h"

namespace careledger::edge::fhir {

enum class Interaction : std::uint8_t {
  none,  // refused: no interaction is asked for like that
  capabilities,
  read,
  vread,
  history,
  create,
  update,
  remove,
  search,
  bundle,  // batch or transaction: the body says which
  operation,
};

struct Route {
  Interaction interaction = Interaction::none;
  std::string type{};
  std::string id{};
  std::uint32_t version = 0;
  std::string operation{};    // "$retrieve"
  std::string compartment{};  // search below Patient/id: whose; else empty
  bool form = false;          // search by POST _search: parameters stand in the body too
};
// 404 for a path that R4 does not have or a type it does not know, 405 (with `allow`) for a method that does not go with the path. Then
// `route` says what of it could be read: type and id, so that the refusal can be recorded and counted where it belongs.
Outcome<void> route_of(const http::Request& request, Route& route, std::string& allow);

enum class Prefer : std::uint8_t { unspecified, minimal, representation, outcome };
struct Form {
  bool pretty = false;
  bool lenient = false;  // Prefer: handling=lenient
  Prefer prefer = Prefer::unspecified;
};
// 406 for a format that is not JSON, 415 for a body that is not.
Outcome<Form> form_of(const http::Request& request, bool has_body);
bool is_form_parameter(std::string_view name);  // "_format", "_pretty"

}  // namespace careledger::edge::fhir
