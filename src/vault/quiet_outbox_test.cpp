#include "vault/quiet_outbox.h"

#include "contracts/build.h"
#include "kernel/sign.h"
#include "vault/test_store.h"
#include "vault/test_vault.h"

namespace careledger::vault {
namespace {

constexpr std::uint32_t kHourMs = 3'600'000;

class WriteHook final : public StoreAbove {  // runs something when a row is there
 public:
  WriteHook(std::shared_ptr<storage::Store> below, const std::function<void()>& hook) : StoreAbove(std::move(below)), hook_(hook) {}
  Result<void> write(const storage::Batch& batch, storage::Durability durability) override {
    CARELEDGER_CHECK(StoreAbove::write(batch, durability));
    if (const auto hook = hook_) hook();
    return {};
  }

 private:
  const std::function<void()>& hook_;
};

class FullStore final : public StoreAbove {
 public:
  FullStore(std::shared_ptr<storage::Store> below, const bool& full) : StoreAbove(std::move(below)), full_(full) {}
  Result<void> write(const storage::Batch& batch, storage::Durability durability) override {
    return full_ ? fail(ErrorKind::storage, "the disk is full") : StoreAbove::write(batch, durability);
  }

 private:
  const bool& full_;
};

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

TEST_P(QuietOutboxTest, OfAProposalThatIsRefusedNothingStays) {
  start();
  refuse_with({contracts::build::kRelationship, 1});
  const RelationshipId id = *RelationshipId::from(Bytes(32, 'a'));
  const TrustKey trust{crypto::SigningKey::generate(entropy), entropy.take_id<Digest>()};
  ASSERT_TRUE(relationships->put_in_trust({id, {}, "p1", true, RelationshipState::proposed}, trust));
  hold('a');  // another command about it, a merge for example: nothing goes with that
  ASSERT_TRUE(outbox->release());
  EXPECT_TRUE(relationships->trust_key(id)->has_value());
  contracts::build::NewPatient patient;
  patient.authority = kernel::single_key(trust.key.public_key());
  patient.nonce = trust.nonce;
  ASSERT_TRUE(
      outbox->hold({Digest{id.value}, contracts::build::kRelationship, contracts::build::propose(patient).payload}, [](const auto&) {}));
  ASSERT_TRUE(outbox->release());
  EXPECT_EQ(*relationships->find(id), std::nullopt);
  EXPECT_FALSE(relationships->trust_key(id)->has_value());
  EXPECT_TRUE(relationships->of_patient("p1")->empty());
}

// The epoch may end between the row and the return of hold(): whoever waits is told all the same.
TEST_P(QuietOutboxTest, WhoWaitsIsKnownBeforeTheRowIsThere) {
  vault.reset();
  bool sent_meanwhile = false;
  std::function<void()> after_write;
  options.folder.clear();
  options.open_store = [&](const storage::StoreOptions& store) -> Result<std::unique_ptr<storage::Store>> {
    return std::make_unique<WriteHook>(storage::open_memory_store(store), after_write);
  };
  keys = Keystore::in_memory(clock, entropy);
  open();
  start();
  after_write = [&] {
    after_write = {};
    ASSERT_TRUE(outbox->release());
    sent_meanwhile = true;
  };
  hold('a');
  EXPECT_TRUE(sent_meanwhile);
  EXPECT_EQ(answers.size(), 1u);
  EXPECT_TRUE(relationships->held()->empty());
  outbox.reset();
  vault.reset();  // before what its store looks at
}

TEST_P(QuietOutboxTest, NobodyWaitsForWhatCouldNotBeHeld) {
  vault.reset();
  bool broken = false;
  options.folder.clear();
  options.open_store = [&](const storage::StoreOptions& store) -> Result<std::unique_ptr<storage::Store>> {
    return std::make_unique<FullStore>(storage::open_memory_store(store), broken);
  };
  keys = Keystore::in_memory(clock, entropy);
  open();
  start();
  broken = true;
  const auto held = outbox->hold({*Digest::from(Bytes(32, 'a')), contracts::build::kRelationship, "aaa"},
                                 [this](const ordering::Answer& answer) { answers.push_back(answer); });
  EXPECT_EQ(held.error().kind, ErrorKind::storage);
  outbox.reset();
  EXPECT_TRUE(answers.empty());
  vault.reset();
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
