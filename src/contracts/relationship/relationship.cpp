#include "contracts/relationship/relationship.h"

#include "crypto/hash.h"
#include "kernel/authority.h"
#include "kernel/define.h"

namespace careledger::contracts::relationship {

using kernel::Call;
using kernel::Reader;
using kernel::Writer;

RelationshipId relationship_id(const OrganisationId& organisation, const AccountId& patient) {
  return id_cast<RelationshipId>(crypto::tagged_hash("careledger/relationship/1", {organisation.view(), patient.view()}));
}

Bytes handover_bytes(const LedgerId& ledger, const AccountId& patient, const ledger::Authority& authority) {
  Bytes message = ledger.bytes();
  message.append(patient.view());
  message.append(kernel::encode(authority));
  return kernel::signed_bytes("careledger/handover/1", message);
}

namespace {

enum class Party : std::uint8_t { patient, organisation, either };

// Finds the row that a command names and judges whether its actor may speak.
Codes find(ByteView relationship, Party party, const Call& call, const Reader& state, Relationship& row) {
  auto found = state.get(kRelationships, id_of<RelationshipId>(relationship));
  if (!found) return Codes::relationship_unknown;
  row = std::move(*found);
  const bool patient = row.patient() == call.actor.view();
  const bool organisation = row.organisation() == call.actor.view();
  if (party == Party::either && !patient && !organisation) return Codes::not_a_party;
  if (party == Party::patient && !patient) return Codes::not_the_patient;
  if (party == Party::organisation && !organisation) return Codes::not_the_organisation;
  return Codes::ok;
}

bool has_status(const Relationship& row, Status status) { return row.status() == number_of(status); }
bool is_over(const Relationship& row) { return has_status(row, Status::rejected) || has_status(row, Status::ended); }

void put(Writer& state, const RelationshipId& id, const Relationship& row) {
  state.put(kRelationships, row, id);
  Event event;
  auto* changed = event.mutable_status_changed();
  changed->set_relationship(id.bytes());
  changed->set_organisation(row.organisation());
  changed->set_patient(row.patient());
  changed->set_status(row.status());
  changed->set_held_in_trust(row.held_in_trust());
  state.emit(event);
}

void set_status(ByteView relationship, Status status, Writer& state) {
  const auto id = id_of<RelationshipId>(relationship);
  auto row = *state.get(kRelationships, id);
  row.set_status(number_of(status));
  row.clear_survivor();
  put(state, id, row);
}

using Proofs = google::protobuf::RepeatedPtrField<ledger::CommandSignature>;

bool are_sized(const Proofs& proofs) {
  if (static_cast<std::size_t>(proofs.size()) > kernel::kSignaturesMax) return false;
  for (const auto& proof : proofs) {
    if (proof.signature().size() != 64 || proof.algorithm() != number_of(crypto::Algorithm::ed25519)) return false;
  }
  return true;
}

bool has_signed(const ledger::Authority& authority, const Proofs& proofs, const Call& call) {
  std::vector<kernel::KeySignature> signatures;
  for (const auto& proof : proofs) {
    const auto signature = crypto::Signature::from(proof.signature());
    CARELEDGER_ASSERT(signature.has_value());  // well_formed
    signatures.push_back({proof.key(), crypto::Algorithm::ed25519, *signature});
  }
  const Bytes bytes = handover_bytes(call.ledger, call.actor, authority);
  return kernel::judge_signatures(authority, kernel::KeyRole::command, call.time, bytes, signatures, kernel::direct_verdicts()) ==
         kernel::KernelCode::ok;
}

void hand_over(ByteView relationship, const ledger::Authority& authority, bool claimed, const Call& call, Writer& state) {
  auto account = *state.get(kernel::kAccounts, call.actor);
  const std::uint32_t version = account.authority_version() + 1;
  kernel::replace_authority(state, call, call.actor, std::move(account), authority);
  Event event;
  auto* replaced = event.mutable_controller_replaced();
  replaced->set_relationship(Bytes(relationship));
  replaced->set_patient(call.actor.bytes());
  replaced->set_authority_version(version);
  replaced->set_claimed(claimed);
  state.emit(event);
}

}  // namespace

// Rules stand in the contract's own namespace, where kernel::define finds them by their arguments.

// --- propose, accept, reject, end --------------------------------------------------------------------------------------------------

bool well_formed(const Propose& c) { return c.has_authority() && is_digest(c.nonce()); }
Codes decide(const Propose& c, const Call& call, const Reader& state) {
  if (!is_organisation(state, call.actor)) return Codes::not_an_organisation;
  if (!kernel::is_sound(c.authority())) return Codes::authority_unsound;
  return state.has(kernel::kAccounts, kernel::account_id(c.authority(), c.nonce())) ? Codes::account_exists : Codes::ok;
}
void apply(const Propose& c, const Call& call, Writer& state) {
  const AccountId patient = kernel::account_id(c.authority(), c.nonce());
  state.put(kernel::kAccounts, kernel::new_account(kernel::AccountKind::patient, c.authority()), patient);
  Relationship row;
  row.set_organisation(call.actor.bytes());
  row.set_patient(patient.bytes());
  row.set_status(number_of(c.held_in_trust() ? Status::active : Status::proposed));
  row.set_held_in_trust(c.held_in_trust());
  put(state, relationship_id(call.actor, patient), row);
}

static Codes decide_answer(ByteView relationship, const Call& call, const Reader& state) {
  Relationship row;
  const Codes found = find(relationship, Party::patient, call, state, row);
  if (found != Codes::ok) return found;
  return has_status(row, Status::proposed) ? Codes::ok : Codes::not_proposed;
}

bool well_formed(const Accept& c) { return is_digest(c.relationship()); }
Codes decide(const Accept& c, const Call& call, const Reader& state) { return decide_answer(c.relationship(), call, state); }
void apply(const Accept& c, const Call&, Writer& state) { set_status(c.relationship(), Status::active, state); }

bool well_formed(const Reject& c) { return is_digest(c.relationship()); }
Codes decide(const Reject& c, const Call& call, const Reader& state) { return decide_answer(c.relationship(), call, state); }
void apply(const Reject& c, const Call&, Writer& state) { set_status(c.relationship(), Status::rejected, state); }

bool well_formed(const End& c) { return is_digest(c.relationship()); }
Codes decide(const End& c, const Call& call, const Reader& state) {
  Relationship row;
  const Codes found = find(c.relationship(), Party::either, call, state, row);
  if (found != Codes::ok) return found;
  return is_over(row) ? Codes::already_over : Codes::ok;
}
void apply(const End& c, const Call&, Writer& state) { set_status(c.relationship(), Status::ended, state); }

// --- who holds the keys ------------------------------------------------------------------------------------------------------------

bool well_formed(const Claim& c) { return is_digest(c.relationship()) && c.has_authority() && are_sized(c.proofs()); }
Codes decide(const Claim& c, const Call& call, const Reader& state) {
  if (!kernel::is_sound(c.authority())) return Codes::authority_unsound;
  Relationship row;
  const Codes found = find(c.relationship(), Party::patient, call, state, row);
  if (found != Codes::ok) return found;
  if (is_over(row)) return Codes::already_over;
  if (!row.held_in_trust()) return Codes::not_held_in_trust;
  return has_signed(c.authority(), c.proofs(), call) ? Codes::ok : Codes::new_authority_silent;
}
void apply(const Claim& c, const Call& call, Writer& state) {
  const auto id = id_of<RelationshipId>(c.relationship());
  auto row = *state.get(kRelationships, id);
  row.set_held_in_trust(false);
  put(state, id, row);
  hand_over(c.relationship(), c.authority(), true, call, state);
}

bool well_formed(const ChangeController& c) {
  return is_digest(c.relationship()) && c.has_authority() && are_sized(c.proofs()) && is_digest(c.reason());
}
Codes decide(const ChangeController& c, const Call& call, const Reader& state) {
  if (!kernel::is_sound(c.authority())) return Codes::authority_unsound;
  Relationship row;
  const Codes found = find(c.relationship(), Party::patient, call, state, row);
  if (found != Codes::ok) return found;
  if (is_over(row)) return Codes::already_over;
  if (row.held_in_trust()) return Codes::still_held_in_trust;
  return has_signed(c.authority(), c.proofs(), call) ? Codes::ok : Codes::new_authority_silent;
}
void apply(const ChangeController& c, const Call& call, Writer& state) { hand_over(c.relationship(), c.authority(), false, call, state); }

// --- two found to be one -----------------------------------------------------------------------------------------------------------

bool well_formed(const Merge& c) { return is_digest(c.relationship()) && is_digest(c.survivor()); }
Codes decide(const Merge& c, const Call& call, const Reader& state) {
  Relationship row;
  const Codes found = find(c.relationship(), Party::organisation, call, state, row);
  if (found != Codes::ok) return found;
  return is_active(row) ? Codes::ok : Codes::not_active;
}
void apply(const Merge& c, const Call&, Writer& state) {
  const auto id = id_of<RelationshipId>(c.relationship());
  auto row = *state.get(kRelationships, id);
  row.set_status(number_of(Status::merged));
  row.set_survivor(c.survivor());
  put(state, id, row);
}

bool well_formed(const Unmerge& c) { return is_digest(c.relationship()); }
Codes decide(const Unmerge& c, const Call& call, const Reader& state) {
  Relationship row;
  const Codes found = find(c.relationship(), Party::organisation, call, state, row);
  if (found != Codes::ok) return found;
  return has_status(row, Status::merged) ? Codes::ok : Codes::not_merged;
}
void apply(const Unmerge& c, const Call&, Writer& state) { set_status(c.relationship(), Status::active, state); }

// --- invariants --------------------------------------------------------------------------------------------------------------------

static bool relationship_holds(const Call&, const kernel::Key& key, kernel::RowBytes before, kernel::RowBytes after, const Reader& state) {
  if (!after) return false;
  const auto now = row_of<Relationship>(*after);
  if (now.survivor().empty() == has_status(now, Status::merged)) return false;
  const auto patient = id_of<AccountId>(now.patient());
  if (key.digest<RelationshipId>() != relationship_id(id_of<AccountId>(now.organisation()), patient)) return false;
  if (!before) return is_organisation(state, id_of<AccountId>(now.organisation())) && is_kind(state, patient, kernel::AccountKind::patient);
  const auto old = row_of<Relationship>(*before);
  return old.organisation() == now.organisation() && old.patient() == now.patient() && !is_over(old) &&
         (old.held_in_trust() || !now.held_in_trust());
}

static constexpr kernel::Invariant kInvariants[] = {
    {kRelationships.space, "a relationship stays with its parties; over is final; nobody goes back into trust", &relationship_holds},
};

static constexpr kernel::CodeName kCodes[] = {
    {0, "ok"},          {1, "not_an_organisation"}, {2, "authority_unsound"},    {3, "account_exists"},       {4, "relationship_unknown"},
    {5, "not_a_party"}, {6, "not_the_patient"},     {7, "not_the_organisation"}, {8, "not_proposed"},         {9, "already_over"},
    {10, "not_active"}, {11, "not_merged"},         {12, "not_held_in_trust"},   {13, "still_held_in_trust"}, {14, "new_authority_silent"},
};

template <auto number, auto accessor>
using Case = kernel::Case<number, accessor>;

constinit const kernel::Contract kContract =
    kernel::define<{2}, Codes, Payload, Case<Payload::kPropose, &Payload::propose>, Case<Payload::kAccept, &Payload::accept>,
                   Case<Payload::kReject, &Payload::reject>, Case<Payload::kEnd, &Payload::end>, Case<Payload::kClaim, &Payload::claim>,
                   Case<Payload::kChangeController, &Payload::change_controller>, Case<Payload::kMerge, &Payload::merge>,
                   Case<Payload::kUnmerge, &Payload::unmerge>>("relationship", {1}, kInvariants, kCodes);

}  // namespace careledger::contracts::relationship
