// What a supervisor may do: a regulator that the members named by a vote, with a vote of its own or as a follower whose node has the whole
// ledger.
//
//   freeze ──> while it lasts nobody's vote is cast or given up, so that nobody comes in, goes, or weighs another ──> it lapses, or is
//   lifted
//
// So no majority can make the members others than those whom the supervisor knows before it has looked. What is proposed meanwhile waits,
// keys may be replaced, and everything but governance goes on. A freeze lasts `freeze_days` at most, 30 unless voted otherwise; longer ones
// come from longer pauses: before the next one it must be over for as long as it lasted. In a pause two thirds may name another supervisor,
// or none.
#pragma once

#include "contracts/governance/governance.h"

namespace careledger::contracts::governance {

// Of the actions that a vote decides, as governance.cpp has them of the others.
bool action_formed(const SetSupervisor& c);
Codes action_judged(const SetSupervisor& c, const kernel::Call& call, const kernel::Reader& state);
void carry_out(const SetSupervisor& c, const kernel::Call& call, kernel::Writer& state);

bool well_formed(const Freeze& c);
Codes decide(const Freeze& c, const kernel::Call& call, const kernel::Reader& state);
void apply(const Freeze& c, const kernel::Call& call, kernel::Writer& state);

bool well_formed(const Thaw& c);
Codes decide(const Thaw& c, const kernel::Call& call, const kernel::Reader& state);
void apply(const Thaw& c, const kernel::Call& call, kernel::Writer& state);

bool supervision_holds(const kernel::Call&, const kernel::Key& key, kernel::RowBytes before, kernel::RowBytes after,
                       const kernel::Reader& state);

}  // namespace careledger::contracts::governance
