#include "exchange/terms.h"

#include <algorithm>
#include <array>
#include <span>

#include "codec/fhir/instant.h"
#include "contracts/rules.h"
#include "crypto/hash.h"

namespace careledger::exchange {
namespace {

namespace json = codec::json;
using json::Value;

constexpr std::size_t kListMax = 256;  // of anything in the terms
constexpr std::string_view kParticipationSystem = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const Label kRecipient{std::string(kParticipationSystem), "IRCP"};
const Label kScope{"http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"};
const Label kConsentCategory{"http://loinc.org", "59284-0"};
const Label kPolicy{"http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTIN"};

template <std::size_t N>
Result<void> only(const Value& object, const std::string& where, const std::array<std::string_view, N>& allowed) {
  for (const json::Member& member : object.members())
    if (std::find(allowed.begin(), allowed.end(), member.key()) == allowed.end())
      return fail(ErrorKind::invalid, where + "." + std::string(member.key()) + ": not part of the profile, so its meaning would be lost");
  return {};
}

tl::unexpected<Error> bad(const std::string& where, const std::string& why) { return fail(ErrorKind::invalid, where + ": " + why); }

Result<const Value*> child(const Value& object, std::string_view key, const std::string& where) {
  const Value* value = object.find(key);
  if (value == nullptr) return bad(where + "." + std::string(key), "missing");
  return value;
}

// The items of a list, none when it is absent. What is no list is refused: read as an empty one it would say nothing.
Result<std::span<const Value>> list_at(const Value& object, std::string_view key, const std::string& where) {
  const Value* value = object.find(key);
  if (value == nullptr) return std::span<const Value>();
  if (!value->is_array() || value->size() == 0) return bad(where + "." + std::string(key), "expected a list with something in it");
  if (value->size() > kListMax) return bad(where + "." + std::string(key), "too many");
  return value->items();
}

// A Coding with a system and a code, and nothing that could narrow them.
Result<Label> coding_of(const Value& coding, const std::string& where) {
  CARELEDGER_CHECK(only(coding, where, std::array<std::string_view, 3>{"system", "code", "display"}));
  Label label{std::string(coding.string_at("system")), std::string(coding.string_at("code"))};
  if (label.system.empty() || label.code.empty()) return bad(where, "expected a system and a code");
  return label;
}

// The one coding of a CodeableConcept.
Result<Label> concept_of(const Value& value, const std::string& where) {
  CARELEDGER_CHECK(only(value, where, std::array<std::string_view, 2>{"coding", "text"}));
  CARELEDGER_TRY(const auto codings, list_at(value, "coding", where));
  if (codings.size() != 1) return bad(where, "expected exactly one coding");
  return coding_of(codings[0], where + ".coding");
}

Result<std::string> code_in(const Value& value, std::string_view system, const std::string& where) {
  CARELEDGER_TRY(Label label, concept_of(value, where));
  if (label.system != system) return bad(where, "expected exactly one coding of " + std::string(system));
  return std::move(label.code);
}

Result<void> must_be(const Value& value, const Label& expected, const std::string& where) {
  CARELEDGER_TRY(const Label label, concept_of(value, where));
  if (label != expected) return bad(where, "expected " + expected.code + " of " + expected.system);
  return {};
}

struct Identified {
  std::string system;
  Digest id;
};

// {"identifier":{"system":…,"value":64 hex digits}}
Result<Identified> identified(const Value& reference, const std::string& where) {
  const Value* identifier = reference.find("identifier");
  if (identifier == nullptr) return bad(where, "expected a reference by identifier");
  CARELEDGER_CHECK(only(reference, where, std::array<std::string_view, 1>{"identifier"}));
  CARELEDGER_CHECK(only(*identifier, where + ".identifier", std::array<std::string_view, 2>{"system", "value"}));
  const auto bytes = from_hex(identifier->string_at("value"));
  const auto id = bytes ? Digest::from(*bytes) : std::nullopt;
  if (!id) return bad(where + ".identifier.value", "expected 64 hex digits");
  return Identified{std::string(identifier->string_at("system")), *id};
}

Result<Digest> identified_as(const Value& parent, std::string_view key, std::string_view system, const std::string& where) {
  const std::string here = where + "." + std::string(key);
  CARELEDGER_TRY(const Value* reference, child(parent, key, where));
  CARELEDGER_TRY(const Identified found, identified(*reference, here));
  if (found.system != system) return bad(here + ".identifier.system", "expected " + std::string(system));
  return found.id;
}

Result<void> read_actor(const Value& actor, const std::string& where, Terms& terms) {
  CARELEDGER_CHECK(only(actor, where, std::array<std::string_view, 2>{"role", "reference"}));
  CARELEDGER_TRY(const Value* role, child(actor, "role", where));
  CARELEDGER_TRY(const Value* reference, child(actor, "reference", where));
  CARELEDGER_TRY(const Identified who, identified(*reference, where + ".reference"));
  CARELEDGER_TRY(const Label as, concept_of(*role, where + ".role"));
  if (who.system == kOrganisationSystem) {
    terms.organisations.insert(id_cast<OrganisationId>(who.id));
    if (as.system == kRoleSystem) terms.roles.insert(as.code);
    else if (as != kRecipient) return bad(where + ".role", "expected IRCP or a role");
    return {};
  }
  if (who.system != kPractitionerSystem) return bad(where + ".reference.identifier.system", "neither an organisation nor a practitioner");
  if (as != kRecipient) return bad(where + ".role", "expected IRCP: a practitioner is named in person");
  terms.practitioners.insert(who.id);
  return {};
}

Result<void> read_period(const Value& provision, Terms& terms) {
  CARELEDGER_TRY(const Value* period, child(provision, "period", "Consent.provision"));
  CARELEDGER_CHECK(only(*period, "Consent.provision.period", std::array<std::string_view, 2>{"start", "end"}));
  const auto start = codec::fhir::parse_instant(period->string_at("start"));
  const auto end = codec::fhir::parse_instant(period->string_at("end"));
  if (!start || !end) return bad("Consent.provision.period", "start and end must be instants with seconds and a time zone");
  if (!(*start < *end)) return bad("Consent.provision.period", "ends before it starts");
  terms.from = *start;
  terms.until = *end;
  return {};
}

Result<std::string> withheld_by(const Value& extension) {
  const std::string where = "Consent.provision.extension";
  CARELEDGER_CHECK(only(extension, where, std::array<std::string_view, 2>{"url", "valueString"}));
  if (extension.string_at("url") != kWithheldUrl) return bad(where + ".url", "only withheld elements");
  const std::string_view element = extension.string_at("valueString");
  if (!can_withhold(element)) return bad(where + ".valueString", "expected Type.element or *.element, a top-level element of R4");
  return std::string(element);
}

Result<void> read_lists(const Value& provision, Terms& terms) {
  const std::string where = "Consent.provision";
  CARELEDGER_TRY(const auto purposes, list_at(provision, "purpose", where));
  for (const Value& purpose : purposes) {
    CARELEDGER_TRY(Label label, coding_of(purpose, where + ".purpose"));
    if (label.system != kPurposeSystem) return bad(where + ".purpose", "expected codes of v3-ActReason");
    terms.purposes.insert(std::move(label.code));
  }
  CARELEDGER_TRY(const auto codes, list_at(provision, "code", where));
  for (const Value& code : codes) {
    CARELEDGER_TRY(std::string category, code_in(code, kCategorySystem, where + ".code"));
    terms.categories.insert(std::move(category));
  }
  CARELEDGER_TRY(const auto labels, list_at(provision, "securityLabel", where));
  for (const Value& label : labels) {
    CARELEDGER_TRY(Label named, coding_of(label, where + ".securityLabel"));
    terms.labels.insert(std::move(named));
  }
  CARELEDGER_TRY(const auto extensions, list_at(provision, "extension", where));
  for (const Value& extension : extensions) {
    CARELEDGER_TRY(std::string element, withheld_by(extension));
    terms.withheld.insert(std::move(element));
  }
  if (terms.purposes.empty()) return bad(where + ".purpose", "at least one is needed");
  if (terms.categories.empty()) return bad(where + ".code", "at least one category is needed");
  return {};
}

Result<void> read_provision(const Value& provision, Terms& terms) {
  const std::string where = "Consent.provision";
  CARELEDGER_CHECK(
      only(provision, where, std::array<std::string_view, 7>{"type", "period", "actor", "purpose", "code", "securityLabel", "extension"}));
  if (provision.string_at("type") != "permit") return bad(where + ".type", "only permit");
  CARELEDGER_CHECK(read_period(provision, terms));
  CARELEDGER_TRY(const auto actors, list_at(provision, "actor", where));
  for (const Value& actor : actors) CARELEDGER_CHECK(read_actor(actor, where + ".actor", terms));
  if (terms.organisations.empty()) return bad(where + ".actor", "at least one organisation is needed");
  return read_lists(provision, terms);
}

// What every consent of the profile says.
Result<void> read_frame(const Value& consent) {
  CARELEDGER_TRY(const Value* scope, child(consent, "scope", "Consent"));
  CARELEDGER_CHECK(must_be(*scope, kScope, "Consent.scope"));
  CARELEDGER_TRY(const auto categories, list_at(consent, "category", "Consent"));
  if (categories.size() != 1) return bad("Consent.category", "exactly one");
  CARELEDGER_CHECK(must_be(categories[0], kConsentCategory, "Consent.category"));
  CARELEDGER_TRY(const Value* policy, child(consent, "policyRule", "Consent"));
  return must_be(*policy, kPolicy, "Consent.policyRule");
}

json::Value coded(json::Document& document, std::string_view system, std::string_view code) {
  json::Value coding = document.object();
  document.set(coding, "system", document.string(system));
  document.set(coding, "code", document.string(code));
  return coding;
}

json::Value make_concept(json::Document& document, std::string_view system, std::string_view code) {
  json::Value codings = document.array();
  document.append(codings, coded(document, system, code));
  json::Value concept_value = document.object();
  document.set(concept_value, "coding", codings);
  return concept_value;
}

json::Value reference_to(json::Document& document, std::string_view system, std::string_view value) {
  json::Value identifier = document.object();
  document.set(identifier, "system", document.string(system));
  document.set(identifier, "value", document.string(value));
  json::Value reference = document.object();
  document.set(reference, "identifier", identifier);
  return reference;
}

json::Value actors_of(json::Document& document, const Terms& terms) {
  json::Value actors = document.array();
  const auto add = [&](std::string_view role_system, std::string_view role, std::string_view system, const std::string& id) {
    json::Value actor = document.object();
    document.set(actor, "role", make_concept(document, role_system, role));
    document.set(actor, "reference", reference_to(document, system, id));
    document.append(actors, actor);
  };
  for (const OrganisationId& organisation : terms.organisations) {
    if (terms.roles.empty()) add(kRecipient.system, kRecipient.code, kOrganisationSystem, organisation.hex());
    for (const std::string& role : terms.roles) add(kRoleSystem, role, kOrganisationSystem, organisation.hex());
  }
  for (const Digest& practitioner : terms.practitioners) add(kRecipient.system, kRecipient.code, kPractitionerSystem, practitioner.hex());
  return actors;
}

void set_lists(json::Document& document, json::Value& provision, const Terms& terms) {
  json::Value labels = document.array();
  for (const Label& label : terms.labels) document.append(labels, coded(document, label.system, label.code));
  if (labels.size() > 0) document.set(provision, "securityLabel", labels);
  json::Value purposes = document.array();
  for (const std::string& purpose : terms.purposes) document.append(purposes, coded(document, kPurposeSystem, purpose));
  document.set(provision, "purpose", purposes);
  json::Value codes = document.array();
  for (const std::string& category : terms.categories) document.append(codes, make_concept(document, kCategorySystem, category));
  document.set(provision, "code", codes);
  json::Value withheld = document.array();
  for (const std::string& element : terms.withheld) {
    json::Value extension = document.object();
    document.set(extension, "url", document.string(kWithheldUrl));
    document.set(extension, "valueString", document.string(element));
    document.append(withheld, extension);
  }
  if (withheld.size() > 0) document.set(provision, "extension", withheld);
}

}  // namespace

Result<Terms> parse_terms(const Value& consent) {
  if (!consent.is_object() || consent.string_at("resourceType") != "Consent") return bad("Consent", "not a Consent");
  CARELEDGER_CHECK(only(consent, "Consent",
                        std::array<std::string_view, 11>{"resourceType", "id", "meta", "status", "scope", "category", "patient", "dateTime",
                                                         "organization", "policyRule", "provision"}));
  if (consent.string_at("status") != "active") return bad("Consent.status", "only active");
  CARELEDGER_CHECK(read_frame(consent));
  Terms terms;
  CARELEDGER_TRY(const Digest patient, identified_as(consent, "patient", kAccountSystem, "Consent"));
  terms.patient = id_cast<AccountId>(patient);
  CARELEDGER_TRY(const auto organizations, list_at(consent, "organization", "Consent"));
  if (organizations.size() != 1) return bad("Consent.organization", "exactly one custodian");
  CARELEDGER_TRY(const Identified custodian, identified(organizations[0], "Consent.organization"));
  if (custodian.system != kOrganisationSystem)
    return bad("Consent.organization.identifier.system", "expected " + std::string(kOrganisationSystem));
  terms.custodian = id_cast<OrganisationId>(custodian.id);
  CARELEDGER_TRY(const Value* provision, child(consent, "provision", "Consent"));
  CARELEDGER_CHECK(read_provision(*provision, terms));
  return terms;
}

json::Document make_consent(const Terms& terms) {
  json::Document document;
  json::Value consent = document.object();
  document.set(consent, "resourceType", document.string("Consent"));
  document.set(consent, "status", document.string("active"));
  document.set(consent, "scope", make_concept(document, kScope.system, kScope.code));
  json::Value categories = document.array();
  document.append(categories, make_concept(document, kConsentCategory.system, kConsentCategory.code));
  document.set(consent, "category", categories);
  document.set(consent, "patient", reference_to(document, kAccountSystem, terms.patient.hex()));
  json::Value organizations = document.array();
  document.append(organizations, reference_to(document, kOrganisationSystem, terms.custodian.hex()));
  document.set(consent, "organization", organizations);
  document.set(consent, "policyRule", make_concept(document, kPolicy.system, kPolicy.code));
  json::Value provision = document.object();
  document.set(provision, "type", document.string("permit"));
  json::Value period = document.object();
  document.set(period, "start", document.string(codec::fhir::format_instant(terms.from)));
  document.set(period, "end", document.string(codec::fhir::format_instant(terms.until)));
  document.set(provision, "period", period);
  document.set(provision, "actor", actors_of(document, terms));
  set_lists(document, provision, terms);
  document.set(consent, "provision", provision);
  document.root() = consent;
  return document;
}

Digest commitment_to(const Value& consent, ByteView salt) {
  return crypto::tagged_hash("careledger/consent/1", {"fhir-verbatim/1", salt, json::canonical(consent)});
}

std::uint32_t lapse_day(BlockTime granted, BlockTime until) {
  constexpr std::uint32_t kYear = 366;
  constexpr std::uint32_t kGrid = 32;
  const std::uint32_t last = std::max(contracts::day_of(until) + 1, contracts::day_of(granted) + kYear);
  return (last + kGrid - 1) / kGrid * kGrid;
}

}  // namespace careledger::exchange
