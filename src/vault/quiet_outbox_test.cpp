#include "vault/quiet_outbox.h"

#include "contracts/build.h"
#include "vault/test_vault.h"

namespace careledger::vault {
namespace {

constexpr std::uint32_t kHourMs = 3'600'000;

class QuietOutboxTest : public VaultTest {
 protected:
  TestLedger ledger;
  TestSigner signer;
  std::unique_ptr<Relationships> relationships;
  std::unique_ptr<QuietOutbox> outbox;
  std::vector<std::string> alerts;

  void start() {
    relationships = std::make_unique<Relationships>(*vault);
    outbox = std::make_unique<QuietOutbox>(QuietOutboxParts{organisation, *relationships, ledger, signer, clock, kHourMs,
                                                            [this](const std::string& what) { alerts.push_back(what); }});
  }
  void TearDown() override {
    outbox.reset();
    VaultTest::TearDown();
  }
  void hold(char name) {
    const auto until = outbox->hold({*Digest::from(Bytes(32, name)), contracts::build::kRelationship, Bytes(3, name)},
                                    [this](const ordering::Answer& answer) { answers.push_back(answer); });
    ASSERT_TRUE(until) << until.error().message;
    EXPECT_EQ(until->value % kHourMs, 0);
    EXPECT_GT(until->value, clock.now().value);
  }
  std::string sent() const {
    std::string out;
    for (const auto& command : ledger.commands()) out += command.payload.front();
    return out;
  }
  void refuse_with(kernel::Code code) {
    ledger.answer_with([code](const kernel::ReceivedCommand&) {
      ordering::Answer answer{ordering::Outcome::refused, kernel::Receipt{}, 0};
      answer.receipt->code = code;
      return answer;
    });
  }
  std::vector<ordering::Answer> answers;
};

TEST_P(QuietOutboxTest, NothingIsSignedBeforeTheEpochIsOverAndThenByName) {
  start();
  for (const char name : {'c', 'a', 'b'}) hold(name);
  EXPECT_EQ(ledger.submissions(), 0u);
  const Bytes between = *signer.sign(contracts::build::kRecords, "urgent");
  ASSERT_TRUE(outbox->release());
  EXPECT_EQ(sent(), "abc");
  EXPECT_EQ(answers.size(), 3u);
  std::uint64_t number = kernel::receive_bytes(between).sequence;  // numbers are drawn at the end, whatever was asked for first
  for (const auto& command : ledger.commands()) EXPECT_EQ(command.sequence, ++number);
  ASSERT_TRUE(outbox->release());
  EXPECT_EQ(ledger.submissions(), 3u);
}

TEST_P(QuietOutboxTest, WhatTheLedgerCouldNotTakeGoesWithTheNextEpoch) {
  start();
  ledger.answer_with([](const kernel::ReceivedCommand&) { return ordering::Answer{ordering::Outcome::busy, std::nullopt, 1}; });
  hold('a');
  ASSERT_TRUE(outbox->release());
  EXPECT_EQ(sent(), "");
  refuse_with(kernel::code_of(kernel::KernelCode::expired));
  ASSERT_TRUE(outbox->release());
  ledger.answer_with({});
  ASSERT_TRUE(outbox->release());
  EXPECT_EQ(sent(), "a");
  EXPECT_TRUE(alerts.empty());
}

TEST_P(QuietOutboxTest, WhatIsRefusedForGoodIsDroppedAloud) {
  start();
  refuse_with({contracts::build::kRelationship, 1});
  hold('a');
  ASSERT_TRUE(outbox->release());
  EXPECT_EQ(alerts.size(), 1u);
  EXPECT_TRUE(relationships->held()->empty());
}

class DiskQuietOutboxTest : public QuietOutboxTest {};

TEST_P(DiskQuietOutboxTest, ItStaysOverARestart) {
  start();
  hold('a');
  outbox.reset();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].outcome, ordering::Outcome::unknown);
  reopen();
  start();
  ASSERT_TRUE(outbox->release());
  EXPECT_EQ(sent(), "a");
}

INSTANTIATE_TEST_SUITE_P(Stores, QuietOutboxTest, ::testing::Values(Where::memory, Where::disk),
                         [](const auto& info) { return info.param == Where::memory ? "memory" : "disk"; });

INSTANTIATE_TEST_SUITE_P(Disk, DiskQuietOutboxTest, ::testing::Values(Where::disk), [](const auto&) { return "disk"; });

}  // namespace
}  // namespace careledger::vault
