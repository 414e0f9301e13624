#include "edge/patient/patient_api.h"

#include <charconv>

#include "contracts/consent/consent.h"
#include "contracts/relationship/relationship.h"
#include "edge/exchange/release_api.h"
#include "exchange/release.h"
#include "exchange/terms.h"
#include "vault/prover.h"

namespace careledger::edge::patient {
namespace {

namespace consent = contracts::consent;
namespace json = codec::json;
namespace relation = contracts::relationship;
using careledger::exchange::grant_id;

constexpr std::string_view kRoot = "/patient/v1/";
constexpr std::size_t kOpeningBytesMax = 128 * 1024;
constexpr std::uint32_t kNoticesMax = 10'000;  // the newest
constexpr int kListTries = 8;

template <class Id>
Result<Id> id_at(const json::Value& object, std::string_view name) {
  const auto bytes = from_hex(object.string_at(name));
  const auto id = bytes ? Id::from(*bytes) : std::nullopt;
  if (!id) return fail(ErrorKind::invalid, std::string(name) + ": expected 64 hex digits");
  return *id;
}

Result<std::uint32_t> grant_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0)
    return fail(ErrorKind::invalid, "number: expected the number of a grant, from 1");
  return value;
}

Result<vault::ListRange> range_of(const http::Request& request, std::uint32_t limit) {
  vault::ListRange range;
  range.limit = limit;
  for (const auto& [name, text] : request.query) {
    const auto place = proof::parse_audit_place(text);
    if ((name != "from" && name != "to") || !place)
      return fail(ErrorKind::invalid, "expected from=TIME or to=TIME, in milliseconds since 1970, and perhaps .NUMBER");
    if (name == "from") range.from = *place;
    else range.to = *place;
  }
  if (range.to && *range.to < range.from) return fail(ErrorKind::invalid, "the range ends before it begins");
  return range;
}

bool is_notice(vault::AuditKind kind) {
  return kind == vault::AuditKind::release || kind == vault::AuditKind::refusal || kind == vault::AuditKind::retrieve ||
         kind == vault::AuditKind::break_glass || kind == vault::AuditKind::export_data;
}

std::string notice_line(const vault::OpenedEntry& opened) {
  json::Document document;
  json::Value root = document.object();
  document.set(root, "time_ms", document.number(opened.recorded.time.value));
  document.set(root, "kind", document.string(name_of(opened.entry.kind)));
  document.set(root, "actor", document.string(opened.entry.actor));
  document.set(root, "purpose", document.string(opened.entry.purpose));
  if (!opened.entry.organisation.empty()) document.set(root, "organisation", document.string(opened.entry.organisation));
  const auto details = json::parse(opened.entry.details);
  if (details) document.set(root, "details", document.copy(details->root()));
  return json::compact(root) + "\n";
}

}  // namespace

struct PatientApi::Listing {
  vault::Subject subject;
  vault::ListRange range;
  vault::AuditEntry entry;
  http::Responder respond;
  int tries = 0;
};

Result<PatientApi::Caller> PatientApi::caller_of(const http::Request& request) {
  const auto key_of = [this](std::string_view key_id) {
    return exchange::request_key(parts_.replica, key_id, kernel::AccountKind::patient, kernel::KeyRole::command);
  };
  CARELEDGER_TRY(const http::VerifiedSignature signature, http::verify_request(request, {}, key_of, parts_.clock, seen_));
  const auto bytes = from_hex(signature.key_id);
  const auto account = bytes ? AccountId::from(*bytes) : std::nullopt;
  if (!account) return fail(ErrorKind::unauthenticated, "the signature's keyid is no account");
  const RelationshipId id = relation::relationship_id(parts_.organisation, *account);
  const auto row = parts_.replica.view().state().get(relation::kRelationships, id);
  CARELEDGER_TRY(const auto known, parts_.relationships.find(id));
  if (!row || !known) return fail(ErrorKind::forbidden, "this account has no relationship with this organisation");
  Caller caller{*account, *known, row->status()};
  if (relation::is_active(*row) && known->state == vault::RelationshipState::proposed)
    caller.relationship.state = vault::RelationshipState::active;
  caller.relationship.held_in_trust = row->held_in_trust();
  if (caller.relationship.state != known->state || caller.relationship.held_in_trust != known->held_in_trust)
    CARELEDGER_CHECK(parts_.relationships.put(caller.relationship));
  return caller;
}

http::Response PatientApi::relationship(const Caller& caller) const {
  json::Document document;
  json::Value organisation = document.object();
  document.set(organisation, "id", document.string(parts_.organisation.hex()));
  document.set(organisation, "name", document.string(parts_.name));
  json::Value root = document.object();
  document.set(root, "relationship", document.string(caller.relationship.id.hex()));
  document.set(root, "account", document.string(caller.account.hex()));
  document.set(root, "subject", document.string(parts_.audit.subject_of(caller.relationship.patient_id).hex()));
  document.set(root, "status", document.number(static_cast<std::int64_t>(caller.status)));
  document.set(root, "held_in_trust", document.boolean(caller.relationship.held_in_trust));
  document.set(root, "organisation", organisation);
  return http::json(200, json::compact(root));
}

Result<http::Response> PatientApi::deposit(const http::Request& request, const Caller& caller, vault::AuditEntry& entry) {
  entry.kind = vault::AuditKind::create;
  entry.resource_type = "Consent";
  if (request.body.size() > kOpeningBytesMax) return fail(ErrorKind::too_large, "an opening has at most 128 KiB");
  CARELEDGER_TRY(const json::Document document, json::parse(request.body));
  const json::Value* shown = document.root().find("consent");
  const json::Value* number_value = document.root().find("number");
  if (shown == nullptr || number_value == nullptr) return fail(ErrorKind::invalid, "expected consent, salt, relationship and number");
  CARELEDGER_TRY(const auto terms, careledger::exchange::parse_terms(*shown));
  CARELEDGER_TRY(const RelationshipId id, id_at<RelationshipId>(document.root(), "relationship"));
  CARELEDGER_TRY(const Digest salt, id_at<Digest>(document.root(), "salt"));
  CARELEDGER_TRY(const std::uint32_t number, grant_number(number_value->text()));
  if (relation::relationship_id(terms.custodian, terms.patient) != id)
    return fail(ErrorKind::invalid, "relationship: not the one between the consent's patient and custodian");
  const auto grant = parts_.replica.view().state().get(consent::kGrants, id, number);
  if (!grant || grant->terms() != careledger::exchange::commitment_to(*shown, salt.view()).view())
    return fail(ErrorKind::conflict, "the ledger holds no grant of these terms under this number; grant first, then deposit");
  const bool as_custodian = terms.custodian == parts_.organisation;
  if (as_custodian && id != caller.relationship.id) return fail(ErrorKind::forbidden, "the grant is of another patient's relationship");
  if (!as_custodian && !terms.organisations.contains(parts_.organisation))
    return fail(ErrorKind::forbidden, "this organisation is neither custodian nor grantee of the consent");
  const Digest grant_name = grant_id(id, number);
  CARELEDGER_CHECK(parts_.relationships.put_terms({grant_name, caller.relationship.id, json::canonical(*shown), salt.bytes(), false}));
  return http::json(201, "{}");
}

// Before the ledger, and without having seen the terms: what stands under this number is not released from now on.
Result<http::Response> PatientApi::withdraw(std::string_view text, const Caller& caller, vault::AuditEntry& entry) {
  entry.kind = vault::AuditKind::update;
  entry.resource_type = "Consent";
  CARELEDGER_TRY(const std::uint32_t number, grant_number(text));
  CARELEDGER_CHECK(parts_.relationships.withdraw(caller.relationship.id, grant_id(caller.relationship.id, number)));
  return http::json(200, "{}");
}

// What a wallet cosigned must be a checkpoint that this ledger's log signed and still contains. Otherwise one of the two was shown another
// history, and the answer says so.
Result<http::Response> PatientApi::cosignature(const http::Request& request, const Caller& caller, vault::AuditEntry& entry) {
  entry.kind = vault::AuditKind::create;
  entry.resource_type = "Cosignature";
  entry.subject = {};  // no access to a record: it does not belong on the list of them
  if (request.body.size() > proof::kMaxNote) return fail(ErrorKind::too_large, "a note has at most 64 KiB");
  CARELEDGER_TRY(const json::Document document, json::parse(request.body));
  CARELEDGER_TRY(const proof::NoteKey key, proof::parse_note_key(document.root().string_at("key")));
  CARELEDGER_TRY(const proof::Note note, proof::parse_note(document.root().string_at("note")));
  if (key.kind != proof::NoteKind::cosignature) return fail(ErrorKind::invalid, "key: expected one for cosignatures");
  CARELEDGER_TRY(const proof::NoteVerdict verdict, proof::verify_note(note, std::vector{parts_.log_key, key}));
  if (verdict.signers.size() != 2 || note.signatures.size() != 2)
    return fail(ErrorKind::invalid, "note: expected the log's signature and the wallet's, and no others");
  CARELEDGER_TRY(const proof::Checkpoint checkpoint, proof::parse_checkpoint(note.text));
  const replica::View view = parts_.replica.view();
  if (checkpoint.origin != parts_.log_key.name) return fail(ErrorKind::invalid, "note: of another log");
  proof::Path path;
  const bool longer = checkpoint.size > view.log_size();
  if (!longer) {
    CARELEDGER_TRY(path, view.prove_consistency(checkpoint.size));  // that we cannot tell convicts nobody
  }
  if (longer || !proof::verify_consistency(checkpoint.size, checkpoint.root, view.log_size(), view.log_root(), path))
    return fail(ErrorKind::conflict, "the wallet cosigned another history than this node has; keep the note, it is evidence");
  CARELEDGER_CHECK(parts_.relationships.put_cosigned({caller.relationship.id, proof::to_text(key), proof::encode(note)}));
  return http::json(201, "{}");
}

// Three steps, each taken up by whoever ends the one before: the list at a head that is final, the block that proves it, the bundle. No
// thread waits between them: with a ledger that stands still, the pool goes on serving everybody else.
void PatientApi::accesses(std::shared_ptr<Listing> listing) {
  ++listing->tries;
  const vault::Subject subject = listing->subject;
  const vault::ListRange range = listing->range;
  parts_.audit.list(subject, range, [this, listing = std::move(listing)](Result<vault::AccessList> found) mutable {
    if (!found) return finish(tl::make_unexpected(found.error()), std::move(listing->entry), std::move(listing->respond));
    auto list = std::make_shared<vault::AccessList>(std::move(*found));
    const Height height = list->head.height;
    parts_.ordering.when_provable(height, [this, listing = std::move(listing), list = std::move(list)]() mutable {
      if (parts_.workers.post([this, listing, list] { prove(listing, std::move(*list)); })) return;
      finish(fail(ErrorKind::busy, "too much is waiting; try again"), std::move(listing->entry), std::move(listing->respond));
    });
  });
}

// The bundle speaks of the ledger's newest head; when another head comes in between, the list is taken again.
void PatientApi::prove(std::shared_ptr<Listing> listing, vault::AccessList list) {
  auto response = proven(std::move(list));
  const bool moved_on = !response && (response.error().kind == ErrorKind::conflict || response.error().kind == ErrorKind::unavailable);
  if (moved_on && listing->tries < kListTries) return accesses(std::move(listing));
  if (moved_on) response = fail(ErrorKind::busy, "accesses are being recorded faster than a list of them can be proven; try again");
  finish(std::move(response), std::move(listing->entry), std::move(listing->respond));
}

Result<http::Response> PatientApi::proven(vault::AccessList list) {
  CARELEDGER_TRY(const vault::Provable at, vault::newest_provable(parts_.replica, parts_.ordering));
  CARELEDGER_TRY(proof::Bundle bundle, vault::prove_accesses(at, parts_.organisation, std::move(list), true));
  if (parts_.witness) CARELEDGER_CHECK(parts_.witness(at.view, bundle));
  http::Response response;
  response.headers.set("Content-Type", kProofType);
  response.body = proof::encode(bundle);
  return response;
}

Result<http::Response> PatientApi::notices(const Caller& caller) const {
  const vault::Subject subject = parts_.audit.subject_of(caller.relationship.patient_id);
  const auto is_one = [](const vault::AuditEntry& entry) { return is_notice(entry.kind); };
  CARELEDGER_TRY(const auto entries, parts_.audit.newest_of(subject, kNoticesMax, is_one));
  http::Response response;
  response.headers.set("Content-Type", "application/x-ndjson");
  for (const vault::OpenedEntry& entry : entries) response.body += notice_line(entry);
  return response;
}

Result<http::Response> PatientApi::answer(const http::Request& request, const Caller& caller, vault::AuditEntry& entry) {
  const std::string_view path = std::string_view(request.path).substr(std::min(kRoot.size(), request.path.size()));
  if (request.method == http::Method::get) {
    if (path == "relationship") return relationship(caller);
    if (path == "notices") return notices(caller);
  }
  if (request.method == http::Method::post) {
    constexpr std::string_view kConsents = "consents/", kWithdraw = "/withdraw";
    if (path == "consents") return deposit(request, caller, entry);
    if (path == "cosignatures") return cosignature(request, caller, entry);
    if (path.starts_with(kConsents) && path.ends_with(kWithdraw) && path.size() > kConsents.size() + kWithdraw.size())
      return withdraw(path.substr(kConsents.size(), path.size() - kConsents.size() - kWithdraw.size()), caller, entry);
  }
  return fail(ErrorKind::not_found, "no such path");
}

void PatientApi::handle(http::Request request, http::Responder respond) {
  const auto caller = caller_of(request);
  if (!caller) {
    const ErrorKind kind = caller.error().kind;
    if (kind != ErrorKind::unauthenticated && kind != ErrorKind::forbidden) return respond(http::problem(caller.error()));
    return auth::refuse_login(parts_.logins, "patient", request, http::problem(caller.error()), std::move(respond));
  }
  vault::AuditEntry entry;
  entry.subject = parts_.audit.subject_of(caller->relationship.patient_id);
  entry.kind = vault::AuditKind::read_audit;
  entry.actor = "Patient/" + caller->relationship.patient_id;
  entry.role = "patient";
  entry.purpose = "PATRQT";
  if (request.method == http::Method::get && request.path == std::string(kRoot) + "accesses") {
    auto range = range_of(request, parts_.part_max);
    if (!range) return finish(tl::make_unexpected(std::move(range.error())), std::move(entry), std::move(respond));
    return accesses(std::make_shared<Listing>(Listing{entry.subject, *range, entry, std::move(respond)}));
  }
  auto response = answer(request, *caller, entry);
  finish(std::move(response), std::move(entry), std::move(respond));
}

void PatientApi::finish(Result<http::Response> response, vault::AuditEntry entry, http::Responder respond) {
  if (!response) {
    const bool refused = response.error().kind == ErrorKind::forbidden;
    entry.outcome = refused ? vault::AuditOutcome::refused : vault::AuditOutcome::failed;
  }
  auto out = response ? std::move(*response) : http::problem(response.error());
  out.route = "/patient/v1/*";
  parts_.audit.append(std::move(entry),
                      [out = std::move(out), respond = std::move(respond)](const Result<vault::Recorded>& recorded) mutable {
                        respond(recorded ? std::move(out) : http::problem(recorded.error()));
                      });
}

}  // namespace careledger::edge::patient
