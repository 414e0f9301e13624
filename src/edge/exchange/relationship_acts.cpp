// $relationship: who holds the keys of a patient's account here, and which accounts stand for one patient.
#include <algorithm>
#include <chrono>
#include <future>

#include "contracts/build.h"
#include "crypto/hash.h"
#include "edge/exchange/operations.h"
#include "kernel/authority.h"
#include "kernel/tables.h"
#include "kernel/timing.h"

namespace careledger::edge::exchange {
namespace {

namespace build = contracts::build;
namespace json = codec::json;
namespace relation = contracts::relationship;

constexpr std::int64_t kWaitMaxMs = 15'000;

std::string_view status_name(std::uint32_t status) {
  switch (static_cast<relation::Status>(status)) {
    case relation::Status::proposed: return "proposed";
    case relation::Status::active: return "active";
    case relation::Status::rejected: return "rejected";
    case relation::Status::ended: return "ended";
    case relation::Status::merged: return "merged";
  }
  return "unknown";
}

json::Value named(json::Document& document, std::string_view name) {
  json::Value parameter = document.object();
  document.set(parameter, "name", document.string(name));
  return parameter;
}

void add_string(json::Document& document, json::Value& list, std::string_view name, std::string_view value) {
  json::Value parameter = named(document, name);
  document.set(parameter, "valueString", document.string(value));
  document.append(list, parameter);
}

Bytes parameters_of(json::Document& document, const json::Value& list) {
  json::Value root = document.object();
  document.set(root, "resourceType", document.string("Parameters"));
  document.set(root, "parameter", list);
  return json::compact(root);
}

}  // namespace

// Decides who holds the key, and remembers at home which patient the pseudonym is before the ledger hears of it.
Result<Operations::Proposal> Operations::prepare(const fhir::OperationCall& call) {
  const std::string_view code = call.first("enrolment");
  const bool in_trust = call.first("holdInTrust") == "true";
  if (code.empty() == !in_trust) return fail(ErrorKind::invalid, "give either enrolment (the wallet's code) or holdInTrust");
  return in_trust ? prepare_in_trust(call.patient_id) : prepare_for_wallet(call.patient_id, code);
}

// One for each patient: whoever asks again gets the same one, unless the ledger knows that it has come to its end.
Result<Operations::Proposal> Operations::prepare_in_trust(const std::string& patient_id) {
  const std::lock_guard lock(trust_mutex_);
  const auto patient_of = [](const vault::TrustKey& trust) {
    build::NewPatient patient;
    patient.held_in_trust = true;
    patient.authority = kernel::single_key(trust.key.public_key());
    patient.nonce = trust.nonce;
    return patient;
  };
  CARELEDGER_TRY(const auto known, parts_.relationships.of_patient(patient_id));
  for (const vault::Relationship& one : known) {
    if (!one.held_in_trust) continue;
    const auto row = parts_.replica.view().state().get(relation::kRelationships, one.id);
    const bool lives = !row || relation::is_active(*row) || row->status() == static_cast<std::uint32_t>(relation::Status::proposed);
    CARELEDGER_TRY(const auto trust, parts_.relationships.trust_key(one.id));
    if (lives && trust) return Proposal{one, build::propose(patient_of(*trust)).payload};
    if (lives && row) return Proposal{one, {}};  // its key lies in the keystore since before; there is nothing to propose
  }
  const vault::TrustKey trust{crypto::SigningKey::generate(parts_.entropy), parts_.entropy.take_id<Digest>()};
  const build::NewPatient patient = patient_of(trust);
  vault::Relationship made;
  made.patient_account = patient.id();
  made.id = relation::relationship_id(parts_.organisation, made.patient_account);
  made.patient_id = patient_id;
  made.held_in_trust = true;
  CARELEDGER_CHECK(parts_.relationships.put_in_trust(made, trust));
  return Proposal{std::move(made), build::propose(patient).payload};
}

Result<Operations::Proposal> Operations::prepare_for_wallet(const std::string& patient_id, std::string_view code) {
  CARELEDGER_TRY(const Enrolment enrolment, read_enrolment(code));
  build::NewPatient patient;
  patient.authority = enrolment.authority;
  patient.nonce = enrolment.nonce;
  vault::Relationship out;
  out.patient_account = patient.id();
  out.id = relation::relationship_id(parts_.organisation, out.patient_account);
  out.patient_id = patient_id;
  CARELEDGER_TRY(const auto known, parts_.relationships.find(out.id));
  if (known && known->patient_id != patient_id)
    return fail(ErrorKind::conflict, "this enrolment code was used for another patient; the wallet makes a new one for each");
  if (known) out = *known;
  CARELEDGER_CHECK(parts_.relationships.put(out));
  return Proposal{std::move(out), build::propose(patient).payload};
}

Result<fhir::OperationReply> Operations::propose(const fhir::OperationCall& call) {
  CARELEDGER_TRY(Proposal proposal, prepare(call));
  vault::Relationship& made = proposal.relationship;
  // After a crash, or asked twice, the ledger may know it already.
  if (!parts_.replica.view().state().has(relation::kRelationships, made.id))
    CARELEDGER_CHECK(send_quietly(made.id, std::move(proposal.payload)));
  const auto row = parts_.replica.view().state().get(relation::kRelationships, made.id);
  if (row && relation::is_active(*row)) {
    made.state = vault::RelationshipState::active;
    CARELEDGER_CHECK(parts_.relationships.put(made));
  }
  json::Document document;
  json::Value parameters = document.array();
  add_string(document, parameters, "relationship", made.id.hex());
  add_string(document, parameters, "account", made.patient_account.hex());
  add_string(document, parameters, "status", row ? status_name(row->status()) : std::string_view("waiting"));
  return fhir::OperationReply{row ? 200 : 202, parameters_of(document, parameters)};
}

// Waits for the ledger only when the epoch is nearly over: nobody stands at a desk for an hour. What waits stays in the vault.
Result<void> Operations::send_quietly(const RelationshipId& id, Bytes payload) {
  const auto promise = std::make_shared<std::promise<ordering::Answer>>();
  CARELEDGER_TRY(const BlockTime until, parts_.quiet.hold({Digest{id.value}, build::kRelationship, std::move(payload)},
                                                          [promise](const ordering::Answer& answer) { promise->set_value(answer); }));
  if (until.value - parts_.clock.now().value > kWaitMaxMs) return {};
  auto told = promise->get_future();
  if (told.wait_for(std::chrono::milliseconds(2 * kWaitMaxMs)) != std::future_status::ready) return {};  // the ledger takes its time
  const ordering::Answer answer = told.get();
  if (answer.outcome == ordering::Outcome::busy) return fail(ErrorKind::busy, "the ledger has more to do than it can; ask again");
  if (answer.outcome == ordering::Outcome::sealed) return {};  // what waits in the vault goes to the network that this ledger becomes
  if (!answer.receipt) return {};                              // it goes with the next epoch
  if (!answer.receipt->code.ok())
    return fail(ErrorKind::conflict,
                "the ledger refused: " + std::string(kernel::code_name(parts_.replica.contracts(), answer.receipt->code)));
  return {};
}

// As one `relationship` with parts for each: what the ledger says now.
Result<fhir::OperationReply> Operations::reply_about(const std::vector<vault::Relationship>& relationships) const {
  const replica::View view = parts_.replica.view();
  json::Document document;
  json::Value list = document.array();
  for (const vault::Relationship& one : relationships) {
    const auto row = view.state().get(relation::kRelationships, one.id);
    const bool merged = row && row->status() == static_cast<std::uint32_t>(relation::Status::merged);
    json::Value parts = document.array();
    add_string(document, parts, "id", one.id.hex());
    add_string(document, parts, "account", one.patient_account.hex());
    add_string(document, parts, "status", row ? status_name(row->status()) : std::string_view("waiting"));
    if (merged && one.merged) add_string(document, parts, "mergedInto", one.merged->survivor.hex());
    json::Value trust = named(document, "heldInTrust");
    document.set(trust, "valueBoolean", document.boolean(row ? row->held_in_trust() : one.held_in_trust));
    document.append(parts, trust);
    json::Value parameter = named(document, "relationship");
    document.set(parameter, "part", parts);
    document.append(list, parameter);
  }
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return fhir::OperationReply{200, parameters_of(document, list)};
}

Result<fhir::OperationReply> Operations::list(const fhir::OperationCall& call) {
  CARELEDGER_TRY(const auto all, parts_.relationships.of_patient(call.patient_id));
  if (all.empty()) return fail(ErrorKind::not_found, "this patient has no relationship here");
  return reply_about(all);
}

// --- out of trust ------------------------------------------------------------------------------------------------------------------

// Beside the relationship; in the keystore when it was made by an older version.
Result<crypto::SigningKey> Operations::key_held_for(const RelationshipId& id) {
  CARELEDGER_TRY(auto trust, parts_.relationships.trust_key(id));
  if (trust) return std::move(trust->key);
  if (parts_.keys.holds(vault::Purpose::trust, id.hex())) return parts_.keys.signing(vault::Purpose::trust, id.hex());
  return fail(ErrorKind::conflict, "the key of this relationship is neither in the vault nor in this keystore: restore the newest ones");
}

// By the patient's account, under the key that is held for it. In memory until the end of the epoch: after a crash it is asked for again.
Result<void> Operations::send_claim(const vault::Relationship& held, const Bytes& payload) {
  CARELEDGER_TRY(const crypto::SigningKey key, key_held_for(held.id));
  const auto window = parts_.replica.view().state().get(kernel::kSequences, held.patient_account);
  const BlockTime until = kernel::epoch_end(parts_.clock.now(), parts_.epoch_ms);
  const kernel::CommandOrder order{parts_.replica.ledger(), held.patient_account, window ? window->highest() + 1 : 1,
                                   kernel::coarse_expiry(until), build::kRelationship};
  Bytes command = kernel::encode(kernel::sign_command(order, payload, kernel::Signer{1, &key}));
  if (const kernel::Code code = parts_.replica.check(kernel::receive_bytes(command), until); !code.ok())
    return fail(ErrorKind::conflict, "the ledger refuses: " + std::string(kernel::code_name(parts_.replica.contracts(), code)));
  const auto promise = std::make_shared<std::promise<ordering::Answer>>();
  parts_.ordering.submit(parts_.organisation, std::move(command), ordering::Lane::mixed,
                         [promise](const ordering::Answer& answer) { promise->set_value(answer); });
  if (until.value - parts_.clock.now().value > kWaitMaxMs) return {};
  auto told = promise->get_future();
  if (told.wait_for(std::chrono::milliseconds(2 * kWaitMaxMs)) != std::future_status::ready)
    return fail(ErrorKind::unavailable, "the ledger did not answer; ask again");
  const ordering::Answer answer = told.get();
  if (!answer.receipt) return fail(ErrorKind::unavailable, "the ledger did not answer; ask again");
  if (!answer.receipt->code.ok())
    return fail(ErrorKind::conflict,
                "the ledger refused: " + std::string(kernel::code_name(parts_.replica.contracts(), answer.receipt->code)));
  return {};
}

// The key that was held stays: until the ledger has the patient's own, it is the only one.
Result<fhir::OperationReply> Operations::claim(const fhir::OperationCall& call) {
  CARELEDGER_TRY(const HandoverCode code, read_handover_code(call.first("claim"), parts_.replica.ledger()));
  CARELEDGER_TRY(auto known, parts_.relationships.find(relation::relationship_id(parts_.organisation, code.account)));
  if (!known || known->patient_id != call.patient_id)
    return fail(ErrorKind::not_found, "the code is for none of this patient's relationships here");
  const auto row_now = [&] { return parts_.replica.view().state().get(relation::kRelationships, known->id); };
  if (!row_now()) return fail(ErrorKind::conflict, "the relationship is not on the ledger yet: it comes there at the end of the epoch");
  if (row_now()->held_in_trust()) {
    build::Handover handover{parts_.replica.ledger(), code.account, known->id, code.authority, {}, {code.proof}};
    CARELEDGER_CHECK(send_claim(*known, build::claim(handover).payload));
  }
  const auto account = parts_.replica.view().state().get(kernel::kAccounts, code.account);
  const bool done = !row_now()->held_in_trust();
  if (done && (!account || kernel::encode(account->authority()) != kernel::encode(code.authority)))
    return fail(ErrorKind::conflict, "the relationship is not held in trust: other keys control it");
  if (done && known->held_in_trust) {
    known->held_in_trust = false;
    CARELEDGER_CHECK(parts_.relationships.put(*known));
  }
  CARELEDGER_TRY(fhir::OperationReply reply, reply_about({*known}));
  reply.status = done ? 200 : 202;
  return reply;
}

// --- two Patients found to be one --------------------------------------------------------------------------------------------------

Digest commitment_to(const vault::MergedInto& merged) {
  return crypto::tagged_hash("careledger/survivor/1", {merged.salt.view(), merged.survivor.view()});
}

Result<RelationshipId> Operations::active_one_of(std::string_view patient_id) const {
  CARELEDGER_TRY(const auto all, parts_.relationships.of_patient(patient_id));
  const replica::View view = parts_.replica.view();
  for (const vault::Relationship& one : all) {
    const auto row = view.state().get(relation::kRelationships, one.id);
    if (row && relation::is_active(*row)) return one.id;
  }
  return fail(ErrorKind::conflict, "the patient to go on with has no active relationship here");
}

bool Operations::any_with(const std::vector<vault::Relationship>& relationships, relation::Status status) const {
  const replica::View view = parts_.replica.view();
  return std::any_of(relationships.begin(), relationships.end(), [&](const vault::Relationship& one) {
    const auto row = view.state().get(relation::kRelationships, one.id);
    return row && row->status() == static_cast<std::uint32_t>(status);
  });
}

// Every active relationship of the patient goes on in one of the other patient's. The opening is kept before the ledger hears of it, and is
// the same when asked again, so that a crash in between costs nothing.
Result<fhir::OperationReply> Operations::merge(const fhir::OperationCall& call) {
  const std::string into(call.first("mergeInto"));
  CARELEDGER_CHECK(auth::permit(call.principal, auth::Action::update, {"Patient", into}));
  if (into == call.patient_id) return fail(ErrorKind::invalid, "mergeInto: the same patient");
  CARELEDGER_TRY(const RelationshipId survivor, active_one_of(into));
  CARELEDGER_TRY(auto all, parts_.relationships.of_patient(call.patient_id));
  bool any = false;
  for (vault::Relationship& one : all) {
    const auto row = parts_.replica.view().state().get(relation::kRelationships, one.id);
    if (!row || !relation::is_active(*row)) continue;
    if (!one.merged || one.merged->survivor != survivor) {
      one.merged = vault::MergedInto{survivor, parts_.entropy.take_id<Digest>()};
      CARELEDGER_CHECK(parts_.relationships.put(one));
    }
    any = true;
    CARELEDGER_CHECK(send_quietly(one.id, build::merge(one.id, commitment_to(*one.merged)).payload));
  }
  if (!any) return fail(ErrorKind::conflict, "this patient has no active relationship here");
  CARELEDGER_TRY(fhir::OperationReply reply, reply_about(all));
  if (any_with(all, relation::Status::active)) reply.status = 202;
  return reply;
}

Result<fhir::OperationReply> Operations::unmerge(const fhir::OperationCall& call) {
  CARELEDGER_TRY(const auto all, parts_.relationships.of_patient(call.patient_id));
  bool any = false;
  for (const vault::Relationship& one : all) {
    const auto row = parts_.replica.view().state().get(relation::kRelationships, one.id);
    if (!row || row->status() != static_cast<std::uint32_t>(relation::Status::merged)) continue;
    any = true;
    CARELEDGER_CHECK(send_quietly(one.id, build::unmerge(one.id).payload));
  }
  if (!any) return fail(ErrorKind::conflict, "none of this patient's relationships here is merged");
  CARELEDGER_TRY(fhir::OperationReply reply, reply_about(all));
  if (any_with(all, relation::Status::merged)) reply.status = 202;
  return reply;
}

}  // namespace careledger::edge::exchange
