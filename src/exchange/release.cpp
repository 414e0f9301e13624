#include "exchange/release.h"

#include <algorithm>

#include "codec/fhir/record.h"
#include "crypto/hash.h"

namespace careledger::exchange {
namespace {

namespace json = codec::json;

struct CategoryTypes {
  std::string_view category;
  std::vector<std::string_view> types;
};

// The reverse of category_of(): a record found here is still asked for its category.
const std::vector<CategoryTypes>& table() {
  static const std::vector<CategoryTypes> kTable{
      {"demographics", {"Patient", "RelatedPerson", "Coverage"}},
      {"laboratory", {"Observation", "DiagnosticReport", "Specimen"}},
      {"vital-signs", {"Observation"}},
      {"social-history", {"Observation", "QuestionnaireResponse", "FamilyMemberHistory"}},
      {"conditions", {"Condition", "ClinicalImpression", "RiskAssessment", "Flag"}},
      {"allergies", {"AllergyIntolerance", "AdverseEvent"}},
      {"medications", {"MedicationRequest", "MedicationDispense", "MedicationAdministration", "MedicationStatement"}},
      {"immunizations", {"Immunization", "ImmunizationEvaluation", "ImmunizationRecommendation"}},
      {"procedures", {"Procedure", "ServiceRequest", "Device", "DeviceUseStatement", "SupplyDelivery", "Observation"}},
      {"imaging", {"ImagingStudy", "Media", "Observation", "DiagnosticReport"}},
      {"encounters", {"Encounter", "EpisodeOfCare", "Appointment"}},
      {"plans", {"CarePlan", "CareTeam", "Goal", "NutritionOrder"}},
      {"documents", {"DocumentReference", "Composition", "DiagnosticReport"}},
      {"financial", {"Claim", "ClaimResponse", "ExplanationOfBenefit", "Account", "Invoice"}},
      {"other", {"Observation", "Provenance", "Communication", "List"}},
  };
  return kTable;
}

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

bool is_category(std::string_view code) {
  return std::ranges::any_of(table(), [&](const CategoryTypes& row) { return row.category == code; });
}

std::vector<std::string_view> types_of(const std::set<std::string>& categories) {
  std::set<std::string_view> types;
  for (const CategoryTypes& row : table())
    if (categories.contains(std::string(row.category))) types.insert(row.types.begin(), row.types.end());
  return {types.begin(), types.end()};
}

std::string_view patient_parameter(std::string_view type) {
  if (type == "Coverage") return "beneficiary";
  if (type == "AdverseEvent") return "subject";
  if (type == "Appointment") return "patient";
  return "patient";
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
