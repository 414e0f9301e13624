#include "contracts/governance/supervision.h"

#include "contracts/governance/parameters.h"

namespace careledger::contracts::governance {

using kernel::Call;
using kernel::Reader;
using kernel::Writer;

namespace {

bool may_supervise(const Reader& state, const AccountId& id) {
  const auto organisation = state.get(registry::kOrganisations, id);
  return state.has(kMembers, id) && organisation->status() == number_of(registry::OrganisationStatus::active) &&
         organisation->kind() == number_of(registry::OrganisationKind::regulator);
}

Codes judge_supervisor(const Call& call, const Reader& state) {
  const auto row = state.get(kSupervision, 0);
  return row && row->organisation() == call.actor.view() ? Codes::ok : Codes::not_the_supervisor;
}

void write(const Supervision& row, Writer& state) {
  state.put(kSupervision, row, 0);
  Event event;
  *event.mutable_supervision() = row;
  state.emit(event);
}

bool is_frozen(const Supervision& row, BlockTime now) { return row.frozen_until_ms() > now.value; }

}  // namespace

std::optional<BlockTime> frozen_until(const Reader& state, BlockTime now) {
  const auto row = state.get(kSupervision, 0);
  if (!row || !is_frozen(*row, now)) return std::nullopt;
  return BlockTime{row->frozen_until_ms()};
}

// --- who supervises --------------------------------------------------------------------------------------------------------------------

bool action_formed(const SetSupervisor& c) { return c.organisation().empty() || is_digest(c.organisation()); }

Codes action_judged(const SetSupervisor& c, const Call&, const Reader& state) {
  const auto row = state.get(kSupervision, 0);
  if (c.organisation() == (row ? row->organisation() : Bytes())) return Codes::action_not_possible;
  const bool possible = c.organisation().empty() || may_supervise(state, id_of<AccountId>(c.organisation()));
  return possible ? Codes::ok : Codes::action_not_possible;
}

void carry_out(const SetSupervisor& c, const Call&, Writer& state) {
  Supervision row;
  row.set_organisation(c.organisation());
  write(row, state);
}

// --- freeze and thaw -------------------------------------------------------------------------------------------------------------------

bool well_formed(const Freeze&) { return true; }

// The bounds are of differences: a time near the ends of its type is far out of them.
Codes decide(const Freeze& c, const Call& call, const Reader& state) {
  if (const Codes supervises = judge_supervisor(call, state); supervises != Codes::ok) return supervises;
  const auto row = *state.get(kSupervision, 0);
  const bool lasts = is_frozen(row, call.time);
  const std::int64_t from = lasts ? row.frozen_from_ms() : call.time.value;
  const auto most = static_cast<std::int64_t>(value_of(state, Parameter::freeze_days, call.height)) * kDayMs;
  if (c.until_ms() <= call.time.value || c.until_ms() - call.time.value < kFreezeMin || c.until_ms() - from > most)
    return Codes::freeze_out_of_bounds;
  const std::int64_t lasted = row.frozen_until_ms() - row.frozen_from_ms();
  return lasts || call.time.value - row.frozen_until_ms() >= lasted ? Codes::ok : Codes::freeze_too_soon;
}

void apply(const Freeze& c, const Call& call, Writer& state) {
  auto row = *state.get(kSupervision, 0);
  if (!is_frozen(row, call.time)) row.set_frozen_from_ms(call.time.value);
  row.set_frozen_until_ms(c.until_ms());
  write(row, state);
}

bool well_formed(const Thaw&) { return true; }

Codes decide(const Thaw&, const Call& call, const Reader& state) {
  if (const Codes supervises = judge_supervisor(call, state); supervises != Codes::ok) return supervises;
  return frozen_until(state, call.time) ? Codes::ok : Codes::not_frozen;
}

void apply(const Thaw&, const Call& call, Writer& state) {
  auto row = *state.get(kSupervision, 0);
  row.set_frozen_until_ms(call.time.value);
  write(row, state);
}

bool supervision_holds(const Call&, const kernel::Key&, kernel::RowBytes, kernel::RowBytes after, const Reader& state) {
  if (!after) return false;
  const auto row = row_of<Supervision>(*after);
  const std::int64_t lasts = row.frozen_until_ms() - row.frozen_from_ms();
  const auto most = static_cast<std::int64_t>(rule_of(number_of(Parameter::freeze_days))->most) * kDayMs;
  return lasts >= 0 && lasts <= most && (row.organisation().empty() || state.has(kMembers, id_of<AccountId>(row.organisation())));
}

}  // namespace careledger::contracts::governance
