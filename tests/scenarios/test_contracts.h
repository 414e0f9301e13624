// Two contracts for tests, beside the real ones: `hostile` (0x7000) does on purpose what the kernel must contain; `later` (0x7001) arrives
// with protocol 2. Payloads are words: "read 9000", "write 5000", "deepen 121", "break".
#pragma once

#include <span>

#include "kernel/contract.h"

namespace careledger::scenarios {

inline constexpr ContractId kHostile{0x7000};
inline constexpr ContractId kLater{0x7001};

std::span<const kernel::Contract> contracts_with_hostile();  // all() and the two

}  // namespace careledger::scenarios
