// The access contract (5): one row an organisation, however many accesses: the head of its audit map. It never shrinks, so what was
// committed to stays committed to.
#pragma once

#include "contracts/access/access.pb.h"
#include "contracts/rules.h"

namespace careledger::contracts::access {

enum class Codes : std::uint16_t {  // in the order in which they win; numbers are never reused
  ok = 0,
  not_an_organisation = 1,
  size_shrinks = 2,
  roots_differ = 3,  // same size, other content: history was rewritten
};

inline constexpr kernel::Table<ledger::AccessHead, AccountId> kHeads{{0x50}, "access heads"};

extern const kernel::Contract kContract;

}  // namespace careledger::contracts::access
