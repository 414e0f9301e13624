#include "exchange/pace.h"

#include <algorithm>

namespace careledger::exchange {

bool Pace::take(const OrganisationId& who, std::uint64_t now_ns) {
  const auto found = rested_at_.find(who);
  const std::uint64_t rested = found == rested_at_.end() ? now_ns : std::max(found->second, now_ns);
  if (rested - now_ns > (at_once_ - 1) * each_ns_) return false;
  rested_at_[who] = rested + each_ns_;
  return true;
}

}  // namespace careledger::exchange
