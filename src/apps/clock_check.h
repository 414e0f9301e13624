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

std::string span(std::int64_t ms);  // "5 seconds", "61 minutes", "3 hours"

// For the log of a node whose blocks tell that its clock is so far ahead of them (below 0: behind).
std::string wrong_clock(std::int64_t ahead_ms);

}  // namespace careledger::apps
