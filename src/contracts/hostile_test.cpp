#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "contracts/hostile_commands.h"

namespace careledger::contracts {
namespace {

// A rule that asserts on some command would halt every node alike. Bytes from a plain generator, the same on every machine.
TEST(Hostile, NoCommandHaltsTheLedgerOrBreaksAnInvariant) {
  std::uint64_t state = 88172645463325252ull;
  std::uint64_t accepted = 0;
  for (int round = 0; round < 40; ++round) {
    Bytes bytes;
    for (int i = 0; i < 2000; ++i) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;  // xorshift
      bytes.push_back(static_cast<char>(state >> 32));
    }
    accepted += run_hostile(bytes);
  }
  EXPECT_GT(accepted, 200u);  // many did reach apply
}

// Payloads of any bytes at all.
RC_GTEST_PROP(Hostile, AnyPayloadGetsACode, (std::string payload)) {
  TestLedger ledger;
  for (const auto& contract : all()) {
    const auto code = ledger.run(ledger.founder(), {contract.id, payload});
    RC_ASSERT(!kernel::code_name(all(), code).empty());
  }
}

}  // namespace
}  // namespace careledger::contracts
