#include "exchange/terms.h"

#include <algorithm>
#include <array>

#include "codec/fhir/instant.h"
#include "crypto/hash.h"

namespace careledger::exchange {
namespace {

namespace json = codec::json;
using json::Value;

constexpr std::size_t kListMax = 256;  // of anything in the terms
constexpr std::string_view kParticipationSystem = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";

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

// One coding of a CodeableConcept, with exactly this system.
Result<std::string> code_in(const Value& concept_value, std::string_view system, const std::string& where) {
  const auto codings = concept_value.items_at("coding");
  if (codings.size() != 1 || codings[0].string_at("system") != system || codings[0].string_at("code").empty())
    return bad(where, "expected exactly one coding of " + std::string(system));
  return std::string(codings[0].string_at("code"));
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
  if (who.system == kOrganisationSystem) {
    terms.organisations.insert(id_cast<OrganisationId>(who.id));
    const auto codings = role->items_at("coding");
    if (codings.size() == 1 && codings[0].string_at("system") == kRoleSystem) {
      terms.roles.insert(std::string(codings[0].string_at("code")));
    } else {
      CARELEDGER_CHECK(code_in(*role, kParticipationSystem, where + ".role"));
    }
    return {};
  }
  if (who.system != kPractitionerSystem) return bad(where + ".reference.identifier.system", "neither an organisation nor a practitioner");
  terms.practitioners.insert(who.id);
  return {};
}

Result<void> read_period(const Value& provision, Terms& terms) {
  CARELEDGER_TRY(const Value* period, child(provision, "period", "Consent.provision"));
  const auto start = codec::fhir::parse_instant(period->string_at("start"));
  const auto end = codec::fhir::parse_instant(period->string_at("end"));
  if (!start || !end) return bad("Consent.provision.period", "start and end must be instants with seconds and a time zone");
  if (!(*start < *end)) return bad("Consent.provision.period", "ends before it starts");
  terms.from = *start;
  terms.until = *end;
  return {};
}

Result<void> read_lists(const Value& provision, Terms& terms) {
  for (const Value& purpose : provision.items_at("purpose")) {
    if (purpose.string_at("system") != kPurposeSystem) return bad("Consent.provision.purpose", "expected codes of v3-ActReason");
    terms.purposes.insert(std::string(purpose.string_at("code")));
  }
  for (const Value& code : provision.items_at("code")) {
    CARELEDGER_TRY(std::string category, code_in(code, kCategorySystem, "Consent.provision.code"));
    terms.categories.insert(std::move(category));
  }
  for (const Value& label : provision.items_at("securityLabel"))
    terms.labels.insert(Label{std::string(label.string_at("system")), std::string(label.string_at("code"))});
  for (const Value& extension : provision.items_at("extension")) {
    const std::string_view element = extension.string_at("valueString");
    if (extension.string_at("url") != kWithheldUrl || element.find('.') == std::string_view::npos)
      return bad("Consent.provision.extension", "only withheld elements, written Type.element");
    terms.withheld.insert(std::string(element));
  }
  if (terms.purposes.empty()) return bad("Consent.provision.purpose", "at least one is needed");
  if (terms.categories.empty()) return bad("Consent.provision.code", "at least one category is needed");
  return {};
}

Result<void> read_provision(const Value& provision, Terms& terms) {
  const std::string where = "Consent.provision";
  CARELEDGER_CHECK(
      only(provision, where, std::array<std::string_view, 7>{"type", "period", "actor", "purpose", "code", "securityLabel", "extension"}));
  if (provision.string_at("type") != "permit") return bad(where + ".type", "only permit");
  for (const json::Member& member : provision.members())
    if (member.value.size() > kListMax) return bad(where + "." + std::string(member.key()), "too many");
  CARELEDGER_CHECK(read_period(provision, terms));
  for (const Value& actor : provision.items_at("actor")) CARELEDGER_CHECK(read_actor(actor, where + ".actor", terms));
  if (terms.organisations.empty()) return bad(where + ".actor", "at least one organisation is needed");
  return read_lists(provision, terms);
}

json::Value coded(json::Document& document, std::string_view system, std::string_view code) {
  json::Value coding = document.object();
  document.set(coding, "system", document.string(system));
  document.set(coding, "code", document.string(code));
  return coding;
}

json::Value concept_of(json::Document& document, std::string_view system, std::string_view code) {
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
    document.set(actor, "role", concept_of(document, role_system, role));
    document.set(actor, "reference", reference_to(document, system, id));
    document.append(actors, actor);
  };
  for (const OrganisationId& organisation : terms.organisations) {
    if (terms.roles.empty()) add(kParticipationSystem, "IRCP", kOrganisationSystem, organisation.hex());
    for (const std::string& role : terms.roles) add(kRoleSystem, role, kOrganisationSystem, organisation.hex());
  }
  for (const Digest& practitioner : terms.practitioners) add(kParticipationSystem, "IRCP", kPractitionerSystem, practitioner.hex());
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
  for (const std::string& category : terms.categories) document.append(codes, concept_of(document, kCategorySystem, category));
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
  Terms terms;
  CARELEDGER_TRY(const Digest patient, identified_as(consent, "patient", kAccountSystem, "Consent"));
  terms.patient = id_cast<AccountId>(patient);
  const auto organizations = consent.items_at("organization");
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
  document.set(consent, "scope", concept_of(document, "http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"));
  json::Value categories = document.array();
  document.append(categories, concept_of(document, "http://loinc.org", "59284-0"));
  document.set(consent, "category", categories);
  document.set(consent, "patient", reference_to(document, kAccountSystem, terms.patient.hex()));
  json::Value organizations = document.array();
  document.append(organizations, reference_to(document, kOrganisationSystem, terms.custodian.hex()));
  document.set(consent, "organization", organizations);
  document.set(consent, "policyRule", concept_of(document, "http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTIN"));
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

}  // namespace careledger::exchange
