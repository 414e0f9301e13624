// Two members, one ledger, one patient: what is asked for, released, refused, recorded and promised.
#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "exchange/test_world.h"
#include "vault/prover.h"

namespace careledger::exchange {
namespace {

namespace json = codec::json;
using testing::lab_result;
using testing::World;

class Exchange : public ::testing::Test {
 protected:
  Received retrieve() {
    auto received = world.south.requester->retrieve(world.wish());
    EXPECT_TRUE(received) << received.error().message;
    return received ? std::move(*received) : Received{};
  }
  World world;
};

TEST_F(Exchange, WithoutAGrantNothingIsReleasedAndThePatientSeesTheAttempt) {
  world.north.put("Observation", "o1", lab_result("o1"));
  const Received received = retrieve();
  EXPECT_EQ(received.refusal, Refusal::no_consent);
  EXPECT_TRUE(received.resources.empty());
  const auto seen = world.seen_at_north();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].entry.kind, vault::AuditKind::refusal);
  EXPECT_EQ(seen[0].entry.organisation, world.south.id.hex());
  EXPECT_EQ(seen[0].entry.details, R"({"reason":"no_consent"})");
}

TEST_F(Exchange, AGrantReleasesItsCategoryWithoutTheWithheldElement) {
  world.north.put("Observation", "o1", lab_result("o1"));
  world.north.put("Condition", "c1", R"({"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/n1"}})");
  world.grant(world.terms());
  const Received received = retrieve();
  EXPECT_EQ(received.refusal, std::nullopt);
  EXPECT_EQ(received.rejected, 0u);
  ASSERT_EQ(received.resources.size(), 1u);
  const json::Value& resource = received.resources[0].root();
  EXPECT_EQ(resource.string_at("id"), "o1");
  EXPECT_EQ(json::compact(*resource.find("valueQuantity")), R"({"value":5.50})");
  EXPECT_EQ(resource.find("note"), nullptr);
  EXPECT_EQ(resource.find("text"), nullptr);
  ASSERT_EQ(resource.find("meta")->items_at("security").size(), 1u);
  EXPECT_EQ(resource.find("meta")->items_at("security")[0].string_at("code"), "REDACTED");
  const auto seen = world.seen_at_north();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].entry.kind, vault::AuditKind::release);
  EXPECT_EQ(seen[0].entry.details, R"({"records":1})");
  const auto at_home = *world.south.audit->entries_of(world.south.audit->subject_of("s1"), 10);
  ASSERT_EQ(at_home.size(), 1u);
  EXPECT_EQ(at_home[0].entry.kind, vault::AuditKind::retrieve);
  EXPECT_EQ(world.south.promises->of(world.north.id).size(), 1u);
}

TEST_F(Exchange, ARevocationHoldsFromTheNextRequestOn) {
  world.north.put("Observation", "o1", lab_result("o1"));
  world.grant(world.terms());
  EXPECT_EQ(retrieve().resources.size(), 1u);
  vault::AccountSigner by(world.chain.replica->view(), world.at_north, 1, world.key_north.clone(), system_clock());
  world.chain.must(world.north.id, by, contracts::build::revoke(world.relationship_at_north(), 1));
  EXPECT_EQ(retrieve().refusal, Refusal::consent_revoked);
}

TEST_F(Exchange, ACustodianHonoursAWithdrawalBeforeTheLedgerKnows) {
  world.grant(world.terms());
  ASSERT_TRUE(
      world.north.relationships->put_terms({grant_id(world.relationship_at_north(), 1), world.relationship_at_north(), {}, {}, true}));
  EXPECT_EQ(retrieve().refusal, Refusal::consent_revoked);
}

TEST_F(Exchange, APatientWhoIsNotThereIsUnknown) {
  world.south.put("Patient", "s2", R"({"resourceType":"Patient","id":"s2","identifier":[{"system":"urn:ssn","value":"none such"}]})");
  Retrieval wish = world.wish();
  wish.patient_id = "s2";
  const auto received = world.south.requester->retrieve(wish);
  ASSERT_TRUE(received) << received.error().message;
  EXPECT_EQ(received->refusal, Refusal::patient_unknown);
}

TEST_F(Exchange, APractitionerOfSomebodyElseIsRefused) {
  world.grant(world.terms());
  Retrieval wish = world.wish();
  wish.practitioner = world.north.clinician;
  const auto received = world.south.requester->retrieve(wish);
  ASSERT_TRUE(received) << received.error().message;
  EXPECT_EQ(received->refusal, Refusal::licence_not_in_force);
}

TEST_F(Exchange, ARequestSignedByAnotherOrganisationThanItNamesIsForbidden) {
  world.grant(world.terms());
  EXPECT_EQ(retrieve().refusal, std::nullopt);
  std::promise<Result<Bytes>> promise;
  world.north.custodian->release(world.north.id, world.south.courier->last_request,
                                 [&](Result<Bytes> answer) { promise.set_value(std::move(answer)); });
  const auto answer = promise.get_future().get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::forbidden);
}

TEST_F(Exchange, AnAnswerToAnotherRequestIsNotBelieved) {
  world.north.put("Observation", "o1", lab_result("o1"));
  world.grant(world.terms());
  Bytes first;
  world.south.courier->tamper = [&](Bytes answer) { return first = std::move(answer); };
  EXPECT_EQ(retrieve().resources.size(), 1u);
  world.south.courier->tamper = [&](Bytes) { return first; };
  const auto received = world.south.requester->retrieve(world.wish());
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().kind, ErrorKind::corrupt);
  const auto at_home = *world.south.audit->entries_of(world.south.audit->subject_of("s1"), 10);
  ASSERT_EQ(at_home.size(), 2u);
  EXPECT_EQ(at_home[1].entry.outcome, vault::AuditOutcome::failed);
}

// What a dishonest custodian would send, sealed properly.
class Forged : public Exchange {
 protected:
  // Opens the custodian's answer with the requester's key, changes it and seals it again.
  void forge(std::function<void(ReleaseAnswer&)> change) {
    world.south.courier->tamper = [this, change = std::move(change)](const Bytes& sealed) {
      const auto custodian_key = *world.north.keys->opening();
      const auto own_key = *world.south.keys->opening();
      const Bytes request = *open_request(custodian_key, world.chain.replica->ledger(), world.north.id, world.south.courier->last_request);
      const Digest digest = crypto::sha256(request);
      ReleaseAnswer answer;
      EXPECT_TRUE(answer.ParseFromString(*open_answer(own_key, digest, sealed)));
      change(answer);
      return *seal_answer(own_key.public_key(), digest, kernel::encode(answer), system_entropy());
    };
  }
  // Signed by the custodian itself, after a change.
  void promise_anew(ledger::SignedPromise& signed_promise, const std::function<void(ledger::Promise&)>& change) {
    ledger::Promise promise;
    ASSERT_TRUE(promise.ParseFromString(signed_promise.promise()));
    change(promise);
    const std::uint32_t number = signed_promise.signatures(0).key();
    signed_promise.Clear();
    signed_promise.set_promise(kernel::encode(promise));
    const crypto::SigningKey key = *world.north.keys->signing(vault::Purpose::promise);
    *signed_promise.add_signatures() = kernel::sign_bytes(proof::promise_signed_bytes(signed_promise.promise()), {number, &key});
  }
};

TEST_F(Forged, APromiseForAnotherRequestOrRelationshipIsNotBelieved) {
  world.grant(world.terms());
  const std::function<void(ledger::Promise&)> changes[] = {
      [](ledger::Promise& promise) { promise.set_request(Bytes(32, 'x')); },
      [](ledger::Promise& promise) { promise.clear_relationship(); },
      [&](ledger::Promise& promise) { promise.set_relationship(world.relationship_at_south().bytes()); },
  };
  for (const auto& change : changes) {
    forge([&](ReleaseAnswer& answer) { promise_anew(*answer.mutable_promise(), change); });
    const auto received = world.south.requester->retrieve(world.wish());
    ASSERT_FALSE(received);
    EXPECT_EQ(received.error().kind, ErrorKind::corrupt);
  }
  forge([&](ReleaseAnswer& answer) { promise_anew(*answer.mutable_promise(), [](ledger::Promise&) {}); });
  EXPECT_EQ(retrieve().refusal, std::nullopt);
}

TEST_F(Forged, ARecordWithAFlippedByteIsLeftOutAndReported) {
  world.north.put("Observation", "o1", lab_result("o1"));
  world.north.put("Observation", "o2", lab_result("o2"));
  world.grant(world.terms());
  forge([](ReleaseAnswer& answer) {
    Bytes& record = *answer.mutable_records(0);
    record[record.size() / 2] = static_cast<char>(record[record.size() / 2] ^ 1);
  });
  const Received received = retrieve();
  EXPECT_EQ(received.resources.size(), 1u);
  EXPECT_EQ(received.rejected, 1u);
}

TEST_F(Forged, WithoutAPromiseOfTheCustodianNothingIsShown) {
  world.north.put("Observation", "o1", lab_result("o1"));
  world.grant(world.terms());
  forge([](ReleaseAnswer& answer) { answer.clear_promise(); });
  EXPECT_FALSE(world.south.requester->retrieve(world.wish()));
  forge([](ReleaseAnswer& answer) { (*answer.mutable_promise()->mutable_signatures(0)->mutable_signature())[0] ^= 1; });
  EXPECT_FALSE(world.south.requester->retrieve(world.wish()));
  EXPECT_EQ(world.south.promises->size(), 0u);
}

TEST_F(Forged, OnePromiseDoesNotServeTwoReleases) {
  world.north.put("Observation", "o1", lab_result("o1"));
  world.grant(world.terms());
  ledger::SignedPromise first;
  forge([&](ReleaseAnswer& answer) { first = answer.promise(); });
  EXPECT_EQ(retrieve().resources.size(), 1u);
  forge([&](ReleaseAnswer& answer) { *answer.mutable_promise() = first; });
  const auto received = world.south.requester->retrieve(world.wish());
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().kind, ErrorKind::conflict);
}

// ---- conviction ----

Result<Bytes> list_bundle(World& world, vault::AuditMap& audit, const vault::Subject& subject) {
  std::promise<Result<vault::AccessList>> promise;
  audit.list(subject, 1000, [&](const Result<vault::AccessList>& list) { promise.set_value(list); });
  CARELEDGER_TRY(const vault::AccessList list, promise.get_future().get());
  world.chain.wait_provable(list.head.height);
  CARELEDGER_TRY(const vault::Provable at, vault::newest_provable(*world.chain.replica, *world.chain.ordering));
  CARELEDGER_TRY(const proof::Bundle bundle, vault::prove_accesses(at, world.north.id, list, true));
  return proof::encode(bundle);
}

TEST_F(Exchange, AnHonestCustodianIsNotConvicted) {
  world.grant(world.terms());
  const Received received = retrieve();
  const auto bundle = list_bundle(world, *world.north.audit, world.north.audit->subject_of("n1"));
  ASSERT_TRUE(bundle) << bundle.error().message;
  const auto report = proof::verify(*bundle, world.chain.trust());
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->entries, 1u);
  EXPECT_FALSE(proof::convict(received.promise, *bundle, world.chain.trust()));
}

TEST_F(Exchange, ACustodianThatLeavesTheReleaseOutIsConvictedByItsPromise) {
  world.grant(world.terms());
  const Received received = retrieve();
  world.north.audit->stop_heads();
  // A second book, kept for show: it never heard of the release.
  const auto show = world.north.open_audit();
  for (std::uint64_t i = 0; i < world.north.audit->size() + 1; ++i) {
    vault::AuditEntry entry;
    entry.subject = show->subject_of("n1");
    ASSERT_TRUE(show->append_and_wait(std::move(entry)));
  }
  show->start_heads(*world.chain.ordering, *world.north.signer);
  const auto bundle = list_bundle(world, *show, show->subject_of("n1"));
  show->stop_heads();
  ASSERT_TRUE(bundle) << bundle.error().message;
  ASSERT_TRUE(proof::verify(*bundle, world.chain.trust()));
  const auto conviction = proof::convict(received.promise, *bundle, world.chain.trust());
  ASSERT_TRUE(conviction) << conviction.error().message;
  const auto verdict = proof::verify(*conviction, world.chain.trust());
  ASSERT_TRUE(verdict) << verdict.error().message;
  EXPECT_EQ(verdict->kind, proof::ClaimKind::conviction);
  EXPECT_EQ(verdict->organisation, world.north.id);
}

}  // namespace
}  // namespace careledger::exchange
