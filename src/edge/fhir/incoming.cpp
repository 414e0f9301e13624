#include "edge/fhir/incoming.h"

#include "codec/fhir/check.h"
#include "codec/fhir/definitions.h"
#include "codec/fhir/instant.h"
#include "edge/fhir/text.h"

namespace careledger::edge::fhir {

using codec::json::Document;
using codec::json::Value;

Outcome<Document> parse_body(std::string&& body) {
  if (body.empty()) return tl::make_unexpected(failure(400, "required", "the body is empty"));
  auto document = codec::json::parse_owned(std::move(body));
  if (!document) return tl::make_unexpected(failure_of(document.error()));
  return std::move(*document);
}

Outcome<void> check_resource(const Value& resource, std::string_view type, std::string_view location) {
  const auto findings = codec::fhir::check(resource, {100, location});
  if (has_error(findings)) return tl::make_unexpected(failure_of(findings));
  if (!type.empty() && resource.string_at("resourceType") != type) {
    const std::string at = location.empty() ? std::string(resource.string_at("resourceType")) : std::string(location);
    return tl::make_unexpected(failure(400, "invalid", "the resource is of another type than the URL says", at));
  }
  return {};
}

void stamp(Document& document, Value& resource, std::string_view id, std::uint32_t version, BlockTime time) {
  if (resource.find("id") == nullptr) document.insert(resource, 1, "id", document.string(id));
  else document.set(resource, "id", document.string(id));
  if (resource.find("meta") == nullptr) {
    std::size_t at = 0;
    while (resource.members()[at].key() != "id") ++at;
    document.insert(resource, at + 1, "meta", document.object());
  }
  Value& meta = *resource.find("meta");
  document.set(meta, "versionId", document.string(std::to_string(version)));
  document.set(meta, "lastUpdated", document.string(codec::fhir::format_instant(time)));
}

Result<bool> exists(const vault::View& view, std::string_view type, std::string_view id) {
  CARELEDGER_TRY(const std::uint64_t count, view.count({std::string(type), {}, {std::string(id)}}, 1));
  return count == 1;
}

Outcome<void> check_if_match(std::string_view field, std::uint32_t current, const std::string& expression) {
  if (field.empty() || (trimmed(field) == "*" && current != 0)) return {};
  const auto wanted = trimmed(field) == "*" ? std::optional<std::uint32_t>(0) : version_of_etag(field);
  if (!wanted) return tl::make_unexpected(failure(400, "invalid", "If-Match must be one ETag like W/\"3\"", expression));
  if (current != 0 && wanted == current) return {};
  const std::string is = current == 0 ? "the resource does not exist" : "the resource is at version " + std::to_string(current);
  return tl::make_unexpected(failure(412, "conflict", is + ", not at the one in If-Match", expression));
}

}  // namespace careledger::edge::fhir
