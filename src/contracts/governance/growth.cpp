#include "contracts/governance/growth.h"

#include <algorithm>
#include <optional>

#include "contracts/governance/electorate.h"

namespace careledger::contracts::governance {

using kernel::Call;
using kernel::Reader;
using kernel::Writer;

namespace {

std::vector<std::pair<kernel::Key, ledger::Organisation>> organisations(const Reader& state) {
  return state.scan(registry::kOrganisations, Limit{kMembersMax + 1});
}

bool is_active(const ledger::Organisation& row) { return row.status() == number_of(registry::OrganisationStatus::active); }

bool seat_formed(const Seat& seat) {
  return is_digest(seat.organisation()) && seat.weight() > 0 && seat.weight() <= kernel::kWeightMax && seat.validator_key().size() == 32 &&
         seat.proof().size() == 64 && (seat.group().empty() || kernel::is_plain_name(seat.group()));
}

Member member_of_seat(const Seat& seat) {
  Member row;
  row.set_weight(seat.weight());
  row.set_validator_key(seat.validator_key());
  row.set_group(seat.group());
  return row;
}

// Everybody as they would be.
class Afterwards {
 public:
  explicit Afterwards(const Reader& state) : state_(state), members_(state) {}

  Codes seat_all(const Grow& c, const Call& call) {
    for (const auto& [key, row] : organisations(state_)) members_.seat(key.digest<AccountId>(), {}, row.name());
    bool possible = true;
    bool keys_apart = true;
    std::vector<AccountId> seated;
    const auto seat = [&](const AccountId& id, const Member& row, const std::string& name) {
      possible = possible && std::ranges::find(seated, id) == seated.end();
      keys_apart = keys_apart && !members_.has_key(row.validator_key(), id);
      seated.push_back(id);
      members_.seat(id, row, name);
    };
    for (const Seat& one : c.seats()) {
      const auto id = id_of<AccountId>(one.organisation());
      const auto row = state_.get(registry::kOrganisations, id);
      possible = possible && row && is_active(*row);
      if (row) seat(id, member_of_seat(one), row->name());
    }
    for (const AdmitMember& one : c.members()) {
      const auto& entrant = one.organisation();
      possible = possible && registry::judge(entrant, call, state_) == registry::Codes::ok && !members_.has_name(entrant.name());
      seat(account_of(entrant), member_of(one), entrant.name());
    }
    if (!possible || members_.size() > kMembersMax) return Codes::action_not_possible;
    if (!keys_apart) return Codes::key_in_use;
    return members_.shares().capped() ? Codes::ok : Codes::group_too_heavy;
  }

 private:
  const Reader& state_;
  Electorate members_;
};

bool proofs_hold(const Grow& c, const Call& call) {
  const auto of_seat = [&](const Seat& seat) {
    return signed_by_it(call.ledger, id_of<AccountId>(seat.organisation()), seat.validator_key(), seat.proof());
  };
  const auto of_entrant = [&](const AdmitMember& one) {
    return asked_for(one, call) && signed_by_it(call.ledger, account_of(one.organisation()), one.validator_key(), one.proof());
  };
  return std::ranges::all_of(c.seats(), of_seat) && std::ranges::all_of(c.members(), of_entrant);
}

std::optional<Seat> seat_of(const Grow& c, const AccountId& id) {
  const auto found = std::ranges::find_if(c.seats(), [&](const Seat& seat) { return seat.organisation() == id.view(); });
  return found == c.seats().end() ? std::nullopt : std::optional(*found);
}

}  // namespace

bool well_formed(const Grow& c) {
  return c.seats_size() <= static_cast<int>(kMembersMax) && c.members_size() <= static_cast<int>(kMembersMax) &&
         std::ranges::all_of(c.seats(), seat_formed) &&
         std::ranges::all_of(c.members(), [](const AdmitMember& one) { return is_formed(one); }) && is_digest(c.header_hash()) &&
         is_digest(c.log_root());
}

Codes decide(const Grow& c, const Call& call, const Reader& state) {
  if (!is_kind(state, call.actor, kernel::AccountKind::founder)) return Codes::not_a_member;
  const Codes possible = Afterwards(state).seat_all(c, call);
  if (possible != Codes::ok) return possible;
  if (!proofs_hold(c, call)) return Codes::proof_does_not_hold;
  return c.height() == call.height.value ? Codes::ok : Codes::other_height;
}

// Organisations without a seat are members, too, without a vote. The founder is none, and commands nothing any more.
void apply(const Grow& c, const Call& call, Writer& state) {
  for (const auto& [key, row] : organisations(state)) {
    const auto id = key.digest<AccountId>();
    const auto seat = seat_of(c, id);
    const Member member = seat ? member_of_seat(*seat) : Member();
    state.put(kMembers, member, id);
    write_validator(state, id, member, true);
    emit_weight(state, id, member.weight());
  }
  for (const AdmitMember& one : c.members()) seat_entrant(one, call, state);
  auto founder = *state.get(kernel::kAccounts, call.actor);
  founder.set_status(number_of(kernel::AccountStatus::ended));
  state.put(kernel::kAccounts, founder, call.actor);
  Growth growth;
  growth.set_height(c.height());
  growth.set_header_hash(c.header_hash());
  growth.set_log_root(c.log_root());
  growth.set_log_size(c.log_size());
  state.put(kGrowth, growth, 0);
  Event event;
  event.mutable_grown()->set_height(c.height());
  state.emit(event);
}

}  // namespace careledger::contracts::governance
