// What a member makes of the ledger it holds: every command taken apart, and nothing else.
#pragma once

#include <array>
#include <map>
#include <vector>

#include "city.h"

namespace careledger::linkage {

struct Act {
  std::int64_t time = 0;      // of the block
  std::int64_t position = 0;  // among all commands
  std::int64_t residue = 0;   // expiry less block time: what it tells of the signer's clock
  std::int64_t days = 0;      // of a grant: to its lapse
  std::int64_t bracket = 0;   // of a proposal: block time of the hospital's command with the number just before
};

struct Pseudonym {
  std::size_t hospital = 0;
  bool wallet = false;  // the proposal says so
  Act proposed;
  std::vector<Act> accepted;
  std::vector<Act> granted;
  int commands = 0;
};

using Seen = std::map<AccountId, Pseudonym>;

Seen observe(const City& city);  // reads hospitals and ledger, never the people

}  // namespace careledger::linkage
