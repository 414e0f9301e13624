#include <array>
#include <utility>

#include "exchange/terms.h"

namespace careledger::exchange {
namespace {

using codec::json::Value;

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
  if (!terms.categories.contains(category_of(resource))) return false;
  const Value* meta = resource.find("meta");
  if (meta == nullptr) return true;
  for (const Value& security : meta->items_at("security")) {
    const Label label{std::string(security.string_at("system")), std::string(security.string_at("code"))};
    if (is_sensitive(label) && !terms.labels.contains(label)) return false;
  }
  return true;
}

bool withholds(const Terms& terms, std::string_view type, std::string_view element) {
  return terms.withheld.contains(std::string(type) + "." + std::string(element)) || terms.withheld.contains("*." + std::string(element));
}

}  // namespace careledger::exchange
