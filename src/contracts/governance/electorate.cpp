#include "contracts/governance/electorate.h"

#include <algorithm>
#include <set>

#include "crypto/sign.h"
#include "kernel/authority.h"

namespace careledger::contracts::governance {

using kernel::Call;
using kernel::Reader;
using kernel::Writer;

Electorate::Electorate(const Reader& state) {
  for (auto& [key, row] : state.scan(kMembers, Limit{kMembersMax + 1})) {
    const auto id = key.digest<AccountId>();
    const auto organisation = state.get(registry::kOrganisations, id);
    if (organisation->status() != number_of(registry::OrganisationStatus::active)) row.set_weight(0);
    members_.emplace(id, Seated{row, organisation->name(), organisation->kind()});
  }
}

std::uint64_t Electorate::weight(const AccountId& id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? 0 : found->second.row.weight();
}

std::uint64_t Electorate::weight_of(const google::protobuf::RepeatedPtrField<std::string>& ids) const {
  std::uint64_t sum = 0;
  for (const auto& id : ids) sum += weight(id_of<AccountId>(id));
  return sum;
}

kernel::Shares Electorate::shares() const {
  kernel::Shares shares;
  for (const auto& [id, seated] : members_) shares.add(seated.name, seated.row.group(), seated.row.weight());
  return shares;
}

std::size_t Electorate::kinds() const {
  std::set<std::uint32_t> found;
  for (const auto& [id, seated] : members_)
    if (seated.row.weight() > 0) found.insert(seated.kind);
  return found.size();
}

std::size_t Electorate::kinds_of(const google::protobuf::RepeatedPtrField<std::string>& ids) const {
  std::set<std::uint32_t> found;
  for (const auto& id : ids)
    if (const auto voter = members_.find(id_of<AccountId>(id)); voter != members_.end() && voter->second.row.weight() > 0)
      found.insert(voter->second.kind);
  return found.size();
}

bool Electorate::is_capped_after(const Electorate& before) const {
  const kernel::Shares now = shares(), then = before.shares();
  return now.capped() || (now.total() > 0 && now.heaviest() * then.total() <= then.heaviest() * now.total());
}

bool Electorate::has_name(ByteView name) const {
  return std::ranges::any_of(members_, [&](const auto& one) { return one.second.name == name; });
}

bool Electorate::has_key(ByteView key, const AccountId& of_another_than) const {
  return std::ranges::any_of(
      members_, [&](const auto& one) { return one.first != of_another_than && !key.empty() && one.second.row.validator_key() == key; });
}

AccountId account_of(const registry::Admit& c) { return kernel::account_id(c.authority(), c.nonce()); }

Member member_of(const AdmitMember& c) {
  Member row;
  row.set_weight(c.weight());
  row.set_validator_key(c.validator_key());
  row.set_group(c.group());
  return row;
}

bool is_key_with_proof(ByteView key, ByteView proof) { return key.empty() ? proof.empty() : key.size() == 32 && proof.size() == 64; }

bool is_formed(const AdmitMember& c) {
  return c.has_organisation() && registry::well_formed(c.organisation()) && kernel::is_plain_name(c.organisation().name()) &&
         c.weight() <= kernel::kWeightMax && (c.group().empty() || kernel::is_plain_name(c.group())) &&
         c.validator_key().empty() == (c.weight() == 0) && is_key_with_proof(c.validator_key(), c.proof()) && c.consent().size() == 64;
}

bool signed_by_it(const LedgerId& ledger, const AccountId& organisation, ByteView key, ByteView proof) {
  return key.empty() ||
         crypto::verify(id_of<crypto::PublicKey>(key), rotation_bytes(ledger, organisation, key), *crypto::Signature::from(proof));
}

bool asked_for(const AdmitMember& c, const Call& call) {
  const auto key = kernel::public_key_of(c.organisation().authority(), kernel::KeyRole::command, call.time);
  const auto consent = crypto::Signature::from(c.consent());
  return key && consent && c.until_ms() > call.time.value && crypto::verify(*key, admission_bytes(call.ledger, c), *consent);
}

// A row for each member that is active and has a vote.
void write_validator(Writer& state, const AccountId& id, const Member& row, bool active) {
  if (!active || row.weight() == 0) {
    if (state.has(kernel::kValidators, id)) state.erase(kernel::kValidators, id);
    return;
  }
  kernel::Validator validator;
  validator.set_key(row.validator_key());
  validator.set_power(row.weight());
  state.put(kernel::kValidators, validator, id);
}

void emit_weight(Writer& state, const AccountId& id, std::uint64_t weight) {
  Event event;
  event.mutable_weight_changed()->set_organisation(id.bytes());
  event.mutable_weight_changed()->set_weight(weight);
  state.emit(event);
}

void seat_entrant(const AdmitMember& c, const Call& call, Writer& state) {
  registry::apply(c.organisation(), call, state);
  const AccountId id = account_of(c.organisation());
  const Member row = member_of(c);
  state.put(kMembers, row, id);
  write_validator(state, id, row, true);
  emit_weight(state, id, row.weight());
}

}  // namespace careledger::contracts::governance
