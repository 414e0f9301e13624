// References (http://hl7.org/fhir/R4/references.html): reading their forms, and visiting all of a resource's to resolve or rewrite them.
// Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "codec/json/json.h"

namespace careledger::codec::fhir {

enum class ReferenceForm : std::uint8_t {
  malformed,    // none of the below
  contained,    // #id; # alone is the container itself
  relative,     // Type/id or Type/id/_history/version, of a type that R4 has
  conditional,  // Type?query, as in a transaction's Bundle
  absolute,     // any URI with a scheme: http(s), urn:uuid:, urn:oid:
};

// Views into the text that was read; empty where the form has no such part.
struct Reference {
  ReferenceForm form = ReferenceForm::malformed;
  std::string_view type;     // relative, conditional; also of an absolute URL that ends in Type/id
  std::string_view id;       // relative, contained; also of an absolute URL that ends in Type/id
  std::string_view version;  // relative, or absolute in that way
  std::string_view query;    // conditional: after the question mark
  std::string_view base;     // absolute URL that ends in Type/id: what stands before it, with no slash at its end
};
Reference read_reference(std::string_view text);

// What an absolute URL names below `base` ("https://north.example/fhir"): "Type/id", a version behind it if it has one. Empty when it is
// another server's, or no such URL. Schemes are not compared, because a proxy before the server may end TLS; neither is case.
std::string_view below_base(std::string_view reference, std::string_view base);

// Calls `visit` for the string of every Reference.reference in the resource, contained ones and those inside a Bundle's entries and in
// extensions included, in document order. It may replace the value by another string of the same Document. `location` gives the
// FHIRPath of the string. A Reference is known by the definitions, not by its looks: check() the resource first, what that refuses
// may be missed here. visit_uris does the same for elements of type uri, url, canonical, oid and uuid, to which a transaction's
// urn:uuid: must be carried too (http://hl7.org/fhir/R4/http.html#transaction).
using Location = std::function<std::string()>;
using VisitString = std::function<void(json::Value& text, const Location& location)>;
void visit_references(json::Value& resource, const VisitString& visit);
void visit_uris(json::Value& resource, const VisitString& visit);

// The same strings, for reading.
using SeeString = std::function<void(std::string_view text)>;
void see_references(const json::Value& resource, const SeeString& see);
void see_uris(const json::Value& resource, const SeeString& see);

}  // namespace careledger::codec::fhir
