#include "exchange/refusal.h"

#include "codec/json/json.h"
#include "contracts/consent/consent.h"
#include "contracts/registry/registry.h"
#include "contracts/relationship/relationship.h"
#include "contracts/rules.h"

namespace careledger::exchange {
namespace {

namespace consent = contracts::consent;
namespace registry = contracts::registry;
namespace relationship = contracts::relationship;

constexpr std::size_t kConsentBytesMax = 64 * 1024;

std::optional<codec::json::Document> consent_shown(const Opening& opening) {
  if (opening.salt().size() != 32 || opening.consent().size() > kConsentBytesMax) return std::nullopt;
  auto document = codec::json::parse(opening.consent());
  if (!document) return std::nullopt;
  return std::move(*document);
}

bool in_force(const Terms& terms, BlockTime now) { return terms.from <= now && now < terms.until; }

bool is_grantee(const Terms& terms, const kernel::Reader& state, const ReleaseRequest& request) {
  const auto requester = OrganisationId::from(request.requester());
  const auto practitioner = Digest::from(request.practitioner());
  if (!requester || !practitioner || !terms.organisations.contains(*requester)) return false;
  if (!terms.practitioners.empty() && !terms.practitioners.contains(*practitioner)) return false;
  if (terms.roles.empty()) return true;
  const auto accreditation = state.get(registry::kAccreditations, *practitioner);
  return accreditation && terms.roles.contains(role_code(accreditation->role()));
}

std::set<std::string> granted_categories(const Terms& terms, const ReleaseRequest& request) {
  if (request.categories().empty()) return terms.categories;
  std::set<std::string> both;
  for (const std::string& asked : request.categories())
    if (terms.categories.contains(asked)) both.insert(asked);
  return both;
}

}  // namespace

std::string role_code(std::uint32_t role) {
  switch (static_cast<registry::Role>(role)) {
    case registry::Role::physician: return "physician";
    case registry::Role::nurse: return "nurse";
    case registry::Role::midwife: return "midwife";
    case registry::Role::pharmacist: return "pharmacist";
    case registry::Role::laboratory_scientist: return "laboratory-scientist";
    case registry::Role::dentist: return "dentist";
    case registry::Role::therapist: return "therapist";
    case registry::Role::paramedic: return "paramedic";
    case registry::Role::administrator: return "administrator";
    case registry::Role::researcher: return "researcher";
    case registry::Role::instrument: return "instrument";
  }
  return std::to_string(role);
}

std::string_view name_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::organisation_unknown: return "organisation_unknown";
    case Refusal::licence_not_in_force: return "licence_not_in_force";
    case Refusal::patient_unknown: return "patient_unknown";
    case Refusal::no_consent: return "no_consent";
    case Refusal::consent_unknown: return "consent_unknown";
    case Refusal::relationship_not_active: return "relationship_not_active";
    case Refusal::consent_revoked: return "consent_revoked";
    case Refusal::consent_not_in_force: return "consent_not_in_force";
    case Refusal::not_the_grantee: return "not_the_grantee";
    case Refusal::purpose_not_granted: return "purpose_not_granted";
    case Refusal::category_not_granted: return "category_not_granted";
  }
  return "unknown";
}

std::optional<Refusal> refusal_of(std::uint32_t number) {
  if (number < 1 || number > static_cast<std::uint32_t>(Refusal::category_not_granted)) return std::nullopt;
  return static_cast<Refusal>(number);
}

std::optional<Refusal> judge_requester(const kernel::Reader& state, const OrganisationId& requester, const Digest& practitioner,
                                       Moment moment) {
  const auto organisation = state.get(registry::kOrganisations, requester);
  if (!organisation || organisation->status() != static_cast<std::uint32_t>(registry::OrganisationStatus::active))
    return Refusal::organisation_unknown;
  for (const BlockTime now : {moment.block, moment.clock})
    if (!registry::is_accredited(state, requester, practitioner, now)) return Refusal::licence_not_in_force;
  return std::nullopt;
}

Judged judge_opening(const kernel::Reader& state, const ReleaseRequest& request, bool withdrawn_here, Moment moment) {
  if (!request.has_opening()) return {Refusal::no_consent, {}, {}};
  const Opening& opening = request.opening();
  const auto document = consent_shown(opening);
  const auto id = RelationshipId::from(opening.relationship());
  const auto terms = document ? parse_terms(document->root()) : Result<Terms>(fail(ErrorKind::malformed, ""));
  if (!terms || !id || terms->custodian.view() != request.custodian()) return {Refusal::consent_unknown, {}, {}};
  const auto grant = state.get(consent::kGrants, *id, opening.number());
  const Digest commitment = commitment_to(document->root(), opening.salt());
  if (!grant || !equal_constant_time(grant->terms(), commitment.view())) return {Refusal::consent_unknown, {}, {}};
  const auto between = state.get(relationship::kRelationships, *id);
  if (!between || between->patient() != terms->patient.view() || between->organisation() != request.custodian() ||
      between->status() != static_cast<std::uint32_t>(relationship::Status::active))
    return {Refusal::relationship_not_active, {}, {}};
  if (grant->revoked_height() != 0 || withdrawn_here) return {Refusal::consent_revoked, {}, {}};
  for (const BlockTime now : {moment.block, moment.clock}) {
    const bool lapsed = grant->expires_day() != 0 && contracts::has_come(grant->expires_day(), now);
    if (lapsed || !in_force(*terms, now)) return {Refusal::consent_not_in_force, {}, {}};
  }
  if (!is_grantee(*terms, state, request)) return {Refusal::not_the_grantee, {}, {}};
  if (!terms->purposes.contains(request.purpose())) return {Refusal::purpose_not_granted, {}, {}};
  std::set<std::string> categories = granted_categories(*terms, request);
  if (categories.empty()) return {Refusal::category_not_granted, {}, {}};
  return {std::nullopt, *terms, std::move(categories)};
}

}  // namespace careledger::exchange
