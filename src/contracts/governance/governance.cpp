#include "contracts/governance/governance.h"

#include <algorithm>

#include "contracts/governance/electorate.h"
#include "contracts/governance/growth.h"
#include "contracts/governance/parameters.h"
#include "contracts/governance/supervision.h"
#include "crypto/hash.h"
#include "kernel/command.h"
#include "kernel/define.h"
#include "proof/chain.h"

namespace careledger::contracts::governance {

using kernel::Call;
using kernel::Reader;
using kernel::Writer;

Digest proposal_id(const Digest& command) { return crypto::tagged_hash("careledger/proposal/1", {command.view()}); }

Digest evidence_id(ByteView address) { return crypto::tagged_hash("careledger/misbehaviour/1", {address}); }

Bytes rotation_bytes(const LedgerId& ledger, const OrganisationId& organisation, ByteView key) {
  return kernel::signed_bytes("careledger/validator/1", ledger.bytes() + organisation.bytes() + Bytes(key));
}

Bytes admission_bytes(const LedgerId& ledger, const AdmitMember& admit) {
  AdmitMember asked = admit;
  asked.clear_consent();
  return kernel::signed_bytes("careledger/admission/1", ledger.bytes() + kernel::encode(asked));
}

namespace {

Codes of_registry(registry::Codes code) { return code == registry::Codes::ok ? Codes::ok : Codes::action_not_possible; }

bool is_active(const Reader& state, const AccountId& id) {
  return state.get(registry::kOrganisations, id)->status() == number_of(registry::OrganisationStatus::active);
}

bool is_member(const Call& call, const Reader& state) { return state.has(kMembers, call.actor); }

// --- each action: its form, whether it could be carried out now, and carrying it out
// -------------------------------------------------------

bool action_formed(const AdmitMember& c) { return is_formed(c); }
Codes action_judged(const AdmitMember& c, const Call& call, const Reader& state) {
  const Codes known = of_registry(registry::judge(c.organisation(), call, state));
  if (known != Codes::ok) return known;
  const Electorate before(state);
  Electorate after = before;
  const AccountId id = account_of(c.organisation());
  if (after.size() >= kMembersMax || after.has_name(c.organisation().name())) return Codes::action_not_possible;
  if (after.has_key(c.validator_key(), id)) return Codes::key_in_use;
  after.seat(id, member_of(c), c.organisation().name());
  if (!after.is_capped_after(before)) return Codes::group_too_heavy;
  const bool holds = asked_for(c, call) && signed_by_it(call.ledger, id, c.validator_key(), c.proof());
  return holds ? Codes::ok : Codes::proof_does_not_hold;
}
void carry_out(const AdmitMember& c, const Call& call, Writer& state) { seat_entrant(c, call, state); }

bool action_formed(const SetWeight& c) {
  return is_digest(c.organisation()) && c.weight() <= kernel::kWeightMax && is_key_with_proof(c.validator_key(), c.proof());
}
// Of a suspended member no weight counts: its reinstatement is judged by the new one.
Codes action_judged(const SetWeight& c, const Call& call, const Reader& state) {
  const auto id = id_of<AccountId>(c.organisation());
  const auto row = state.get(kMembers, id);
  if (!row) return Codes::action_not_possible;
  const bool has_key = !row->validator_key().empty();
  if (has_key ? !c.validator_key().empty() : c.validator_key().empty() && c.weight() > 0) return Codes::action_not_possible;
  const Electorate before(state);
  Electorate after = before;
  if (after.has_key(c.validator_key(), id)) return Codes::key_in_use;
  if (is_active(state, id)) after.set_weight(id, c.weight());
  if (!after.is_capped_after(before)) return Codes::group_too_heavy;
  return signed_by_it(call.ledger, id, c.validator_key(), c.proof()) ? Codes::ok : Codes::proof_does_not_hold;
}
void carry_out(const SetWeight& c, const Call&, Writer& state) {
  const auto id = id_of<AccountId>(c.organisation());
  auto row = *state.get(kMembers, id);
  row.set_weight(c.weight());
  if (!c.validator_key().empty()) row.set_validator_key(c.validator_key());
  state.put(kMembers, row, id);
  write_validator(state, id, row, is_active(state, id));
  emit_weight(state, id, row.weight());
}

// May leave others heavier than the cap, but nobody so heavy that he decides alone: he could empty the network.
bool action_formed(const registry::Suspend& c) { return registry::well_formed(c); }
Codes action_judged(const registry::Suspend& c, const Call& call, const Reader& state) {
  const Codes known = of_registry(registry::judge(c, call, state));
  if (known != Codes::ok) return known;
  Electorate after(state);
  after.set_weight(id_of<AccountId>(c.organisation()), 0);
  const kernel::Shares left = after.shares();
  return left.heaviest() * 3 < left.total() * 2 ? Codes::ok : Codes::group_too_heavy;
}
void carry_out(const registry::Suspend& c, const Call& call, Writer& state) {
  registry::apply(c, call, state);
  write_validator(state, id_of<AccountId>(c.organisation()), {}, false);
}

bool action_formed(const registry::Reinstate& c) { return registry::well_formed(c); }
Codes action_judged(const registry::Reinstate& c, const Call& call, const Reader& state) {
  const Codes known = of_registry(registry::judge(c, call, state));
  if (known != Codes::ok) return known;
  const auto id = id_of<AccountId>(c.organisation());
  const Electorate before(state);
  Electorate after = before;
  after.set_weight(id, state.get(kMembers, id)->weight());
  return after.is_capped_after(before) ? Codes::ok : Codes::group_too_heavy;
}
void carry_out(const registry::Reinstate& c, const Call& call, Writer& state) {
  registry::apply(c, call, state);
  const auto id = id_of<AccountId>(c.organisation());
  write_validator(state, id, *state.get(kMembers, id), true);
}

bool action_formed(const registry::Activate& c) { return registry::well_formed(c); }
Codes action_judged(const registry::Activate& c, const Call& call, const Reader& state) {
  return of_registry(registry::judge(c, call, state));
}
void carry_out(const registry::Activate& c, const Call& call, Writer& state) { registry::apply(c, call, state); }

bool action_formed(const SetGroup& c) { return is_digest(c.organisation()) && (c.group().empty() || kernel::is_plain_name(c.group())); }
Codes action_judged(const SetGroup& c, const Call&, const Reader& state) {
  const auto id = id_of<AccountId>(c.organisation());
  const auto row = state.get(kMembers, id);
  if (!row || row->group() == c.group()) return Codes::action_not_possible;
  const Electorate before(state);
  Electorate after = before;
  after.set_group(id, c.group());
  return after.is_capped_after(before) ? Codes::ok : Codes::group_too_heavy;
}
void carry_out(const SetGroup& c, const Call&, Writer& state) {
  const auto id = id_of<AccountId>(c.organisation());
  auto row = *state.get(kMembers, id);
  row.set_group(c.group());
  state.put(kMembers, row, id);
  Event event;
  event.mutable_group_changed()->set_organisation(c.organisation());
  event.mutable_group_changed()->set_group(c.group());
  state.emit(event);
}

template <class Use>
auto with_action(const Action& action, const Use& use) {
  switch (action.action_case()) {
    case Action::kAdmit: return use(action.admit());
    case Action::kSetWeight: return use(action.set_weight());
    case Action::kSuspend: return use(action.suspend());
    case Action::kReinstate: return use(action.reinstate());
    case Action::kSetSupervisor: return use(action.set_supervisor());
    case Action::kSetParameter: return use(action.set_parameter());
    case Action::kSetGroup: return use(action.set_group());
    default: return use(action.activate());  // well_formed: there is one
  }
}

Codes judge_action(const Action& action, const Call& call, const Reader& state) {
  return with_action(action, [&](const auto& one) { return action_judged(one, call, state); });
}

bool contains(const google::protobuf::RepeatedPtrField<std::string>& ids, const AccountId& id) {
  return std::ranges::any_of(ids, [&](const std::string& one) { return one == id.view(); });
}

// Deadlines of a member's proposals that have not passed.
std::vector<std::int64_t> open_deadlines(const Member& row, BlockTime now) {
  std::vector<std::int64_t> out;
  std::ranges::copy_if(row.deadlines(), std::back_inserter(out), [&](std::int64_t deadline) { return deadline > now.value; });
  return out;
}

}  // namespace

Tally tally(const Reader& state, const Proposal& proposal, Height block) {
  const Electorate now(state);
  const std::uint64_t wanted = value_of(state, Parameter::deciding_kinds, block);
  return {now.weight_of(proposal.yes()), now.weight_of(proposal.no()), now.shares().total(), now.kinds_of(proposal.yes()),
          std::min<std::uint64_t>(wanted, now.kinds())};
}

// Rules stand in the contract's own namespace, where kernel::define finds them by their arguments.

// --- propose and vote ----------------------------------------------------------------------------------------------------------------

bool well_formed(const Propose& c) {
  if (!c.has_action() || c.action().action_case() == Action::ACTION_NOT_SET) return false;
  return with_action(c.action(), [](const auto& one) { return action_formed(one); });
}

Codes decide(const Propose& c, const Call& call, const Reader& state) {
  const auto member = state.get(kMembers, call.actor);
  if (!member) return Codes::not_a_member;
  const Codes possible = judge_action(c.action(), call, state);
  if (possible != Codes::ok) return possible;
  // The bounds are of differences: a deadline near the ends of its type is far out of them.
  if (c.deadline_ms() <= call.time.value) return Codes::deadline_out_of_bounds;
  const std::int64_t left = c.deadline_ms() - call.time.value;
  const auto most = static_cast<std::int64_t>(value_of(state, Parameter::proposal_days, call.height)) * kDayMs;
  if (left < kDeadlineMin || left > most) return Codes::deadline_out_of_bounds;
  return open_deadlines(*member, call.time).size() >= kOpenMax ? Codes::too_many_open : Codes::ok;
}

void apply(const Propose& c, const Call& call, Writer& state) {
  auto member = *state.get(kMembers, call.actor);
  const auto open = open_deadlines(member, call.time);
  member.mutable_deadlines()->Assign(open.begin(), open.end());
  member.add_deadlines(c.deadline_ms());
  state.put(kMembers, member, call.actor);
  Proposal row;
  row.set_proposer(call.actor.bytes());
  *row.mutable_action() = c.action();
  row.set_opened_height(call.height.value);
  row.set_deadline_ms(c.deadline_ms());
  row.set_status(number_of(ProposalStatus::open));
  const Digest id = proposal_id(call.command);
  state.put(kProposals, row, id);
  Event event;
  event.mutable_opened()->set_proposal(id.bytes());
  state.emit(event);
}

bool well_formed(const Vote& c) { return is_digest(c.proposal()); }

Codes decide(const Vote& c, const Call& call, const Reader& state) {
  if (!is_member(call, state)) return Codes::not_a_member;
  const auto proposal = state.get(kProposals, id_of<Digest>(c.proposal()));
  if (!proposal) return Codes::proposal_unknown;
  if (proposal->status() != number_of(ProposalStatus::open)) return Codes::proposal_closed;
  if (proposal->deadline_ms() <= call.time.value) return Codes::deadline_passed;
  if (state.get(kMembers, call.actor)->weight() == 0) return Codes::no_vote;
  const bool voted = contains(proposal->yes(), call.actor) || contains(proposal->no(), call.actor);
  if (voted) return Codes::already_voted;
  return frozen_until(state, call.time) ? Codes::frozen : Codes::ok;
}

// Its proposer may make another one.
static void free_place(const Proposal& proposal, Writer& state) {
  const auto id = id_of<AccountId>(proposal.proposer());
  auto proposer = *state.get(kMembers, id);
  auto& deadlines = *proposer.mutable_deadlines();
  if (const auto place = std::ranges::find(deadlines, proposal.deadline_ms()); place != deadlines.end()) deadlines.erase(place);
  state.put(kMembers, proposer, id);
}

static void close(Proposal& proposal, const Digest& id, ProposalStatus status, const Call& call, Writer& state) {
  proposal.set_status(number_of(status));
  proposal.set_closed_height(call.height.value);
  free_place(proposal, state);
  Event event;
  event.mutable_closed()->set_proposal(id.bytes());
  event.mutable_closed()->set_status(number_of(status));
  state.emit(event);
}

void apply(const Vote& c, const Call& call, Writer& state) {
  const auto id = id_of<Digest>(c.proposal());
  auto proposal = *state.get(kProposals, id);
  (c.yes() ? proposal.mutable_yes() : proposal.mutable_no())->Add(call.actor.bytes());
  Event event;
  auto* voted = event.mutable_voted();
  voted->set_proposal(c.proposal());
  voted->set_organisation(call.actor.bytes());
  voted->set_yes(c.yes());
  state.emit(event);
  const Tally count = tally(state, proposal, call.height);
  if (count.passes()) {
    const bool possible = judge_action(proposal.action(), call, state) == Codes::ok;
    close(proposal, id, possible ? ProposalStatus::carried_out : ProposalStatus::void_, call, state);
    if (possible) with_action(proposal.action(), [&](const auto& one) { carry_out(one, call, state); });
  } else if (count.fails()) {
    close(proposal, id, ProposalStatus::rejected, call, state);
  }
  state.put(kProposals, proposal, id);
}

// --- what a member does alone --------------------------------------------------------------------------------------------------------

bool well_formed(const RotateValidator& c) { return !c.key().empty() && is_key_with_proof(c.key(), c.proof()); }

Codes decide(const RotateValidator& c, const Call& call, const Reader& state) {
  const auto member = state.get(kMembers, call.actor);
  if (!member) return Codes::not_a_member;
  if (Electorate(state).has_key(c.key(), call.actor)) return Codes::key_in_use;
  if (member->weight() == 0) return Codes::no_vote;
  return signed_by_it(call.ledger, call.actor, c.key(), c.proof()) ? Codes::ok : Codes::proof_does_not_hold;
}

void apply(const RotateValidator& c, const Call& call, Writer& state) {
  auto row = *state.get(kMembers, call.actor);
  row.set_validator_key(c.key());
  state.put(kMembers, row, call.actor);
  write_validator(state, call.actor, row, true);
}

bool well_formed(const Leave&) { return true; }

Codes decide(const Leave&, const Call& call, const Reader& state) {
  if (!is_member(call, state)) return Codes::not_a_member;
  const Electorate before(state);
  Electorate after = before;
  after.set_weight(call.actor, 0);
  if (!after.is_capped_after(before)) return Codes::group_too_heavy;
  return frozen_until(state, call.time) ? Codes::frozen : Codes::ok;
}

void apply(const Leave&, const Call& call, Writer& state) {
  registry::Suspend self;
  self.set_organisation(call.actor.bytes());
  carry_out(self, call, state);
}

// --- the beginning, invariants ---------------------------------------------------------------------------------------------------------

static void found(const kernel::Founding& founding, Writer& state) {
  for (const auto& one : founding.members()) {
    Member row;
    row.set_weight(one.weight());
    row.set_validator_key(one.validator_key());
    row.set_group(one.group());
    const AccountId id = kernel::account_id(one);
    state.put(kMembers, row, id);
    write_validator(state, id, row, true);
  }
}

static bool has_address(ByteView key, ByteView address) {
  const auto public_key = crypto::PublicKey::from(key);
  return public_key && proof::address_of(*public_key) == address;
}

// Whose key a validator has: a member's of now, or one that a founder has replaced since.
static std::optional<AccountId> holder_of(ByteView address, const Reader& state) {
  for (const auto& [key, row] : state.scan(kMembers, Limit{kMembersMax}))
    if (has_address(row.validator_key(), address)) return key.digest<AccountId>();
  const auto founding = state.get(kernel::kFounding, 0);
  for (const auto& founder : founding->members())
    if (has_address(founder.validator_key(), address)) return kernel::account_id(founder);
  return std::nullopt;
}

static void misbehaved(const kernel::Misbehaviour& what, Height block, Writer& state) {
  const Digest id = evidence_id(what.validator);
  const Height height{static_cast<std::uint64_t>(what.height)};
  if (state.has(kEvidence, id, height, what.kind)) return;
  Evidence row;
  row.set_validator(what.validator);
  if (const auto holder = holder_of(what.validator, state)) row.set_organisation(holder->bytes());
  row.set_kind(what.kind);
  row.set_height(height.value);
  row.set_time_ms(what.time.value);
  row.set_power(what.power);
  row.set_total_power(what.total_power);
  row.set_written_height(block.value);
  state.put(kEvidence, row, id, height, what.kind);
}

static bool no_command_touches_it(const Call&, const kernel::Key&, kernel::RowBytes, kernel::RowBytes, const Reader&) { return false; }

static bool member_holds(const Call&, const kernel::Key& key, kernel::RowBytes, kernel::RowBytes after, const Reader& state) {
  if (!after) return false;
  const auto row = row_of<Member>(*after);
  return state.has(registry::kOrganisations, key.digest<AccountId>()) && (row.weight() == 0 || row.validator_key().size() == 32);
}

static bool proposal_holds(const Call&, const kernel::Key&, kernel::RowBytes before, kernel::RowBytes after, const Reader&) {
  if (!after) return false;
  if (!before) return true;
  const auto old = row_of<Proposal>(*before);
  const auto now = row_of<Proposal>(*after);
  const bool same = kernel::encode(old.action()) == kernel::encode(now.action()) && old.deadline_ms() == now.deadline_ms();
  return same && old.status() == number_of(ProposalStatus::open) && now.yes_size() >= old.yes_size() && now.no_size() >= old.no_size();
}

static bool never_changes(const Call&, const kernel::Key&, kernel::RowBytes before, kernel::RowBytes after, const Reader&) {
  return !before && after;
}

static constexpr kernel::Invariant kInvariants[] = {
    {kMembers.space, "a member stays, and whoever has a vote has a key", &member_holds},
    {kProposals.space, "a proposal stays as it was proposed, votes are only added, and closed is final", &proposal_holds},
    {kSupervision.space, "a member supervises or nobody, and a freeze is bounded", &supervision_holds},
    {kEvidence.space, "what the engine proved is neither written nor removed by a command", &no_command_touches_it},
    {kGrowth.space, "a ledger grows once", &never_changes},
    {kParameterHistory.space, "a parameter is within its bounds, and what held at a block is not changed", &parameter_holds},
};

static constexpr kernel::CodeName kCodes[] = {
    {0, "ok"},
    {1, "not_a_member"},
    {2, "action_not_possible"},
    {3, "key_in_use"},
    {4, "group_too_heavy"},
    {5, "deadline_out_of_bounds"},
    {6, "too_many_open"},
    {7, "proposal_unknown"},
    {8, "proposal_closed"},
    {9, "deadline_passed"},
    {10, "no_vote"},
    {11, "already_voted"},
    {12, "proof_does_not_hold"},
    {13, "not_the_supervisor"},
    {14, "freeze_out_of_bounds"},
    {15, "freeze_too_soon"},
    {16, "not_frozen"},
    {17, "frozen"},
    {18, "other_height"},
    {19, "parameter_unknown"},
    {20, "parameter_out_of_bounds"},
};

constinit const kernel::Contract kContract =
    kernel::define<{6}, Codes, Payload, kernel::Case<Payload::kPropose, &Payload::propose>, kernel::Case<Payload::kVote, &Payload::vote>,
                   kernel::Case<Payload::kRotateValidator, &Payload::rotate_validator>, kernel::Case<Payload::kLeave, &Payload::leave>,
                   kernel::Case<Payload::kFreeze, &Payload::freeze>, kernel::Case<Payload::kThaw, &Payload::thaw>,
                   kernel::Case<Payload::kGrow, &Payload::grow>>("governance", {1}, kInvariants, kCodes, &found, &misbehaved);

}  // namespace careledger::contracts::governance
