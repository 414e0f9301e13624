// How fast each member may ask while no quorum is there: a few times at once, and then once in a while. With a quorum each of its requests
// waits for a head of the audit map, which slows a member down that tries one patient after the other; without one a refusal waits for
// nothing.
//
// Thread-safety: none of its own.
#pragma once

#include <cstdint>
#include <map>

#include "base/ids.h"

namespace careledger::exchange {

class Pace {
 public:
  Pace(std::uint64_t at_once, std::uint64_t each_ns) : at_once_(at_once), each_ns_(each_ns) {}
  // Whether it may now, by a clock that never goes back; takes its turn when it may.
  bool take(const OrganisationId& who, std::uint64_t now_ns);
  void forget() { rested_at_.clear(); }

 private:
  const std::uint64_t at_once_, each_ns_;
  std::map<OrganisationId, std::uint64_t> rested_at_;  // when each could ask so often at once again
};

}  // namespace careledger::exchange
