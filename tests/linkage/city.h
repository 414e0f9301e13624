// A month of two hospitals and their patients, made from a seed: what comes to stand on the ledger, and the truth that it must not tell.
//
// Lanes, times, numbers, expiries and days are the product's own: ordering::local::Lanes decides block and order, vault::QuietOutbox holds
// and signs the hospitals' proposals, apps::wallet_command signs the patients' commands, exchange::lapse_day gives a grant its day. The
// city invents only people and when they act.
#pragma once

#include <array>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace careledger::linkage {

struct Row {  // what every member sees of one command
  OrganisationId organisation;
  Bytes command;   // the SignedCommand
  BlockTime time;  // of its block
  std::uint64_t height = 0;
};

struct Person {
  bool wallet = false;                     // false: held in trust
  std::size_t first = 0;                   // the hospital that comes first; the other is the second
  std::array<AccountId, 2> pseudonym;      // at each hospital
  std::array<std::int64_t, 2> desk{};      // when the person stood there and was enrolled, ms; 0: never
  std::array<std::int64_t, 2> accepted{};  // when the wallet was told to accept; 0: never
  bool granted = false;                    // at the first hospital, in the sitting in which it accepted at the second
};

struct Options {
  std::uint64_t seed = 1;
  std::size_t people = 10'000;
  int days = 30;
  std::uint32_t epoch_ms = 3'600'000;  // what `careledger init` sets
  // Off, and everything goes at once, in the order in which it was asked for, with expiries to the millisecond and days as they are: the
  // ledger as it would be without lanes and rounding.
  bool lanes_and_rounding = true;
};

struct City {
  std::array<OrganisationId, 2> hospitals;
  std::vector<Row> ledger;     // in its order
  std::vector<Person> people;  // the truth
};

City simulate(const Options& options);

}  // namespace careledger::linkage
