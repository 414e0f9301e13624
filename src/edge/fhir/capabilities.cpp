// The CapabilityStatement (http://hl7.org/fhir/R4/capabilitystatement.html): made from the same tables that the interface works by, so
// that it says what is done and nothing else.
#include <span>

#include "codec/fhir/definitions.h"
#include "codec/fhir/instant.h"
#include "codec/json/json.h"
#include "edge/fhir/definitions.h"
#include "edge/fhir/state.h"
#include "edge/fhir/text.h"
#include "edge/http/gzip.h"

namespace careledger::edge::fhir {
namespace {

using codec::fhir::SearchParameter;

std::span<const Definition> all_definitions() { return {kDefinitions, kDefinitionCount}; }

void append_codes(Bytes& out, std::string_view name, std::initializer_list<std::string_view> codes) {
  codec::json::append_string(out, name);
  out += ":[";
  for (const std::string_view code : codes) {
    if (out.back() == '}') out += ',';
    out += '{';
    append_member(out, "code", code);
    out += '}';
  }
  out += ']';
}

void append_search_parameter(Bytes& out, const SearchParameter& parameter) {
  if (out.back() == '}') out += ',';
  out += '{';
  append_member(out, "name", parameter.code());
  append_member(out, "definition", parameter.url());
  append_member(out, "type", parameter.code() == "_id" ? std::string_view("token") : codec::fhir::name_of(parameter.kind()));
  out += '}';
}

void append_operations(Bytes& out, std::string_view type) {
  Bytes list;
  for (const Definition& one : all_definitions()) {
    if (one.type != "OperationDefinition" || !one.id.starts_with(std::string(type) + '-')) continue;
    list += list.empty() ? "{" : ",{";
    append_member(list, "name", one.code);
    append_member(list, "definition", one.url);
    list += '}';
  }
  if (!list.empty()) out += ",\"operation\":[" + list + ']';
}

void append_type(Bytes& out, const codec::fhir::ResourceType& type, bool operations) {
  const bool audit = type.name() == "AuditEvent";
  if (out.back() == '}') out += ',';
  out += '{';
  append_member(out, "type", type.name());
  out += ',';
  if (audit) {
    append_codes(out, "interaction", {"read", "search-type"});
  } else {
    append_codes(out, "interaction", {"read", "vread", "history-instance", "create", "update", "delete", "search-type"});
    out +=
        R"(,"versioning":"versioned-update","readHistory":true,"updateCreate":true,"conditionalCreate":true,"conditionalRead":"not-match")";
    out += R"(,"conditionalUpdate":false,"conditionalDelete":"not-supported","referencePolicy":["literal","enforced"])";
  }
  out += R"(,"searchParam":[)";
  for (const auto parameter : codec::fhir::SearchParameters(type)) {
    const bool own_way = parameter.code() == "_id";
    const bool of_audit = own_way || parameter.code() == "date" || parameter.code() == "patient";
    if (audit ? of_audit : own_way || parameter.is_evaluable()) append_search_parameter(out, parameter);
  }
  out += ']';
  if (operations) append_operations(out, type.name());
  out += '}';
}

Bytes make(const State& state, const std::string& base) {
  const BlockTime now = state.parts.clock.now();
  Bytes out = R"({"resourceType":"CapabilityStatement","status":"active","kind":"instance","fhirVersion":"4.0.1")";
  append_member(out, "date", codec::fhir::format_instant(now));
  out += R"(,"format":["application/fhir+json","json"],"software":{)";
  append_member(out, "name", "CareLedger");
  append_member(out, "version", state.config.version);
  out += R"(},"implementation":{)";
  append_member(out, "description", state.config.name.empty() ? "CareLedger" : state.config.name);
  append_member(out, "url", base);
  out += R"(},"rest":[{"mode":"server","security":{)";
  append_member(
      out, "description",
      "Every request needs an access token (RFC 6750) that names actor, role and purpose. Each is recorded before it is answered.");
  out += R"(},)";
  append_codes(out, "interaction", {"transaction", "batch"});
  out += R"(,"resource":[)";
  for (std::uint16_t i = 0; i < codec::fhir::resource_type_count(); ++i) {
    append_type(out, codec::fhir::resource_type(i), state.parts.operations != nullptr);
  }
  out += "]}]}";
  return out;
}

}  // namespace

Capabilities capabilities(State& state, const std::string& base) {
  const std::lock_guard lock(state.metadata_mutex);
  if (!state.metadata.plain || state.metadata_base != base) {
    state.metadata.plain = std::make_shared<const std::string>(make(state, base));
    state.metadata.packed = std::make_shared<const std::string>(http::gzip_pack(*state.metadata.plain));
    state.metadata_base = base;
  }
  return state.metadata;
}

std::string_view definition(std::string_view type, std::string_view id) {
  for (const Definition& one : all_definitions())
    if (one.type == type && one.id == id) return one.text;
  return {};
}

}  // namespace careledger::edge::fhir
