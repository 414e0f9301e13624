#include <atomic>

#include "codec/fhir/record.h"
#include "crypto/hash.h"
#include "proof/log.h"
#include "vault/test_vault.h"

namespace careledger::vault {
namespace {

using contracts::records::Codes;

ordering::Answer final_with(kernel::Code code) {
  ordering::Answer answer;
  answer.outcome = ordering::Outcome::final;
  answer.receipt = kernel::Receipt{};
  answer.receipt->code = code;
  return answer;
}

ledger::Anchor anchor_in(const kernel::ReceivedCommand& command) {
  contracts::records::Payload payload;
  EXPECT_TRUE(payload.ParseFromString(command.payload));
  return payload.anchor();
}

class OutboxTest : public VaultTest {
 protected:
  TestLedger ledger;
  TestSigner signer;
  void TearDown() override {
    if (vault) vault->stop_anchoring();
    VaultTest::TearDown();
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, OutboxTest, ::testing::Values(Where::memory, Where::disk),
                         [](const auto& which) { return which.param == Where::memory ? "memory" : "disk"; });

TEST_P(OutboxTest, EverythingThatWaitsGoesInOneAnchorAndIsProvable) {
  for (int i = 0; i < 5; ++i) put("Patient", "p" + std::to_string(i), 1, patient_json("p" + std::to_string(i), 1, "Name", "1970-01-02"));
  EXPECT_EQ(vault->waiting_for_anchor(), 5u);
  EXPECT_EQ(vault->anchor_state(3)->state, Anchoring::pending);
  vault->start_anchoring(ledger, signer);
  const AnchorState state = anchored(5);
  EXPECT_EQ(state.state, Anchoring::final);
  EXPECT_EQ(vault->waiting_for_anchor(), 0u);
  ASSERT_EQ(ledger.commands().size(), 1u);
  const ledger::Anchor anchor = anchor_in(ledger.commands()[0]);
  EXPECT_EQ(anchor.count(), 8u);

  auto material = vault->proof_material("Patient", "p2", 1);
  ASSERT_TRUE(material) << material.error().message;
  EXPECT_EQ(material->anchor.height, state.height);
  // Anyone with body and seed comes to the commitment, and with the path to the root on the ledger.
  const auto document = codec::json::parse(material->version.body);
  proof::CompactRange leaves;
  for (const auto& leaf : codec::fhir::record_leaves(document->root(), material->seed.view())) leaves.append(proof::log_leaf(leaf.data));
  const Digest commitment = crypto::tagged_hash("careledger/record/1", {"fhir-verbatim/1", "Patient", leaves.root().view()});
  EXPECT_EQ(commitment, material->commitment);
  EXPECT_TRUE(proof::verify_inclusion(proof::log_leaf(commitment.view()), material->leaf_index, material->leaf_count, material->path,
                                      *Digest::from(anchor.root())));
  EXPECT_EQ(kernel::receive_bytes(material->signed_command).digest, ledger.commands()[0].digest);
}

TEST_P(OutboxTest, AnUpdateSupersedesTheVersionBefore) {
  put("Patient", "p1", 1, patient_json("p1", 1, "A", "1970-01-02"));
  vault->start_anchoring(ledger, signer);
  anchored(1);
  const Committed second = put("Patient", "p1", 2, patient_json("p1", 2, "B", "1970-01-02"));
  anchored(second.last_number);
  const ledger::Anchor anchor = anchor_in(ledger.commands().back());
  ASSERT_EQ(anchor.supersedes_size(), 1);
  EXPECT_EQ(anchor.supersedes(0), vault->proof_material("Patient", "p1", 1)->commitment.bytes());
}

TEST_P(OutboxTest, WhatArrivesWhileOneIsUnderWayGoesInTheNext) {
  ledger.hold(true);
  vault->start_anchoring(ledger, signer);
  put("Patient", "p1", 1, patient_json("p1", 1, "A", "1970-01-02"));
  ledger.wait_for_submissions(1);
  put("Patient", "p2", 1, patient_json("p2", 1, "B", "1970-01-02"));
  put("Patient", "p3", 1, patient_json("p3", 1, "C", "1970-01-02"));
  EXPECT_EQ(vault->anchor_state(1)->state, Anchoring::submitted);
  ledger.hold(false);
  EXPECT_EQ(anchored(3).state, Anchoring::final);
  EXPECT_EQ(ledger.commands().size(), 2u);
  EXPECT_EQ(anchor_in(ledger.commands()[1]).count(), 2u);
}

TEST_P(OutboxTest, WhoWaitsIsReleasedWhenTheLedgerTakesItsTimeAndNothingIsLost) {
  ledger.hold(true);
  vault->start_anchoring(ledger, signer);
  put("Patient", "p1", 1, patient_json("p1", 1, "A", "1970-01-02"));
  ledger.wait_for_submissions(1);
  std::promise<AnchorState> told;
  vault->when_anchored(1, [&told](const AnchorState& state) { told.set_value(state); });
  vault->release_waiting();
  EXPECT_EQ(told.get_future().get().state, Anchoring::pending);
  EXPECT_EQ(vault->waiting_for_anchor(), 1u);
  ledger.hold(false);
  EXPECT_EQ(anchored(1).state, Anchoring::final);
}

TEST_P(OutboxTest, ARefusedAnchorRaisesAnAlertAndDeletesNothing) {
  std::atomic<int> alerts = 0;
  vault.reset();
  options.on_alert = [&alerts](const std::string&) { ++alerts; };
  if (GetParam() == Where::memory) keys = Keystore::in_memory(clock, entropy);
  open();
  ledger.answer_with([](const kernel::ReceivedCommand&) {
    return final_with({contracts::records::kContract.id, static_cast<std::uint16_t>(Codes::not_an_organisation)});
  });
  vault->start_anchoring(ledger, signer);
  std::promise<AnchorState> told;
  vault->when_anchored(1, [&told](const AnchorState& state) { told.set_value(state); });
  put("Patient", "p1", 1, patient_json("p1", 1, "A", "1970-01-02"));
  EXPECT_EQ(told.get_future().get().state, Anchoring::refused);
  EXPECT_EQ(alerts, 1);
  EXPECT_TRUE(vault->view().read("Patient", "p1"));
  ledger.answer_with(nullptr);
  clock.advance_ms(60'000);
  EXPECT_EQ(anchored(1).state, Anchoring::final) << "tried again once the ledger takes it";
}

TEST_P(OutboxTest, ACommandThatExpiredIsMadeAnew) {
  int first = 0;
  ledger.answer_with([&first](const kernel::ReceivedCommand&) {
    return first++ == 0 ? final_with(kernel::code_of(kernel::KernelCode::expired)) : final_with({});
  });
  vault->start_anchoring(ledger, signer);
  put("Patient", "p1", 1, patient_json("p1", 1, "A", "1970-01-02"));
  EXPECT_EQ(anchored(1).state, Anchoring::final);
  EXPECT_EQ(first, 2);
}

TEST_P(OutboxTest, ASuccessorThatTheLedgerHasHeardOfBeforeDoesNotBlockTheOthers) {
  put("Patient", "p1", 1, patient_json("p1", 1, "A", "1970-01-02"));
  put("Patient", "p1", 2, patient_json("p1", 2, "B", "1970-01-02"));
  put("Patient", "p2", 1, patient_json("p2", 1, "C", "1970-01-02"));
  ledger.answer_with([](const kernel::ReceivedCommand& command) {
    const bool repeats = anchor_in(command).supersedes_size() > 0;
    return final_with(repeats ? kernel::Code{contracts::records::kContract.id, static_cast<std::uint16_t>(Codes::already_superseded)}
                              : kernel::Code{});
  });
  vault->start_anchoring(ledger, signer);
  EXPECT_EQ(anchored(3).state, Anchoring::final);
}

class OutboxCrashTest : public OutboxTest {};
INSTANTIATE_TEST_SUITE_P(Disk, OutboxCrashTest, ::testing::Values(Where::disk), [](const auto&) { return "disk"; });

TEST_P(OutboxCrashTest, AfterARestartTheSameBytesGoAgainAndGetTheFirstReceipt) {
  ledger.hold(true);
  vault->start_anchoring(ledger, signer);
  put("Patient", "p1", 1, patient_json("p1", 1, "A", "1970-01-02"));
  ledger.wait_for_submissions(1);
  reopen();  // the answer never came
  ledger.hold(false);
  EXPECT_EQ(vault->waiting_for_anchor(), 1u);
  vault->start_anchoring(ledger, signer);
  EXPECT_EQ(anchored(1).state, Anchoring::final);
  EXPECT_EQ(ledger.commands().size(), 1u) << "executed once";
  EXPECT_EQ(ledger.submissions(), 2u);
  reopen();
  EXPECT_EQ(vault->anchor_state(1)->state, Anchoring::final);
  EXPECT_EQ(vault->waiting_for_anchor(), 0u);
}

}  // namespace
}  // namespace careledger::vault
