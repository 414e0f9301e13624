#include "edge/exchange/operations.h"

#include <algorithm>
#include <array>
#include <span>

#include "codec/fhir/instant.h"
#include "contracts/build.h"
#include "edge/fhir/outcome.h"
#include "exchange/release.h"
#include "kernel/tables.h"

namespace careledger::edge::exchange {
namespace {

namespace json = codec::json;
using careledger::exchange::Received;
using careledger::exchange::Retrieval;

constexpr std::uint32_t kOrganisationsMax = 10'000;
constexpr std::string_view kActorPrefix = "Practitioner/";

Result<Digest> practitioner_of(const auth::Principal& principal) {
  if (principal.actor.starts_with(kActorPrefix)) {
    const auto bytes = from_hex(std::string_view(principal.actor).substr(kActorPrefix.size()));
    const auto id = bytes ? Digest::from(*bytes) : std::nullopt;
    if (id) return *id;
  }
  return fail(ErrorKind::forbidden, "only an accredited practitioner asks another organisation; the token's actor names none");
}

std::string url_of(const OrganisationId& custodian, const json::Value& resource) {
  return "urn:careledger:record:" + custodian.hex() + ":" + std::string(resource.string_at("resourceType")) + ":" +
         std::string(resource.string_at("id"));
}

json::Value issue_of(json::Document& document, std::string_view severity, std::string_view code, const std::string& text) {
  json::Value issue = document.object();
  document.set(issue, "severity", document.string(severity));
  document.set(issue, "code", document.string(code));
  document.set(issue, "diagnostics", document.string(text));
  return issue;
}

void append_resource(json::Document& document, json::Value& entries, const std::string& url, json::Value resource) {
  json::Value entry = document.object();
  if (!url.empty()) document.set(entry, "fullUrl", document.string(url));
  document.set(entry, "resource", resource);
  document.append(entries, entry);
}

// What was left out, and why, as an OperationOutcome inside the Bundle.
void append_remarks(json::Document& document, json::Value& entries, const Received& received) {
  json::Value issues = document.array();
  if (received.rejected > 0)
    document.append(issues, issue_of(document, "error", "security",
                                     std::to_string(received.rejected) + " records did not verify against the ledger and were left out"));
  if (received.left_out > 0)
    document.append(issues, issue_of(document, "information", "incomplete",
                                     std::to_string(received.left_out) + " records are not on the ledger yet; ask again in a moment"));
  if (issues.size() == 0) return;
  json::Value outcome = document.object();
  document.set(outcome, "resourceType", document.string("OperationOutcome"));
  document.set(outcome, "issue", issues);
  append_resource(document, entries, {}, outcome);
}

Bytes bundle_of(const OrganisationId& custodian, const Received& received, BlockTime now) {
  json::Document document;
  json::Value entries = document.array();
  for (const json::Document& resource : received.resources)
    append_resource(document, entries, url_of(custodian, resource.root()), document.copy(resource.root()));
  append_remarks(document, entries, received);
  json::Value bundle = document.object();
  document.set(bundle, "resourceType", document.string("Bundle"));
  document.set(bundle, "type", document.string("collection"));
  document.set(bundle, "timestamp", document.string(codec::fhir::format_instant(now)));
  if (entries.size() > 0) document.set(bundle, "entry", entries);
  return json::compact(bundle);
}

fhir::OperationReply refused(careledger::exchange::Refusal refusal) {
  fhir::Issue issue;
  issue.code = "forbidden";
  issue.text = "the custodian does not release: " + std::string(name_of(refusal));
  issue.reason = name_of(refusal);
  issue.reason_system = kRefusalSystem;
  return {403, fhir::outcome({issue})};
}

// False, and nothing moved out of, when too many wait already.
template <class Run>
bool post(http::WorkerPool& pool, const std::shared_ptr<fhir::OperationCall>& call, const std::shared_ptr<fhir::OperationDone>& done,
          Run run) {
  return pool.post([call, done, run] { (*done)(run(*call)); });
}

tl::unexpected<Error> too_many() { return fail(ErrorKind::busy, "too many requests wait for other organisations; try again"); }

fhir::OperationReply bad_parameter(const char* code, std::string text, std::string expression) {
  fhir::Issue issue;
  issue.code = code;
  issue.text = std::move(text);
  issue.expression = std::move(expression);
  return {400, fhir::outcome({issue})};
}

// What nobody would heed is refused, so that nobody relies on it.
std::optional<fhir::OperationReply> unknown_parameter(const fhir::OperationCall& call, std::span<const std::string_view> known) {
  for (const fhir::OperationParameter& one : call.parameters) {
    if (std::ranges::find(known, one.name) != known.end()) continue;
    return bad_parameter("not-supported", "this operation has no parameter of the name " + one.name.substr(0, 64), "Parameters.parameter");
  }
  return std::nullopt;
}

// One that no grant can name would only make the answer smaller than was asked for.
std::optional<fhir::OperationReply> unknown_category(const fhir::OperationCall& call) {
  for (const fhir::OperationParameter& one : call.parameters) {
    if (one.name != "category" || careledger::exchange::is_category(one.value)) continue;
    return bad_parameter(
        "code-invalid",
        "category: there is none of the name " + one.value.substr(0, 64) + "; see " + std::string(careledger::exchange::kCategorySystem),
        "Parameters.parameter.where(name = 'category').value");
  }
  return std::nullopt;
}

}  // namespace

void Operations::retrieve(fhir::OperationCall call, fhir::OperationDone done) {
  const auto one = std::make_shared<fhir::OperationCall>(std::move(call));
  const auto answer = std::make_shared<fhir::OperationDone>(std::move(done));
  if (post(waiting_, one, answer, [this](const fhir::OperationCall& order) { return run_retrieve(order); })) return;
  (*answer)(record(*one, vault::AuditKind::retrieve, too_many()));
}

void Operations::relationship(fhir::OperationCall call, fhir::OperationDone done) {
  const auto one = std::make_shared<fhir::OperationCall>(std::move(call));
  const auto answer = std::make_shared<fhir::OperationDone>(std::move(done));
  if (post(waiting_, one, answer, [this](const fhir::OperationCall& order) { return run_relationship(order); })) return;
  (*answer)(record(*one, vault::AuditKind::update, too_many()));
}

// The entry of an operation that comes to its end here, done or not; then the reply.
Result<fhir::OperationReply> Operations::record(const fhir::OperationCall& call, vault::AuditKind kind,
                                                Result<fhir::OperationReply> reply) {
  vault::AuditEntry entry;
  entry.subject = parts_.audit.subject_of(call.patient_id);
  entry.kind = kind;
  entry.actor = call.principal.actor;
  entry.role = auth::name_of(call.principal.role);
  entry.purpose = call.principal.purpose;
  entry.resource_type = "Patient";
  entry.resource_id = call.patient_id;
  entry.details = kind == vault::AuditKind::retrieve ? R"({"operation":"retrieve"})" : R"({"operation":"relationship"})";
  for (const char* act : {"claim", "mergeInto", "unmerge"})
    if (!call.first(act).empty()) entry.details = R"({"operation":"relationship","act":")" + std::string(act) + "\"}";
  if (!reply || reply->status >= 400) entry.outcome = vault::AuditOutcome::failed;
  if (!reply && reply.error().kind == ErrorKind::forbidden) {
    entry.kind = vault::AuditKind::refusal;
    entry.outcome = vault::AuditOutcome::refused;
  }
  if (const std::string_view into = call.first("mergeInto"); !into.empty()) {  // it is about two patients
    vault::AuditEntry other = entry;
    other.subject = parts_.vault.view().has_patient(into) ? parts_.audit.subject_of(into) : vault::Subject();
    CARELEDGER_CHECK(parts_.audit.append_and_wait(std::move(other)));
  }
  CARELEDGER_CHECK(parts_.audit.append_and_wait(std::move(entry)));
  return reply;
}

Result<OrganisationId> Operations::custodian_of(std::string_view name) const {
  if (name.empty()) return fail(ErrorKind::invalid, "the parameter from is missing: an organisation's name or its 64 hex digits");
  const auto bytes = name.size() == 64 ? from_hex(name) : std::nullopt;
  if (bytes) return *OrganisationId::from(*bytes);
  const replica::View view = parts_.replica.view();
  for (const auto& [key, organisation] : view.state().scan(contracts::registry::kOrganisations, Limit{kOrganisationsMax}))
    if (organisation.name() == name) return *OrganisationId::from(key.view().substr(1));
  return fail(ErrorKind::not_found, "the ledger knows no organisation of that name");
}

Result<Retrieval> Operations::wish_of(const fhir::OperationCall& call) const {
  Retrieval wish;
  CARELEDGER_TRY(wish.from, custodian_of(call.first("from")));
  if (wish.from == parts_.organisation) return fail(ErrorKind::invalid, "the record is this organisation's own: read it here");
  CARELEDGER_TRY(wish.practitioner, practitioner_of(call.principal));
  wish.patient_id = call.patient_id;
  wish.actor = call.principal.actor;
  wish.role = auth::name_of(call.principal.role);
  wish.purpose = call.principal.purpose;
  for (const fhir::OperationParameter& parameter : call.parameters)
    if (parameter.name == "category") wish.categories.push_back(parameter.value);
  return wish;
}

// From the moment that the other organisation is asked, the requester records what becomes of it.
Result<fhir::OperationReply> Operations::run_retrieve(const fhir::OperationCall& call) {
  constexpr std::array<std::string_view, 2> kKnown{"from", "category"};
  if (auto unknown = unknown_parameter(call, kKnown)) return record(call, vault::AuditKind::retrieve, std::move(*unknown));
  if (auto unknown = unknown_category(call)) return record(call, vault::AuditKind::retrieve, std::move(*unknown));
  const auto wish = wish_of(call);
  if (!wish) return record(call, vault::AuditKind::retrieve, tl::make_unexpected(wish.error()));
  CARELEDGER_TRY(const Received received, parts_.requester.retrieve(*wish));
  if (received.refusal) return refused(*received.refusal);
  return fhir::OperationReply{200, bundle_of(wish->from, received, parts_.replica.view().time())};
}

Result<fhir::OperationReply> Operations::run_relationship(const fhir::OperationCall& call) {
  return record(call, vault::AuditKind::update, relate(call));
}

Result<fhir::OperationReply> Operations::relate(const fhir::OperationCall& call) {
  constexpr std::array<std::string_view, 6> kKnown{"enrolment", "holdInTrust", "claim", "mergeInto", "unmerge", "list"};
  if (auto unknown = unknown_parameter(call, kKnown)) return std::move(*unknown);
  using Act = Result<fhir::OperationReply> (Operations::*)(const fhir::OperationCall&);
  constexpr std::array<std::pair<std::string_view, Act>, 4> kAlone{
      {{"claim", &Operations::claim}, {"mergeInto", &Operations::merge}, {"unmerge", &Operations::unmerge}, {"list", &Operations::list}}};
  for (const auto& [name, act] : kAlone) {
    if (call.first(name).empty()) continue;
    if (call.parameters.size() > 1) return fail(ErrorKind::invalid, std::string(name) + ": no other parameter goes with it");
    return (this->*act)(call);
  }
  return propose(call);
}

}  // namespace careledger::edge::exchange
