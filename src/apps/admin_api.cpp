#include "apps/admin_api.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>

#include "apps/act_record.h"
#include "apps/admin_acts.h"
#include "apps/governance_acts.h"
#include "apps/record_extent.h"
#include "apps/registry_acts.h"
#include "codec/json/json.h"
#include "contracts/registry/registry.h"
#include "kernel/tables.h"
#include "ordering/headers_kept.h"
#include "proof/promise_file.h"
#include "proof/trust.h"
#include "vault/terms.h"

namespace careledger::apps {
namespace {

namespace http = edge::http;
namespace json = codec::json;

constexpr std::chrono::seconds kBackupPatience{20};  // of one question after it
constexpr std::string_view kProvePath = "/admin/v1/prove";
constexpr std::string_view kBundleType = "application/vnd.careledger.proof";

// An answer waits for this until every patient's entry is durable.
struct Waiting {
  http::Responder respond;
  http::Response answer;
  std::optional<Error> failed{};
  std::size_t left = 0;
  std::mutex mutex{};

  void recorded(const Result<vault::Recorded>& result) {
    {
      const std::lock_guard lock(mutex);
      if (!result && !failed) failed = result.error();
      if (--left > 0) return;
    }
    respond(failed ? http::problem(*failed) : std::move(answer));
  }
};

// The entry once for each patient whom it is about, or under nobody.
std::vector<vault::AuditEntry> under_each(const vault::AuditMap& audit, const vault::AuditEntry& entry,
                                          const std::vector<std::string>& patients) {
  std::vector<vault::AuditEntry> entries(std::max<std::size_t>(1, patients.size()), entry);
  for (std::size_t i = 0; i < patients.size(); ++i) entries[i].subject = audit.subject_of(patients[i]);
  return entries;
}

// The entry of an act before it is done: the one that follows says what became of it.
vault::AuditEntry entry_before(vault::AuditEntry entry) {
  entry.details = begun(entry.details);
  return entry;
}

// The version's metadata, an erased one's and a tombstone's too; 0: the newest.
Result<vault::VersionMeta> meta_of(const vault::View& view, const std::string& type, const std::string& id, std::uint32_t version) {
  CARELEDGER_TRY(auto rows, view.history(type, id, version == 0 ? 0 : version + 1, 1));
  if (rows.empty() || (version != 0 && rows.front().meta.version != version)) return fail(ErrorKind::not_found, "there is no such version");
  return std::move(rows.front().meta);
}

Result<std::uint32_t> version_of(const http::Request& request) {  // 0: none was asked for
  const auto text = request.parameter("version");
  if (!text) return 0u;
  if (text->empty() || text->size() > 9 || text->front() == '0' || text->find_first_not_of("0123456789") != std::string_view::npos)
    return fail(ErrorKind::invalid, "version must be a number from 1");
  return static_cast<std::uint32_t>(std::stoul(std::string(*text)));
}

Result<std::optional<std::int64_t>> period_of(const http::Request& request) {
  constexpr std::int64_t kLongest = std::int64_t{100} * 366 * 86'400;
  const auto text = request.parameter("trusting_period_s");
  if (!text) return std::optional<std::int64_t>();
  const bool is_number = !text->empty() && text->size() <= 10 && text->find_first_not_of("0123456789") == std::string_view::npos;
  const std::int64_t period = is_number ? std::stoll(std::string(*text)) : 0;
  if (period < 1 || period > kLongest) return fail(ErrorKind::invalid, "trusting_period_s must be from one second to a hundred years");
  return std::optional(period);
}

Result<BackupPart> part_of(std::string_view name) {
  if (name == "records") return BackupPart::records;
  if (name == "ledger") return BackupPart::ledger;
  if (name == "accesses") return BackupPart::accesses;
  return fail(ErrorKind::invalid, "part must be records, ledger or accesses");
}

}  // namespace

Result<void> add_checkpoint(Ledger& ledger, const replica::View& view, proof::Bundle& bundle) {
  CARELEDGER_TRY(ordering::CheckpointKeeper::Witnessed witnessed, ledger.checkpoints().checkpoint(view));
  bundle.checkpoint = proof::WitnessedCheckpoint{std::move(witnessed.note), std::move(witnessed.consistency)};
  return {};
}

Result<void> complete(Ledger& ledger, const replica::View& view, proof::Bundle& bundle) {
  CARELEDGER_CHECK(add_checkpoint(ledger, view, bundle));
  return ledger.add_walk(bundle);
}

Result<std::string> trust_text(Ledger& ledger, std::optional<std::int64_t> trusting_period_s) {
  proof::Trust trust;
  trust.ledger = ledger.replica().ledger();
  trust.chain_id = kernel::chain_id(trust.ledger);
  if (trusting_period_s) {
    CARELEDGER_TRY(proof::LightBlock newest, ordering::light_block(ledger.ordering(), ledger.ordering().height()));
    const proof::Header& header = newest.signed_header.header;
    trust.anchor = proof::TrustAnchor{{static_cast<std::uint64_t>(header.height)},
                                      *Digest::from(proof::hash_of(header)),
                                      proof::block_time(header.time),
                                      *trusting_period_s};
    trust.validators = std::move(newest.validators);
  } else {
    CARELEDGER_TRY(trust.validators, ledger.trusted_validators());
  }
  trust.log = ledger.checkpoints().log_key();
  trust.witnesses = ledger.checkpoints().witness_keys();
  trust.quorum = static_cast<std::uint32_t>(trust.witnesses.size() / 2 + (trust.witnesses.empty() ? 0 : 1));  // a majority
  return proof::to_text(trust);
}

bool AdminApi::waits_for_nothing(const http::Request& request) const {
  return parts_.ledger.embedded() && request.method == http::Method::get && request.path == kProvePath &&  // a network's asks its engine
         parts_.ledger.checkpoints().at_hand(parts_.ledger.replica().view());
}

void AdminApi::handle(http::Request request, http::Responder respond) {
  const auto principal = parts_.authenticator.authenticate(request);
  if (!principal)
    return edge::auth::refuse_login(parts_.logins, "admin", request, edge::auth::refusal(principal.error()), std::move(respond));
  vault::AuditEntry entry;
  entry.actor = principal->actor;
  entry.role = edge::auth::name_of(principal->role);
  entry.purpose = principal->purpose;
  std::vector<std::string> patients;
  auto response = answer(request, *principal, entry, patients);
  entry.outcome = response ? vault::AuditOutcome::done : outcome_of(response.error());
  const auto waiting = std::make_shared<Waiting>(std::move(respond), response ? std::move(*response) : http::problem(response.error()));
  std::vector<vault::AuditEntry> entries = under_each(parts_.audit, entry, patients);
  waiting->left = entries.size();
  for (vault::AuditEntry& one : entries)
    parts_.audit.append(std::move(one), [waiting](const Result<vault::Recorded>& recorded) { waiting->recorded(recorded); });
}

Result<http::Response> AdminApi::answer(const http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry,
                                        std::vector<std::string>& patients) {
  entry.kind = vault::AuditKind::check;
  if (request.path == "/admin/v1/backup") return backup(request, principal, entry);
  if (request.method == http::Method::post && request.path == "/admin/v1/tokens")
    return announce_token(request, principal, entry, patients);
  if (request.method == http::Method::post) return act(request, principal, entry, patients);
  if (request.method != http::Method::get) return fail(ErrorKind::unsupported, "only GET and POST");
  if (request.path == kProvePath) return prove(request, principal, entry, patients);
  if (request.path == "/admin/v1/record") return record(request, principal, entry, patients);
  if (request.path == "/admin/v1/trust") {
    CARELEDGER_TRY(const auto period, period_of(request));
    CARELEDGER_TRY(std::string text, trust_text(parts_.ledger, period));
    return http::json(200, std::move(text));
  }
  const bool oversees = principal.role == edge::auth::Role::administrator || principal.role == edge::auth::Role::auditor;
  if (request.path == "/admin/v1/status" || request.path == "/admin/v1/promises" || request.path == "/admin/v1/registry" ||
      request.path == "/admin/v1/network") {
    if (!oversees) return fail(ErrorKind::forbidden, "this is for administrators and auditors");
    if (request.path == "/admin/v1/network") return list_network(parts_.ledger, request.parameter("all") == "true");
    if (request.path == "/admin/v1/registry") return list_registry(parts_.organisation, parts_.ledger);
    if (request.path == "/admin/v1/promises") return promises();
    return status();
  }
  return fail(ErrorKind::not_found, "no such path");
}

Result<http::Response> AdminApi::prove(const http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry,
                                       std::vector<std::string>& patients) {
  const std::string type(request.parameter("type").value_or(""));
  const std::string id(request.parameter("id").value_or(""));
  entry.kind = vault::AuditKind::prove;
  entry.resource_type = type;
  entry.resource_id = id;
  CARELEDGER_TRY(const std::uint32_t version, version_of(request));
  const auto material = parts_.vault.proof_material(type, id, version);
  // Of that version: a correction may have changed whose record it is.
  CARELEDGER_TRY(const vault::VersionMeta meta, material ? material->version.meta : meta_of(parts_.vault.view(), type, id, version));
  entry.version = meta.version;
  patients = meta.patients;
  CARELEDGER_CHECK(edge::auth::permit(principal, edge::auth::Action::prove, {type, id, meta.patients}));
  if (!material) return tl::make_unexpected(material.error());
  if (request.parameter("as") == "receipt") return receipt(*material);
  vault::RecordProofOptions options;
  const std::size_t always = options.disclose.size();
  for (const http::Parameter& parameter : request.query)
    if (parameter.name == "show") options.disclose.insert(parameter.value);
  if (options.disclose.size() > always)  // then it is read
    CARELEDGER_CHECK(edge::auth::permit(principal, edge::auth::Action::read, {type, id, meta.patients}));
  CARELEDGER_CHECK(parts_.ledger.wait_provable(material->anchor.height));  // of a version that is not on it yet, zero
  CARELEDGER_TRY(const vault::Provable at, vault::newest_provable(parts_.ledger.replica(), parts_.ledger.ordering()));
  CARELEDGER_TRY(proof::Bundle bundle, vault::prove_record(at, parts_.organisation, *material, options));
  CARELEDGER_CHECK(complete(parts_.ledger, at.view, bundle));
  http::Response response;
  response.headers.set("Content-Type", kBundleType);
  response.body = proof::encode(bundle);
  return response;
}

Result<http::Response> AdminApi::receipt(const vault::ProofMaterial& material) {
  CARELEDGER_TRY(const Digest command, vault::anchoring_command(material));
  http::Response response;
  CARELEDGER_TRY(response.body, parts_.ledger.checkpoints().receipt(parts_.ledger.replica().view(), command));
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  return response;
}

// Everything in one patient's record, as [{"resource": "Type/id", "versions": [3, 2…], "gone"}], the Patient first.
Result<http::Response> AdminApi::record(const http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry,
                                        std::vector<std::string>& patients) {
  const std::string patient(request.parameter("patient").value_or(""));
  entry.kind = vault::AuditKind::export_data;
  entry.resource_type = "Patient";
  entry.resource_id = patient;
  const vault::View view = parts_.vault.view();
  CARELEDGER_TRY(const vault::VersionMeta meta, view.read_meta("Patient", patient));
  patients = {patient};
  CARELEDGER_CHECK(edge::auth::permit(principal, edge::auth::Action::export_data, {"Patient", patient, meta.patients}));
  const std::string base = (request.tls ? "https://" : "http://") + request.authority + "/fhir";
  CARELEDGER_TRY(const std::vector<RecordPart> parts, record_extent(view, patient, base));
  json::Document document;
  json::Value list = document.array();
  for (const RecordPart& part : parts) {
    json::Value value = document.object();
    json::Value versions = document.array();
    for (const std::uint32_t version : part.versions) document.append(versions, document.number(std::int64_t{version}));
    document.set(value, "resource", document.string(part.type + '/' + part.id));
    document.set(value, "versions", versions);
    document.set(value, "gone", document.number(std::int64_t{part.gone}));
    document.append(list, value);
  }
  document.root() = list;
  return http::json(200, json::compact(document.root()));
}

Result<http::Response> AdminApi::backup(const http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry) {
  entry.kind = vault::AuditKind::backup;
  if (principal.role != edge::auth::Role::administrator) return fail(ErrorKind::forbidden, "backups are for administrators");
  if (request.method == http::Method::post) {
    CARELEDGER_TRY(const BackupPart part, part_of(request.parameter("part").value_or("")));
    const BackupFolders to{std::string(request.parameter("data").value_or("")), std::string(request.parameter("keys").value_or(""))};
    if (!to.data.starts_with('/') || !to.keys.starts_with('/')) return fail(ErrorKind::invalid, "data and keys must be absolute paths");
    CARELEDGER_CHECK(job_.start([this, part, to] { return parts_.back_up(part, to); }));
    return http::json(202, "{}");
  }
  if (request.method != http::Method::get) return fail(ErrorKind::unsupported, "only GET and POST");
  const auto outcome = job_.wait(kBackupPatience);
  if (!outcome) return http::json(202, "{}");
  CARELEDGER_TRY(const BackedUp done, *outcome);
  return http::json(200, "{\"versions\":" + std::to_string(done.versions) + ",\"audit_entries\":" + std::to_string(done.audit_entries) +
                             ",\"height\":" + std::to_string(done.height.value) + "}");
}

// Only what is named here gets into the entry, so that nothing of the token itself can.
Result<http::Response> AdminApi::announce_token(const http::Request& request, const edge::auth::Principal& principal,
                                                vault::AuditEntry& entry, std::vector<std::string>& patients) {
  entry.kind = vault::AuditKind::key_use;
  CARELEDGER_CHECK(edge::auth::permit(principal, edge::auth::Action::administrate, {}));
  CARELEDGER_TRY(const json::Document asked, json::parse(request.body));
  CARELEDGER_CHECK(edge::auth::role_of(asked.root().string_at("role")));
  json::Document document;
  json::Value details = document.object();
  document.set(details, "key", document.string("access-token"));
  for (const char* name : {"role", "actor", "purpose"}) document.set(details, name, document.string(asked.root().string_at(name)));
  const json::Value* minutes = asked.root().find("minutes");
  const json::Value* emergency = asked.root().find("emergency");
  if (minutes != nullptr && minutes->is_number()) document.set(details, "minutes", document.copy(*minutes));
  if (emergency != nullptr && emergency->is_boolean()) document.set(details, "emergency", document.copy(*emergency));
  entry.details = json::compact(details);
  if (const std::string patient(asked.root().string_at("patient")); parts_.vault.view().has_patient(patient)) patients = {patient};
  return http::json(201, "{}");
}

namespace {

// {"engine": "connected" | why not, "catching_up", "behind", "blocks", "members": [{"name", "votes", "validator": address of its key,
// "signed": by that key, "evidence", "connected"}]}; without an engine that answers its first member alone. "connected" is null for this
// node itself.
json::Value shown_standing(json::Document& document, const Result<network::Standing>& standing) {
  json::Value value = document.object();
  document.set(value, "engine", document.string(standing ? "connected" : standing.error().message));
  if (!standing) return value;
  document.set(value, "catching_up", document.boolean(standing->catching_up));
  document.set(value, "behind", document.number(static_cast<std::int64_t>(std::min<std::uint64_t>(standing->behind, INT64_MAX))));
  document.set(value, "blocks", document.number(static_cast<std::int64_t>(standing->blocks)));
  json::Value members = document.array();
  for (const network::MemberStanding& one : standing->members) {
    json::Value member = document.object();
    document.set(member, "name", document.string(one.name));
    document.set(member, "votes", document.number(static_cast<std::int64_t>(one.votes)));
    document.set(member, "validator", document.string(to_hex(one.validator)));
    document.set(member, "signed", document.number(static_cast<std::int64_t>(one.signed_blocks)));
    document.set(member, "evidence", document.number(static_cast<std::int64_t>(one.evidence)));
    document.set(member, "connected", one.connected ? document.boolean(*one.connected) : document.null());
    document.append(members, member);
  }
  document.set(value, "members", members);
  return value;
}

}  // namespace

Result<http::Response> AdminApi::status() const {
  const replica::View view = parts_.ledger.replica().view();
  CARELEDGER_TRY(const Height first, ordering::first_header(view));
  json::Document document;
  const auto number = [&](std::uint64_t value) { return document.number(static_cast<std::int64_t>(value)); };
  json::Value root = document.object();
  document.set(root, "organisation", document.string(parts_.name));
  document.set(root, "ledger", document.string(parts_.ledger.replica().ledger().hex()));
  document.set(root, "chain", document.string(kernel::chain_id(parts_.ledger.replica().ledger())));
  document.set(root, "height", number(parts_.ledger.ordering().height().value));
  document.set(root, "first_block", number(first.value));
  document.set(root, "commands", number(view.log_size()));
  document.set(root, "accepting", document.boolean(parts_.ledger.ordering().has_quorum()));
  const vault::Vault::Figures records = parts_.vault.figures();
  document.set(root, "versions", number(records.versions));
  document.set(root, "anchors", number(records.anchors));
  document.set(root, "waiting_for_anchor", number(records.waiting));
  document.set(root, "anchors_refused", number(records.refused));
  document.set(root, "accesses", number(parts_.audit.size()));
  if (!parts_.ledger.embedded()) document.set(root, "network", shown_standing(document, parts_.ledger.standing()));
  document.root() = root;
  return http::json(200, json::compact(document.root()));
}

Result<http::Response> AdminApi::promises() const {
  const replica::View view = parts_.ledger.replica().view();
  json::Document document;
  json::Value list = document.array();
  for (const ledger::SignedPromise& kept : parts_.promises.all()) {
    ledger::Promise promise;
    if (!kernel::parse_canonical(kept.promise(), promise)) return fail(ErrorKind::corrupt, "a kept promise does not read");
    const auto custodian = OrganisationId::from(promise.custodian());
    const auto row = custodian ? view.state().get(contracts::registry::kOrganisations, *custodian) : std::nullopt;
    json::Value value = document.object();
    document.set(value, "custodian", document.string(to_hex(promise.custodian())));
    document.set(value, "custodian_name", document.string(row ? row->name() : std::string()));
    document.set(value, "time_ms", document.number(static_cast<std::int64_t>(promise.time_ms())));
    document.set(value, "number", document.number(std::int64_t{promise.number()}));
    document.set(value, "file", document.string(to_base64(proof::encode_promise_file(kept))));
    document.append(list, value);
  }
  return http::json(200, json::compact(list));
}

Result<http::Response> AdminApi::act(const http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry,
                                     std::vector<std::string>& patients) {
  entry.kind = vault::AuditKind::configuration;
  CARELEDGER_CHECK(edge::auth::permit(principal, edge::auth::Action::administrate, {}));
  CARELEDGER_TRY(const json::Document order, json::parse(request.body));
  if (!order.root().is_object()) return fail(ErrorKind::invalid, "the order is an object");
  const std::lock_guard turn(acting_);
  const auto begin = [&]() -> Result<void> {
    for (vault::AuditEntry& one : under_each(parts_.audit, entry_before(entry), patients))
      CARELEDGER_CHECK(parts_.audit.append_and_wait(std::move(one)));
    return {};
  };
  const AdminActs acts{parts_.organisation, parts_.ledger, parts_.vault, parts_.signer, begin};
  if (request.path == "/admin/v1/erase") return erase(acts, order.root(), entry, patients);
  if (request.path == "/admin/v1/hold") return hold(acts, order.root(), entry, patients);
  if (request.path == "/admin/v1/accredit") return accredit(acts, order.root(), entry);
  if (request.path == "/admin/v1/renew") return renew(acts, order.root(), entry);
  if (request.path == "/admin/v1/revoke") return revoke(acts, order.root(), entry);
  if (request.path == "/admin/v1/network/propose") return propose(acts, order.root(), entry);
  if (request.path == "/admin/v1/network/vote") return vote(acts, order.root(), entry);
  if (request.path == "/admin/v1/network/rotate-key") return rotate_validator(acts, order.root(), entry);
  if (request.path == "/admin/v1/network/freeze") return freeze(acts, order.root(), entry);
  if (request.path == "/admin/v1/network/thaw") return thaw(acts, entry);
  if (request.path == "/admin/v1/network/grow") return grow(acts, parts_.growth, order.root(), entry);
  if (request.path == "/admin/v1/network/leave") return leave(acts, entry);
  if (request.path == "/admin/v1/timestamp-authority") return set_up_timestamps(acts, parts_.timestamps, order.root(), entry);
  if (request.path == "/admin/v1/timestamp") return stamp_checkpoint(acts, parts_.timestamps, entry);
  return fail(ErrorKind::not_found, "no such path");
}

}  // namespace careledger::apps
