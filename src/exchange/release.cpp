#include "exchange/release.h"

#include <algorithm>

#include "codec/fhir/record.h"
#include "crypto/hash.h"
#include "vault/terms.h"

namespace careledger::exchange {
namespace {

namespace json = codec::json;

// Whether a resource, or one that it contains, has an element that stays behind.
bool has_withheld(const Terms& terms, const json::Value& resource) {
  const std::string_view type = resource.string_at("resourceType");
  for (const json::Member& member : resource.members()) {
    std::string_view name = member.key();
    if (name.starts_with('_')) name.remove_prefix(1);
    if (withholds(terms, type, name)) return true;
  }
  const auto contained = resource.items_at("contained");
  return std::any_of(contained.begin(), contained.end(), [&](const json::Value& one) { return has_withheld(terms, one); });
}

}  // namespace

std::optional<vault::Query> query_of(codec::fhir::ResourceType type, const std::string& patient_id) {
  vault::Query query;
  query.type = type.name();
  if (query.type == "Patient") {
    query.ids = {patient_id};
    return query;
  }
  vault::Clause whose;
  const vault::TermRange patient = vault::reference_is("Patient/" + patient_id).range;
  for (const auto parameter : codec::fhir::SearchParameters(type))
    if (codec::fhir::in_patient_compartment_by(type, parameter.code()) || parameter.code() == "patient")
      whose.any_of.push_back({std::string(parameter.code()), patient});
  if (whose.any_of.empty()) return std::nullopt;
  query.all_of.push_back(std::move(whose));
  return query;
}

std::set<std::string> released_elements(const Terms& terms, const json::Value& resource) {
  const std::string_view type = resource.string_at("resourceType");
  std::set<std::string> shown;
  for (const codec::fhir::RecordLeaf& leaf : codec::fhir::record_leaves(resource, Bytes(32, '\0')))
    if (!withholds(terms, type, leaf.name)) shown.insert(leaf.name);
  if (has_withheld(terms, resource)) {
    shown.erase("text");
    shown.erase("contained");
  }
  return shown;
}

Result<json::Document> resource_of(const proof::Report& report, bool partial) {
  json::Document resource;
  json::Value root = resource.object();
  resource.set(root, "resourceType", resource.string(report.type));
  for (const proof::ShownValue& shown : report.shown) {
    for (const auto& [name, text] : {std::pair(shown.name, shown.value), std::pair("_" + shown.name, shown.extra)}) {
      if (text.empty()) continue;
      CARELEDGER_TRY(const json::Document value, json::parse(text));
      resource.set(root, name, resource.copy(value.root()));
    }
  }
  resource.root() = root;
  if (!partial) return resource;
  json::Value label = resource.object();
  resource.set(label, "system", resource.string("http://terminology.hl7.org/CodeSystem/v3-ObservationValue"));
  resource.set(label, "code", resource.string("REDACTED"));
  json::Value* meta = resource.root().find("meta");
  if (meta == nullptr) {
    resource.set(resource.root(), "meta", resource.object());
    meta = resource.root().find("meta");
  }
  json::Value labels = resource.array();
  for (const json::Value& present : meta->items_at("security")) resource.append(labels, resource.copy(present));
  resource.append(labels, label);
  resource.set(*meta, "security", labels);
  return resource;
}

Digest grant_id(const RelationshipId& relationship, std::uint32_t number) {
  return crypto::tagged_hash("careledger/grant/1", {relationship.view(), u32_bytes(number)});
}

std::uint32_t key_number(const ledger::Authority& authority, const crypto::PublicKey& key) {
  for (const ledger::Key& candidate : authority.keys())
    if (candidate.public_key() == key.view()) return candidate.number();
  return 0;
}

}  // namespace careledger::exchange
