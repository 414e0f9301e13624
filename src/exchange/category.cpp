#include <algorithm>
#include <array>
#include <utility>

#include "codec/fhir/definitions.h"
#include "exchange/terms.h"

namespace careledger::exchange {
namespace {

using codec::fhir::find_resource_type;
using codec::fhir::resource_type;
using codec::fhir::resource_type_count;
using codec::fhir::ResourceType;
using codec::json::Value;

constexpr std::string_view kChoice = "[x]";

constexpr std::string_view kConfidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
constexpr std::string_view kActCode = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

// What definitions/careledger/CodeSystem-category.json says, type by type. Observation and DiagnosticReport go by their category.
constexpr std::array<std::pair<std::string_view, std::string_view>, 40> kByType{{
    {"Patient", "demographics"},
    {"RelatedPerson", "demographics"},
    {"Coverage", "demographics"},
    {"Specimen", "laboratory"},
    {"QuestionnaireResponse", "social-history"},
    {"FamilyMemberHistory", "social-history"},
    {"Condition", "conditions"},
    {"ClinicalImpression", "conditions"},
    {"RiskAssessment", "conditions"},
    {"Flag", "conditions"},
    {"AllergyIntolerance", "allergies"},
    {"AdverseEvent", "allergies"},
    {"Medication", "medications"},
    {"MedicationRequest", "medications"},
    {"MedicationDispense", "medications"},
    {"MedicationAdministration", "medications"},
    {"MedicationStatement", "medications"},
    {"Immunization", "immunizations"},
    {"ImmunizationEvaluation", "immunizations"},
    {"ImmunizationRecommendation", "immunizations"},
    {"Procedure", "procedures"},
    {"ServiceRequest", "procedures"},
    {"Device", "procedures"},
    {"DeviceUseStatement", "procedures"},
    {"SupplyDelivery", "procedures"},
    {"ImagingStudy", "imaging"},
    {"Media", "imaging"},
    {"Encounter", "encounters"},
    {"EpisodeOfCare", "encounters"},
    {"Appointment", "encounters"},
    {"CarePlan", "plans"},
    {"CareTeam", "plans"},
    {"Goal", "plans"},
    {"NutritionOrder", "plans"},
    {"DocumentReference", "documents"},
    {"Composition", "documents"},
    {"Binary", "documents"},
    {"Claim", "financial"},
    {"ClaimResponse", "financial"},
    {"ExplanationOfBenefit", "financial"},
}};

bool has_category(const Value& resource, std::string_view code) {
  for (const Value& concept_value : resource.items_at("category"))
    for (const Value& coding : concept_value.items_at("coding"))
      if (coding.string_at("code") == code) return true;
  return false;
}

std::string_view category_of_result(const Value& resource, std::string_view fallback) {
  if (has_category(resource, "laboratory") || has_category(resource, "LAB")) return "laboratory";
  if (has_category(resource, "vital-signs")) return "vital-signs";
  if (has_category(resource, "social-history") || has_category(resource, "survey")) return "social-history";
  if (has_category(resource, "imaging") || has_category(resource, "RAD")) return "imaging";
  if (has_category(resource, "procedure") || has_category(resource, "exam") || has_category(resource, "therapy")) return "procedures";
  return fallback;
}

bool has_element(ResourceType type, std::string_view name) {
  if (!name.ends_with(kChoice)) return type.has_element(name) || type.has_element_called(name);
  name.remove_suffix(kChoice.size());
  return type.has_element_called(name) && !type.has_element(name);
}

// Of the resource and of all that it contains, however deep.
bool labels_allow(const Terms& terms, const Value& resource) {
  if (!resource.is_object()) return false;
  if (const Value* meta = resource.find("meta")) {
    const Value* security = meta->find("security");
    if (!meta->is_object() || (security != nullptr && !security->is_array())) return false;
    for (const Value& item : meta->items_at("security")) {
      const Label label{std::string(item.string_at("system")), std::string(item.string_at("code"))};
      if (is_sensitive(label) && !terms.labels.contains(label)) return false;
    }
  }
  const Value* contained = resource.find("contained");
  if (contained == nullptr) return true;
  const auto inner = contained->items();
  return contained->is_array() && std::all_of(inner.begin(), inner.end(), [&](const Value& one) { return labels_allow(terms, one); });
}

}  // namespace

std::string category_of(const Value& resource) {
  const std::string_view type = resource.string_at("resourceType");
  if (type == "Observation") return std::string(category_of_result(resource, "other"));
  if (type == "DiagnosticReport") return std::string(category_of_result(resource, "documents"));
  for (const auto& [name, category] : kByType)
    if (name == type) return std::string(category);
  if (type == "Account" || type == "Invoice") return "financial";
  return "other";
}

bool is_sensitive(const Label& label) {
  if (label.system == kConfidentiality) return label.code == "R" || label.code == "V";
  return label.system == kActCode;
}

bool releases(const Terms& terms, const Value& resource) {
  return terms.categories.contains(category_of(resource)) && labels_allow(terms, resource);
}

bool can_withhold(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view name = text.substr(dot + 1);
  if (const auto type = find_resource_type(text.substr(0, dot))) return has_element(*type, name);
  if (text.substr(0, dot) != "*") return false;
  for (std::uint16_t i = 0; i < resource_type_count(); ++i)
    if (has_element(resource_type(i), name)) return true;
  return false;
}

bool withholds(const Terms& terms, std::string_view type, std::string_view element) {
  const auto known = find_resource_type(type);
  const std::string_view called = known ? known->element_of(element) : std::string_view();
  for (const std::string_view of : {type, std::string_view("*")}) {
    const std::string prefix = std::string(of) + ".";
    if (terms.withheld.contains(prefix + std::string(element))) return true;
    if (called.empty()) continue;
    if (terms.withheld.contains(prefix + std::string(called))) return true;
    if (terms.withheld.contains(prefix + std::string(called) + std::string(kChoice))) return true;
  }
  return false;
}

}  // namespace careledger::exchange
