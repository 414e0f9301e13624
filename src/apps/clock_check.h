// Whether the machine's clock can be right, for `careledger doctor`. Consents, licences and tokens are judged by it, and by the ledger's
// time beside it.
//
// Thread-safety: one thread; it may wait for a serving node's answer.
#pragma once

#include <string>

#include "apps/layout.h"
#include "base/ids.h"

namespace careledger::apps {

struct ClockCheck {
  bool well = true;
  std::string what;  // what was found, and what to do
};
// Compares `now` with the time of the ledger's newest block, asked of the node that serves or read from the folder, in which nothing is
// changed and no lock is taken. Where neither tells, the clock is only checked for having been set at all.
ClockCheck check_clock(const Layout& layout, BlockTime now);

}  // namespace careledger::apps
