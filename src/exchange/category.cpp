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
constexpr std::string_view kObservationValue = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
constexpr std::string_view kActCode = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
constexpr std::string_view kActReason = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

// Labels that say of a record that it is ordinary, was altered or is a test, and nothing of what is in it. Every other one, of these
// systems or of any, is taken for sensitive.
constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kHarmless{{
    {kConfidentiality, "U"},
    {kConfidentiality, "L"},
    {kConfidentiality, "M"},
    {kConfidentiality, "N"},
    {kObservationValue, "ABSTRED"},
    {kObservationValue, "AGGRED"},
    {kObservationValue, "ANONYED"},
    {kObservationValue, "MAPPED"},
    {kObservationValue, "MASKED"},
    {kObservationValue, "PSEUDED"},
    {kObservationValue, "REDACTED"},
    {kObservationValue, "SUBSETTED"},
    {kObservationValue, "SYNTAC"},
    {kObservationValue, "TRSLT"},
    {kObservationValue, "VERSIONED"},
    {kActReason, "HTEST"},
}};

// Of HL7's value set v3-InformationSensitivityPolicy those about what is in a record.
constexpr std::array<std::string_view, 22> kSensitivities{"BH",     "COGN", "DVD",      "EMOTDIS", "ETH",     "ETHUD", "GDIS", "HIV",
                                                          "MH",     "MST",  "OPIOIDUD", "PSY",     "PSYTHPN", "SCA",   "SDV",  "SEX",
                                                          "SICKLE", "SPI",  "STD",      "SUD",     "TBOO",    "VIO"};

// What definitions/careledger/CodeSystem-category.json says, type by type. Observation and DiagnosticReport go by their categories.
constexpr std::array<std::pair<std::string_view, std::string_view>, 42> kByType{{
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
    {"Account", "financial"},
    {"Invoice", "financial"},
}};

// Results by the codes of their categories (observation-category, v2-0074), and by type when they have none that we know.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kByResult{{
    {"laboratory", "laboratory"},
    {"LAB", "laboratory"},
    {"vital-signs", "vital-signs"},
    {"social-history", "social-history"},
    {"survey", "social-history"},
    {"imaging", "imaging"},
    {"RAD", "imaging"},
    {"procedure", "procedures"},
    {"exam", "procedures"},
    {"therapy", "procedures"},
}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kResults{
    {{"Observation", "other"}, {"DiagnosticReport", "documents"}}};

template <std::size_t N>
std::string_view found_in(const std::array<std::pair<std::string_view, std::string_view>, N>& table, std::string_view key) {
  const auto found = std::ranges::find(table, key, [](const auto& row) { return row.first; });
  return found == table.end() ? std::string_view() : found->second;
}

// Codings of one category are other words for it; a category in words that we do not know is one of `fallback`.
std::set<std::string> categories_of_result(const Value& resource, std::string_view fallback) {
  std::set<std::string> categories;
  for (const Value& one : resource.items_at("category")) {
    bool known = false;
    for (const Value& coding : one.items_at("coding")) {
      const std::string_view category = found_in(kByResult, coding.string_at("code"));
      if (category.empty()) continue;
      categories.emplace(category);
      known = true;
    }
    if (!known) categories.emplace(fallback);
  }
  if (categories.empty()) categories.emplace(fallback);
  return categories;
}

std::string_view category_of_type(std::string_view type) {
  const std::string_view category = found_in(kByType, type);
  return category.empty() ? "other" : category;
}

// Whether some resource of the type can be of one of these categories.
bool can_be_of(std::string_view type, const std::set<std::string>& categories) {
  const std::string_view fallback = found_in(kResults, type);
  if (fallback.empty()) return categories.contains(std::string(category_of_type(type)));
  if (categories.contains(std::string(fallback))) return true;
  return std::ranges::any_of(kByResult, [&](const auto& row) { return categories.contains(std::string(row.second)); });
}

bool has_element(ResourceType type, std::string_view name) {
  if (!name.ends_with(kChoice)) return type.has_element(name) || type.has_element_called(name);
  name.remove_suffix(kChoice.size());
  return type.has_element_called(name) && !type.has_element(name);
}

bool codings_allow(const Terms& terms, const Value* codings) {
  if (codings == nullptr) return true;
  const auto items = codings->items();
  return codings->is_array() && std::ranges::all_of(items, [&](const Value& item) {
           const Label label{std::string(item.string_at("system")), std::string(item.string_at("code"))};
           return !is_sensitive(label) || terms.labels.contains(label);
         });
}

// A label in words alone is one that nobody can name.
bool concepts_allow(const Terms& terms, const Value* concepts) {
  if (concepts == nullptr) return true;
  const auto items = concepts->items();
  return concepts->is_array() && std::ranges::all_of(items, [&](const Value& item) {
           const Value* coding = item.find("coding");
           return coding != nullptr && codings_allow(terms, coding);
         });
}

bool confidentiality_allows(const Terms& terms, const Value& composition) {
  if (composition.find("_confidentiality") != nullptr && composition.find("confidentiality") == nullptr) return false;
  const Value* code = composition.find("confidentiality");
  if (code == nullptr) return true;
  const Label label{std::string(kConfidentiality), std::string(composition.string_at("confidentiality"))};
  return !is_sensitive(label) || terms.labels.contains(label);
}

// Of the resource and of all that it contains, however deep. R4 has labels in `meta` and in these elements of two types.
bool labels_allow(const Terms& terms, const Value& resource) {
  if (!resource.is_object()) return false;
  if (const Value* meta = resource.find("meta"); meta != nullptr && !(meta->is_object() && codings_allow(terms, meta->find("security"))))
    return false;
  const std::string_view type = resource.string_at("resourceType");
  if (type == "DocumentReference" && !concepts_allow(terms, resource.find("securityLabel"))) return false;
  if (type == "Composition" && !confidentiality_allows(terms, resource)) return false;
  const Value* contained = resource.find("contained");
  if (contained == nullptr) return true;
  const auto inner = contained->items();
  return contained->is_array() && std::ranges::all_of(inner, [&](const Value& one) { return labels_allow(terms, one); });
}

}  // namespace

bool is_category(std::string_view code) {
  const auto is_it = [&](const auto& row) { return row.second == code; };
  return std::ranges::any_of(kByType, is_it) || std::ranges::any_of(kByResult, is_it) || std::ranges::any_of(kResults, is_it);
}

std::set<std::string> categories_of(const Value& resource) {
  const std::string_view type = resource.string_at("resourceType");
  const std::string_view fallback = found_in(kResults, type);
  if (!fallback.empty()) return categories_of_result(resource, fallback);
  return {std::string(category_of_type(type))};
}

std::vector<ResourceType> types_of(const std::set<std::string>& categories) {
  std::vector<ResourceType> types;
  for (std::uint16_t i = 0; i < resource_type_count(); ++i)
    if (const ResourceType type = resource_type(i); can_be_of(type.name(), categories)) types.push_back(type);
  return types;
}

bool is_sensitive(const Label& label) {
  return std::ranges::find(kHarmless, std::pair<std::string_view, std::string_view>(label.system, label.code)) == kHarmless.end();
}

Result<Label> sensitive_label(std::string_view text) {
  const std::size_t bar = text.find('|');
  const bool alone = bar == std::string_view::npos;
  const std::string code(alone ? text : text.substr(bar + 1));
  std::string system(alone ? std::string_view() : text.substr(0, bar));
  if (alone) system = code.size() == 1 ? kConfidentiality : kActCode;
  if (system.empty() || code.empty()) return fail(ErrorKind::invalid, std::string(text) + ": a label is CODE or SYSTEM|CODE");
  if (!is_sensitive({system, code}))
    return fail(ErrorKind::invalid, std::string(text) + ": this label keeps nothing in, what bears it is released anyway");
  const bool known = code == "R" || code == "V" || std::ranges::find(kSensitivities, code) != kSensitivities.end();
  if (!alone || known) return Label{std::move(system), code};
  std::string all = "R, V";
  for (const std::string_view one : kSensitivities) all += ", " + std::string(one);
  return fail(ErrorKind::invalid, code + ": no label of that code; known are " + all + ", and any other as SYSTEM|CODE");
}

bool releases(const Terms& terms, const Value& resource) {
  return std::ranges::includes(terms.categories, categories_of(resource)) && labels_allow(terms, resource);
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
