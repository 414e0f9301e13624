// The contracts that every node of a ledger runs, in the order of their ids. Adding a domain is one folder and one line in all.cpp.
#pragma once

#include <span>

#include "kernel/contract.h"

namespace careledger::contracts {

std::span<const kernel::Contract> all();

}  // namespace careledger::contracts
