// What members changed by votes of how their network works: the closed list in governance.h. Internal to contracts/governance.
//
// A change holds from the second block after the one that decides, so that the engine can be told of it with the block between, as of
// votes.
//
// Thread-safety: pure functions.
#pragma once

#include "contracts/governance/governance.h"

namespace careledger::contracts::governance {

const ParameterRule* rule_of(std::uint32_t parameter);  // nullptr: there is none

// Of the actions that a vote decides, as governance.cpp has them of the others.
bool action_formed(const SetParameter& c);
Codes action_judged(const SetParameter& c, const kernel::Call& call, const kernel::Reader& state);
void carry_out(const SetParameter& c, const kernel::Call& call, kernel::Writer& state);

bool parameter_holds(const kernel::Call& call, const kernel::Key& key, kernel::RowBytes before, kernel::RowBytes after,
                     const kernel::Reader& state);

}  // namespace careledger::contracts::governance
