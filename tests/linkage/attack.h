// Two attacks by a member that reads the whole ledger (README.md has the method).
#pragma once

#include <cmath>
#include <vector>

#include "observer.h"

namespace careledger::linkage {

// How much more often the attacker is right than somebody who guesses among those active in the same hour, one number a target.
struct Outcome {
  std::vector<double> advantage;
  double right = 0;       // sum over targets
  double guess = 0;       // sum over targets of one over those active in the same hour
  std::size_t alone = 0;  // targets left out: nobody else was active in that hour, so there is nobody to hide among
};

// Which pseudonym of the other hospital is the one whose grant is seen here?
Outcome link_pseudonyms(const City& city, const Seen& seen);

// Somebody was seen at the desk at a known minute: which of the hospital's pseudonyms is that?
Outcome find_the_person(const City& city, const Seen& seen, std::uint64_t seed);

}  // namespace careledger::linkage
