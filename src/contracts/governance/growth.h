// How a ledger with a founder becomes a network: once, by the founder's last command. Internal to contracts/governance.
#pragma once

#include <vector>

#include "contracts/governance/governance.h"
#include "kernel/key.h"

namespace careledger::contracts::governance {

bool well_formed(const Grow& c);
Codes decide(const Grow& c, const kernel::Call& call, const kernel::Reader& state);
void apply(const Grow& c, const kernel::Call& call, kernel::Writer& state);

}  // namespace careledger::contracts::governance
