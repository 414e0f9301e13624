// The terms of a grant: what one patient lets a recipient receive from a custodian, read from a FHIR Consent and made into one.
//
// The Consent follows our profile (definitions/careledger/StructureDefinition-consent.json), which leaves no element uninterpreted:
// parse_terms() refuses whatever it would have to ignore. The ledger holds commitment_to() the Consent, never the Consent.
//
// Thread-safety: values; free functions are pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "codec/fhir/definitions.h"
#include "codec/json/json.h"

namespace careledger::exchange {

inline constexpr std::string_view kAccountSystem = "urn:careledger:account";
inline constexpr std::string_view kOrganisationSystem = "urn:careledger:organisation";
inline constexpr std::string_view kPractitionerSystem = "urn:careledger:practitioner";
inline constexpr std::string_view kCategorySystem = "https://careledger.example/fhir/CodeSystem/category";
inline constexpr std::string_view kPurposeSystem = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
inline constexpr std::string_view kRoleSystem = "https://careledger.example/fhir/CodeSystem/role";
inline constexpr std::string_view kWithheldUrl = "https://careledger.example/fhir/StructureDefinition/withheld-element";
inline constexpr std::string_view kProfileUrl = "https://careledger.example/fhir/StructureDefinition/careledger-consent";

struct Label {  // a security label
  std::string system;
  std::string code;
  friend auto operator<=>(const Label&, const Label&) = default;
};

struct Terms {
  AccountId patient;  // the pseudonym at the custodian
  OrganisationId custodian;
  std::set<OrganisationId> organisations;  // any of these may receive…
  std::set<Digest> practitioners;          // …and, when not empty, only through one of these…
  std::set<std::string> roles;             // …and, when not empty, only through somebody in one of these roles
  std::set<std::string> purposes;          // v3-ActReason codes
  std::set<std::string> categories;        // codes of kCategorySystem
  std::set<std::string> withheld;  // "Observation.note", "*.note"; "Observation.value" and "Observation.value[x]" mean every valueXxx
  std::set<Label> labels;          // sensitive labels that are released too
  BlockTime from;
  BlockTime until;  // exclusive
};

// invalid, naming the element, for whatever departs from the profile.
Result<Terms> parse_terms(const codec::json::Value& consent);
codec::json::Document make_consent(const Terms& terms);

// H('careledger/consent/1', 'fhir-verbatim/1', salt, canonical Consent). The salt has 32 bytes.
Digest commitment_to(const codec::json::Value& consent, ByteView salt);

// The day that a grant bears on the ledger, in days since 1970: never before the terms end, and for terms that end within a year the same
// for everybody who grants in the same 32 days. How long somebody likes to grant for would otherwise be a mark that all of one person's
// pseudonyms bear. The custodian goes by the terms.
std::uint32_t lapse_day(BlockTime granted, BlockTime until);

// ---- what of a record the terms release ----

bool is_category(std::string_view code);  // of kCategorySystem
// Codes of kCategorySystem, never none. A result (Observation, DiagnosticReport) is of each category that it names.
std::set<std::string> categories_of(const codec::json::Value& resource);
// The types that have resources of these categories, in order of their names.
std::vector<codec::fhir::ResourceType> types_of(const std::set<std::string>& categories);
// Labels that keep a resource in unless they are named: all but those that are known to be harmless (confidentiality U, L, M and N, that it
// was altered, that it is a test). A label of an unknown system, or of none, is sensitive.
bool is_sensitive(const Label& label);
// A sensitive label as people name it: "SYSTEM|CODE", or a code alone: R or V of v3-Confidentiality, or one of those of v3-ActCode that say
// what is sensitive in a record (HIV, PSY, SUD…). invalid: none of these, or a label that keeps nothing in.
Result<Label> sensitive_label(std::string_view text);
// All of its categories are granted, and its sensitive labels named: those of `meta`, DocumentReference.securityLabel and
// Composition.confidentiality, of it and of what it contains. Nothing whose labels do not read is released.
bool releases(const Terms& terms, const codec::json::Value& resource);
// Whether a withheld element can be named so: "Type.element" or "*.element" of R4, top level.
bool can_withhold(std::string_view element);
// True when the top-level element ("valueQuantity") stays behind although its resource is released. A contained resource that has a
// withheld element itself takes all of `contained` with it.
bool withholds(const Terms& terms, std::string_view type, std::string_view element);

}  // namespace careledger::exchange
