// Reads a scenario file and plays it. tests/scenarios/README.md says how to write one.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "ledger_under_test.h"

namespace careledger::scenarios {

struct Played {
  std::vector<std::string> failures;                        // "file:12: expected grant_exists, got ok"
  std::set<std::pair<std::uint16_t, std::uint16_t>> codes;  // {contract, number} that a line expected and got
  std::size_t commands = 0;
};

Played play(const std::string& file, const std::string& text, const LedgerMaker& maker);

}  // namespace careledger::scenarios
