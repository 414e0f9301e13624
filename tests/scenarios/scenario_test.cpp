// Plays every scenario file on the kernel in memory, and counts that each result code of each contract has at least one line.
#include <gtest/gtest.h>

#include "files.h"
#include "memory_ledger.h"
#include "scenario.h"
#include "test_contracts.h"

namespace careledger::scenarios {
namespace {

std::unique_ptr<LedgerUnderTest> in_memory(const Setup& setup) { return std::make_unique<MemoryLedger>(setup); }

class Scenarios : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Scenarios, EveryLineGetsItsCode) {
  const auto played = play(GetParam().filename(), contents(GetParam()), &in_memory);
  for (const auto& failure : played.failures) ADD_FAILURE() << failure;
  EXPECT_GT(played.commands, 0u);
}

INSTANTIATE_TEST_SUITE_P(Memory, Scenarios, testing::ValuesIn(files()), [](const auto& info) { return info.param.stem().string(); });

TEST(ScenarioFiles, HaveALineForEveryCodeOfEveryContract) {
  std::set<std::pair<std::uint16_t, std::uint16_t>> seen;
  for (const auto& file : files()) {
    const auto played = play(file.filename(), contents(file), &in_memory);
    seen.insert(played.codes.begin(), played.codes.end());
  }
  for (const auto& code : kernel::kKernelCodes) EXPECT_TRUE(seen.contains({0, code.number})) << "no line for kernel." << code.name;
  for (const auto& contract : contracts_with_hostile()) {
    if (contract.id == kLater) continue;  // not active, so it never answers
    for (const auto& code : contract.codes) {
      EXPECT_TRUE(seen.contains({contract.id.value, code.number})) << "no line for " << contract.name << "." << code.name;
    }
  }
}

TEST(ScenarioRunner, SaysWhichLineFailed) {
  const auto played = play("some", "organisation north hospital\nnorth consent.revoke relationship=anna number=1 = ok\n", &in_memory);
  ASSERT_EQ(played.failures.size(), 1u);
  EXPECT_EQ(played.failures[0], "some:2: expected ok, got relationship_unknown");
}

}  // namespace
}  // namespace careledger::scenarios
