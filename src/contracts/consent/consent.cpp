#include "contracts/consent/consent.h"

#include "contracts/relationship/relationship.h"
#include "kernel/define.h"

namespace careledger::contracts::consent {

using kernel::Call;
using kernel::Reader;
using kernel::Writer;

bool is_in_force(const Reader& state, const RelationshipId& relationship, kernel::Counter number, BlockTime time) {
  const auto row = state.get(relationship::kRelationships, relationship);
  if (!row || !relationship::is_active(*row)) return false;
  const auto grant = state.get(kGrants, relationship, number);
  return grant && grant->revoked_height() == 0 && (grant->expires_day() == 0 || !has_come(grant->expires_day(), time));
}

kernel::Counter next_number(const Reader& state, const RelationshipId& relationship) {
  // Numbers are dense from 1: double until one is missing, then halve.
  kernel::Counter there = 0;
  kernel::Counter missing = 1;
  while (state.has(kGrants, relationship, missing)) there = missing, missing *= 2;
  while (missing - there > 1) {
    const kernel::Counter middle = there + (missing - there) / 2;
    (state.has(kGrants, relationship, middle) ? there : missing) = middle;
  }
  return missing;
}

// Rules stand in the contract's own namespace, where kernel::define finds them by their arguments.

void foresee(const Grant& c, const AccountId&, std::vector<kernel::Key>& keys) {
  const auto id = id_of<RelationshipId>(c.relationship());
  keys.push_back(relationship::kRelationships.key(id));
  keys.push_back(kGrants.key(id, c.number()));
  if (c.number() > 1) keys.push_back(kGrants.key(id, c.number() - 1));
}
void foresee(const Revoke& c, const AccountId&, std::vector<kernel::Key>& keys) {
  const auto id = id_of<RelationshipId>(c.relationship());
  keys.push_back(relationship::kRelationships.key(id));
  keys.push_back(kGrants.key(id, c.number()));
}

bool well_formed(const Grant& c) { return is_digest(c.relationship()) && is_digest(c.terms()) && c.number() != 0; }

Codes decide(const Grant& c, const Call& call, const Reader& state) {
  const auto id = id_of<RelationshipId>(c.relationship());
  const auto row = state.get(relationship::kRelationships, id);
  if (!row) return Codes::relationship_unknown;
  if (!relationship::is_active(*row)) return Codes::relationship_not_active;
  if (row->patient() != call.actor.view()) return Codes::not_the_patient;
  if (state.has(kGrants, id, c.number())) return Codes::grant_exists;
  if (c.number() > 1 && !state.has(kGrants, id, c.number() - 1)) return Codes::number_not_next;
  return c.expires_day() != 0 && has_come(c.expires_day(), call.time) ? Codes::expiry_has_come : Codes::ok;
}

void apply(const Grant& c, const Call&, Writer& state) {
  GrantRow row;
  row.set_terms(c.terms());
  row.set_expires_day(c.expires_day());
  state.put(kGrants, row, id_of<RelationshipId>(c.relationship()), c.number());
  Event event;
  auto* granted = event.mutable_granted();
  granted->set_relationship(c.relationship());
  granted->set_number(c.number());
  granted->set_terms(c.terms());
  granted->set_expires_day(c.expires_day());
  state.emit(event);
}

bool well_formed(const Revoke& c) { return is_digest(c.relationship()) && c.number() != 0; }

Codes decide(const Revoke& c, const Call& call, const Reader& state) {
  const auto id = id_of<RelationshipId>(c.relationship());
  const auto row = state.get(relationship::kRelationships, id);
  if (!row) return Codes::relationship_unknown;
  if (row->patient() != call.actor.view()) return Codes::not_the_patient;
  const auto grant = state.get(kGrants, id, c.number());
  if (!grant) return Codes::grant_unknown;
  return grant->revoked_height() != 0 ? Codes::grant_revoked : Codes::ok;
}

void apply(const Revoke& c, const Call& call, Writer& state) {
  const auto id = id_of<RelationshipId>(c.relationship());
  auto row = *state.get(kGrants, id, c.number());
  row.set_revoked_height(call.height.value);
  state.put(kGrants, row, id, c.number());
  Event event;
  event.mutable_revoked()->set_relationship(c.relationship());
  event.mutable_revoked()->set_number(c.number());
  state.emit(event);
}

static bool grant_holds(const Call&, const kernel::Key& key, kernel::RowBytes before, kernel::RowBytes after, const Reader& state) {
  if (!after) return false;
  const auto now = row_of<GrantRow>(*after);
  if (!before) {
    const auto parent = state.get(relationship::kRelationships, key.digest<RelationshipId>());
    return parent && relationship::is_active(*parent) && now.revoked_height() == 0 && is_digest(now.terms());
  }
  const auto old = row_of<GrantRow>(*before);
  return old.terms() == now.terms() && old.expires_day() == now.expires_day() && old.revoked_height() == 0;
}

static constexpr kernel::Invariant kInvariants[] = {
    {kGrants.space, "a grant is born under an active relationship, stays, keeps its terms, and is revoked once and for good", &grant_holds},
};

static constexpr kernel::CodeName kCodes[] = {
    {0, "ok"},
    {1, "relationship_unknown"},
    {2, "relationship_not_active"},
    {3, "not_the_patient"},
    {4, "grant_exists"},
    {5, "number_not_next"},
    {6, "expiry_has_come"},
    {7, "grant_unknown"},
    {8, "grant_revoked"},
};

constinit const kernel::Contract kContract =
    kernel::define<{3}, Codes, Payload, kernel::Case<Payload::kGrant, &Payload::grant>, kernel::Case<Payload::kRevoke, &Payload::revoke>>(
        "consent", {1}, kInvariants, kCodes);

}  // namespace careledger::contracts::consent
