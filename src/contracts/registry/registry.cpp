#include "contracts/registry/registry.h"

#include <algorithm>

#include "crypto/hash.h"
#include "kernel/authority.h"
#include "kernel/define.h"

namespace careledger::contracts::registry {

using kernel::Call;
using kernel::Reader;
using kernel::Writer;

Digest holder_id(const OrganisationId& organisation, ByteView nonce32) {
  return crypto::tagged_hash("careledger/practitioner/1", {organisation.view(), nonce32});
}

bool is_accredited(const Reader& state, const OrganisationId& organisation, const Digest& holder, BlockTime time) {
  const auto member = state.get(kOrganisations, organisation);
  if (!member || member->status() != number_of(OrganisationStatus::active)) return false;
  const auto row = state.get(kAccreditations, holder);
  return row && row->organisation() == organisation.view() && row->revoked_height() == 0 && !has_come(row->valid_to_day(), time);
}

namespace {

bool is_founder(const Call& call, const Reader& state) { return is_kind(state, call.actor, kernel::AccountKind::founder); }

bool is_plain_name(ByteView name) {
  return !name.empty() && name.size() <= kNameSizeMax &&
         std::none_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

void emit_status(Writer& state, ByteView organisation, OrganisationStatus status) {
  Event event;
  event.mutable_status_changed()->set_organisation(Bytes(organisation));
  event.mutable_status_changed()->set_status(number_of(status));
  state.emit(event);
}

void emit_authority(Writer& state, const AccountId& account, std::uint32_t version) {
  Event event;
  event.mutable_authority_replaced()->set_account(account.bytes());
  event.mutable_authority_replaced()->set_version(version);
  state.emit(event);
}

}  // namespace

// Rules stand in the contract's own namespace, where kernel::define finds them by their arguments.

// --- admit -------------------------------------------------------------------------------------------------------------------------

bool well_formed(const Admit& c) {
  return c.has_authority() && is_digest(c.nonce()) && is_plain_name(c.name()) && is_digest(c.sealing_key()) &&
         c.kind() >= number_of(OrganisationKind::hospital) && c.kind() <= number_of(OrganisationKind::regulator);
}

Codes judge(const Admit& c, const Call&, const Reader& state) {
  if (!kernel::is_sound(c.authority())) return Codes::authority_unsound;
  return state.has(kernel::kAccounts, kernel::account_id(c.authority(), c.nonce())) ? Codes::account_exists : Codes::ok;
}

static void add_member(Writer& state, const AccountId& id, ledger::Organisation row, BlockTime since) {
  row.set_status(number_of(OrganisationStatus::active));
  row.set_admitted_ms(since.value);
  state.put(kOrganisations, row, id);
  Event event;
  event.mutable_admitted()->set_organisation(id.bytes());
  state.emit(event);
}

template <class Entrant>  // Admit or FoundingMember
static ledger::Organisation row_for(const Entrant& entrant) {
  ledger::Organisation row;
  row.set_name(entrant.name());
  row.set_kind(entrant.kind());
  row.set_sealing_key(entrant.sealing_key());
  return row;
}

void apply(const Admit& c, const Call& call, Writer& state) {
  const AccountId id = kernel::account_id(c.authority(), c.nonce());
  state.put(kernel::kAccounts, kernel::new_account(kernel::AccountKind::organisation, c.authority()), id);
  add_member(state, id, row_for(c), call.time);
}

// Those who found a ledger together are its members from the beginning.
static void found(const kernel::Founding& founding, Writer& state) {
  for (const auto& member : founding.members())
    add_member(state, kernel::account_id(member), row_for(member), BlockTime{founding.created_ms()});
}

// --- suspend and reinstate ---------------------------------------------------------------------------------------------------------

bool well_formed(const Suspend& c) { return is_digest(c.organisation()); }
bool well_formed(const Reinstate& c) { return is_digest(c.organisation()); }

static Codes judge_status(ByteView organisation, OrganisationStatus wanted, Codes already, const Reader& state) {
  const auto row = state.get(kOrganisations, id_of<AccountId>(organisation));
  if (!row) return Codes::organisation_unknown;
  return row->status() == number_of(wanted) ? already : Codes::ok;
}

static void apply_status(ByteView organisation, OrganisationStatus status, Writer& state) {
  const auto id = id_of<AccountId>(organisation);
  auto row = *state.get(kOrganisations, id);
  row.set_status(number_of(status));
  state.put(kOrganisations, row, id);
  auto account = *state.get(kernel::kAccounts, id);
  const bool active = status == OrganisationStatus::active;
  account.set_status(number_of(active ? kernel::AccountStatus::active : kernel::AccountStatus::suspended));
  state.put(kernel::kAccounts, account, id);
  emit_status(state, organisation, status);
}

Codes judge(const Suspend& c, const Call&, const Reader& state) {
  return judge_status(c.organisation(), OrganisationStatus::suspended, Codes::organisation_suspended, state);
}
Codes judge(const Reinstate& c, const Call&, const Reader& state) {
  return judge_status(c.organisation(), OrganisationStatus::active, Codes::organisation_not_suspended, state);
}
void apply(const Suspend& c, const Call&, Writer& state) { apply_status(c.organisation(), OrganisationStatus::suspended, state); }
void apply(const Reinstate& c, const Call&, Writer& state) { apply_status(c.organisation(), OrganisationStatus::active, state); }

// --- accredit, renew, revoke -------------------------------------------------------------------------------------------------------

bool well_formed(const Accredit& c) {
  const bool is_known = c.kind() == number_of(HolderKind::practitioner) || c.kind() == number_of(HolderKind::device);
  const bool key_holds = !c.has_key() || is_digest(c.key().public_key());
  return is_digest(c.nonce()) && is_known && c.role() >= 1 && c.role() <= kRoleMax && key_holds;
}

Codes decide(const Accredit& c, const Call& call, const Reader& state) {
  if (!is_organisation(state, call.actor)) return Codes::not_an_organisation;
  if (state.has(kAccreditations, holder_id(call.actor, c.nonce()))) return Codes::holder_exists;
  return has_come(c.valid_to_day(), call.time) ? Codes::licence_expired : Codes::ok;
}

static void emit_accredited(Writer& state, const Digest& holder, const AccountId& organisation) {
  Event event;
  event.mutable_accredited()->set_holder(holder.bytes());
  event.mutable_accredited()->set_organisation(organisation.bytes());
  state.emit(event);
}

void apply(const Accredit& c, const Call& call, Writer& state) {
  const Digest holder = holder_id(call.actor, c.nonce());
  Accreditation row;
  row.set_organisation(call.actor.bytes());
  row.set_kind(c.kind());
  row.set_role(c.role());
  row.set_valid_to_day(c.valid_to_day());
  if (c.has_key()) *row.mutable_key() = c.key();
  state.put(kAccreditations, row, holder);
  emit_accredited(state, holder, call.actor);
}

static Codes decide_own(ByteView holder, const Call& call, const Reader& state) {
  if (!is_organisation(state, call.actor)) return Codes::not_an_organisation;
  const auto row = state.get(kAccreditations, id_of<Digest>(holder));
  if (!row) return Codes::holder_unknown;
  if (row->organisation() != call.actor.view()) return Codes::not_the_accreditor;
  return row->revoked_height() != 0 ? Codes::accreditation_revoked : Codes::ok;
}

bool well_formed(const Renew& c) { return is_digest(c.holder()); }
Codes decide(const Renew& c, const Call& call, const Reader& state) {
  const Codes own = decide_own(c.holder(), call, state);
  if (own != Codes::ok) return own;
  return has_come(c.valid_to_day(), call.time) ? Codes::licence_expired : Codes::ok;
}
void apply(const Renew& c, const Call& call, Writer& state) {
  const auto holder = id_of<Digest>(c.holder());
  auto row = *state.get(kAccreditations, holder);
  row.set_valid_to_day(c.valid_to_day());
  state.put(kAccreditations, row, holder);
  emit_accredited(state, holder, call.actor);
}

bool well_formed(const RevokeAccreditation& c) { return is_digest(c.holder()); }
Codes decide(const RevokeAccreditation& c, const Call& call, const Reader& state) { return decide_own(c.holder(), call, state); }
void apply(const RevokeAccreditation& c, const Call& call, Writer& state) {
  const auto holder = id_of<Digest>(c.holder());
  auto row = *state.get(kAccreditations, holder);
  row.set_revoked_height(call.height.value);
  state.put(kAccreditations, row, holder);
  Event event;
  event.mutable_accreditation_revoked()->set_holder(c.holder());
  event.mutable_accreditation_revoked()->set_organisation(call.actor.bytes());
  state.emit(event);
}

// --- authorities and keys ----------------------------------------------------------------------------------------------------------

static void replace(Writer& state, const Call& call, const ledger::Authority& authority) {
  auto account = *state.get(kernel::kAccounts, call.actor);
  const std::uint32_t version = account.authority_version() + 1;
  kernel::replace_authority(state, call, call.actor, std::move(account), authority);
  emit_authority(state, call.actor, version);
}

bool well_formed(const Rotate& c) { return c.has_authority(); }
// A patient's keys change by the relationship contract alone: there the new ones prove themselves, and trust ends or stays as it says.
Codes decide(const Rotate& c, const Call& call, const Reader& state) {
  if (!kernel::is_sound(c.authority())) return Codes::authority_unsound;
  return is_kind(state, call.actor, kernel::AccountKind::patient) ? Codes::held_by_a_relationship : Codes::ok;
}
void apply(const Rotate& c, const Call& call, Writer& state) { replace(state, call, c.authority()); }

// The authority with one key ended at `now`; every other field as it was.
static ledger::Authority without_key(ledger::Authority authority, std::uint32_t number, BlockTime now) {
  auto* keys = authority.mutable_keys();
  for (int i = 0; i < keys->size(); ++i) {
    if (keys->Get(i).number() != number) continue;
    if (keys->Get(i).valid_from_ms() < now.value) {
      keys->Mutable(i)->set_valid_to_ms(now.value);
    } else {  // it would never have held
      keys->DeleteSubrange(i, 1);
    }
    break;
  }
  return authority;
}

static std::uint32_t command_keys_at(const ledger::Authority& authority, BlockTime now) {
  std::uint32_t count = 0;
  for (const auto& key : authority.keys()) {
    count += key.role() == number_of(kernel::KeyRole::command) && kernel::is_valid_at(key, now) ? 1 : 0;
  }
  return count;
}

bool well_formed(const RevokeKey& c) { return c.number() != 0; }
Codes decide(const RevokeKey& c, const Call& call, const Reader& state) {
  const auto account = *state.get(kernel::kAccounts, call.actor);
  const auto* key = kernel::find_key(account.authority(), c.number());
  if (key == nullptr) return Codes::key_unknown;
  if (key->valid_to_ms() != 0 && key->valid_to_ms() <= call.time.value) return Codes::key_not_valid;
  const auto rest = without_key(account.authority(), c.number(), call.time);
  const bool enough = command_keys_at(rest, call.time) >= rest.threshold() && kernel::is_sound(rest);
  return enough ? Codes::ok : Codes::threshold_unreachable;
}
void apply(const RevokeKey& c, const Call& call, Writer& state) {
  const auto account = *state.get(kernel::kAccounts, call.actor);
  replace(state, call, without_key(account.authority(), c.number(), call.time));
}

bool well_formed(const SetSealingKey& c) { return is_digest(c.sealing_key()); }
Codes decide(const SetSealingKey&, const Call& call, const Reader& state) {
  return is_organisation(state, call.actor) ? Codes::ok : Codes::not_an_organisation;
}
void apply(const SetSealingKey& c, const Call& call, Writer& state) {
  auto row = *state.get(kOrganisations, call.actor);
  row.set_sealing_key(c.sealing_key());
  state.put(kOrganisations, row, call.actor);
}

// --- protocol ----------------------------------------------------------------------------------------------------------------------

bool well_formed(const Activate& c) { return c.version() > 1; }
Codes judge(const Activate& c, const Call& call, const Reader& state) {
  const auto before = state.get(kernel::kActivations, c.version() - 1);
  if (!before || state.has(kernel::kActivations, c.version())) return Codes::protocol_not_next;
  return c.height() > call.height.value && c.height() > before->height() ? Codes::ok : Codes::activation_too_early;
}
void apply(const Activate& c, const Call&, Writer& state) {
  kernel::Activation row;
  row.set_height(c.height());
  state.put(kernel::kActivations, row, c.version());
  Event event;
  event.mutable_protocol_activated()->set_version(c.version());
  event.mutable_protocol_activated()->set_height(c.height());
  state.emit(event);
}

template <class C>
concept Founders = std::same_as<C, Admit> || std::same_as<C, Suspend> || std::same_as<C, Reinstate> || std::same_as<C, Activate>;

template <Founders C>
Codes decide(const C& c, const Call& call, const Reader& state) {
  return is_founder(call, state) ? judge(c, call, state) : Codes::not_the_founder;
}

// --- invariants --------------------------------------------------------------------------------------------------------------------

static bool organisation_holds(const Call&, const kernel::Key&, kernel::RowBytes before, kernel::RowBytes after, const Reader&) {
  if (!after) return false;
  if (!before) return true;
  const auto old = row_of<ledger::Organisation>(*before);
  const auto now = row_of<ledger::Organisation>(*after);
  return old.name() == now.name() && old.kind() == now.kind() && old.admitted_ms() == now.admitted_ms();
}

static bool accreditation_holds(const Call&, const kernel::Key&, kernel::RowBytes before, kernel::RowBytes after, const Reader& state) {
  if (!after) return false;
  const auto now = row_of<Accreditation>(*after);
  if (!before) return state.has(kOrganisations, id_of<AccountId>(now.organisation()));
  const auto old = row_of<Accreditation>(*before);
  return old.organisation() == now.organisation() && (old.revoked_height() == 0 || old.revoked_height() == now.revoked_height());
}

static constexpr kernel::Invariant kInvariants[] = {
    {kOrganisations.space, "an organisation stays, and keeps its name and kind", &organisation_holds},
    {kAccreditations.space, "an accreditation stays with its organisation; revoked is final", &accreditation_holds},
};

static constexpr kernel::CodeName kCodes[] = {
    {0, "ok"},
    {1, "not_the_founder"},
    {2, "not_an_organisation"},
    {3, "authority_unsound"},
    {4, "account_exists"},
    {5, "organisation_unknown"},
    {6, "organisation_suspended"},
    {7, "organisation_not_suspended"},
    {8, "holder_exists"},
    {9, "holder_unknown"},
    {10, "not_the_accreditor"},
    {11, "accreditation_revoked"},
    {12, "licence_expired"},
    {13, "key_unknown"},
    {14, "key_not_valid"},
    {15, "threshold_unreachable"},
    {16, "protocol_not_next"},
    {17, "activation_too_early"},
    {18, "held_by_a_relationship"},
};

template <auto number, auto accessor>
using Case = kernel::Case<number, accessor>;

constinit const kernel::Contract kContract =
    kernel::define<{1}, Codes, Payload, Case<Payload::kAdmit, &Payload::admit>, Case<Payload::kSuspend, &Payload::suspend>,
                   Case<Payload::kReinstate, &Payload::reinstate>, Case<Payload::kAccredit, &Payload::accredit>,
                   Case<Payload::kRenew, &Payload::renew>, Case<Payload::kRevokeAccreditation, &Payload::revoke_accreditation>,
                   Case<Payload::kRotate, &Payload::rotate>, Case<Payload::kRevokeKey, &Payload::revoke_key>,
                   Case<Payload::kSetSealingKey, &Payload::set_sealing_key>, Case<Payload::kActivate, &Payload::activate>>(
        "registry", {1}, kInvariants, kCodes, &found);

}  // namespace careledger::contracts::registry
