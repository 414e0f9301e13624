#include "contracts/all.h"

#include <array>

#include "contracts/access/access.h"
#include "contracts/consent/consent.h"
#include "contracts/governance/governance.h"
#include "contracts/records/records.h"
#include "contracts/registry/registry.h"
#include "contracts/relationship/relationship.h"

namespace careledger::contracts {

std::span<const kernel::Contract> all() {
  static const std::array contracts{registry::kContract, relationship::kContract, consent::kContract,
                                    records::kContract,  access::kContract,       governance::kContract};
  return contracts;
}

}  // namespace careledger::contracts
