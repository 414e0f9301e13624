// Two members, one ledger, one patient: what is asked for, released, refused, recorded and promised.
#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "exchange/test_world.h"
#include "ordering/witness.h"
#include "vault/layout.h"
#include "vault/parts.h"
#include "vault/prover.h"

namespace careledger::exchange {
namespace {

namespace json = codec::json;
using testing::Hooked;
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
  const auto at_home = *world.south.audit->newest_of(world.south.audit->subject_of("s1"), 10);
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
  const auto at_home = *world.south.audit->newest_of(world.south.audit->subject_of("s1"), 10);
  ASSERT_EQ(at_home.size(), 2u);
  EXPECT_EQ(at_home[1].entry.outcome, vault::AuditOutcome::failed);
}

// ---- whose record it is ----

class OtherPatient : public Exchange {
 protected:
  OtherPatient() {
    world.north.put("Patient", "n2", R"({"resourceType":"Patient","id":"n2","identifier":[{"system":"urn:ssn","value":"43"}]})");
    world.north.put("Observation", "o1", lab_result("o1"));
    world.north.put("Observation", "o2", lab_result("o2", "n2"));
  }
  // What South asks for s1, whose identifier at North is n1's.
  RelationshipId granted_for(const AccountId& patient, const crypto::SigningKey& key) {
    const RelationshipId id = contracts::relationship::relationship_id(world.north.id, patient);
    Terms terms = world.terms();
    terms.patient = patient;
    const json::Document consent = make_consent(terms);
    const Bytes salt = system_entropy().take(32);
    vault::AccountSigner by(world.chain.replica->view(), patient, 1, key.clone(), system_clock());
    world.chain.must(world.north.id, by, contracts::build::grant(id, 1, commitment_to(consent.root(), salt), 0));
    EXPECT_TRUE(world.south.relationships->put_terms(
        {grant_id(id, 1), world.relationship_at_south(), json::canonical(consent.root()), salt, false}));
    return id;
  }
  AccountId on_the_ledger_alone(const crypto::SigningKey& key) {
    contracts::build::NewPatient patient;
    patient.authority = kernel::single_key(key.public_key());
    patient.nonce = system_entropy().take_id<Digest>();
    world.chain.must(world.north.id, *world.north.signer, contracts::build::propose(patient));
    vault::AccountSigner by(world.chain.replica->view(), patient.id(), 1, key.clone(), system_clock());
    world.chain.must(world.north.id, by, contracts::build::accept(contracts::relationship::relationship_id(world.north.id, patient.id())));
    return patient.id();
  }
};

TEST_F(OtherPatient, ARelationshipThatIsNotKnownHereIsNobodysWhateverTheIdentifiersSay) {
  const auto key = crypto::SigningKey::generate(system_entropy());
  granted_for(on_the_ledger_alone(key), key);
  const Received received = retrieve();
  EXPECT_EQ(received.refusal, Refusal::patient_unknown);
  EXPECT_TRUE(received.resources.empty());
  EXPECT_TRUE(world.seen_at_north().empty());  // nothing of n1 was asked for
}

TEST_F(OtherPatient, TheRelationshipLeadsToThePatientAndNotTheIdentifiersBesideIt) {
  const auto key = crypto::SigningKey::generate(system_entropy());
  granted_for(world.relate(world.north, key, "n2"), key);
  const Received received = retrieve();
  ASSERT_EQ(received.resources.size(), 1u);
  EXPECT_EQ(received.resources[0].root().string_at("id"), "o2");
}

// n2 granted nothing, and would not read in the own list that it went.
TEST_F(OtherPatient, ARecordOfTwoPatientsStaysInWhateverOneOfThemGrants) {
  std::string both = lab_result("o3");
  both.insert(both.find("\"valueQuantity\""), R"("performer":[{"reference":"Patient/n2"}],)");
  world.north.put("Observation", "o3", both);
  world.grant(world.terms());
  const Received received = retrieve();
  ASSERT_EQ(received.resources.size(), 1u);
  EXPECT_EQ(received.resources[0].root().string_at("id"), "o1");
  EXPECT_EQ(received.left_out, 0u);
}

TEST_F(OtherPatient, ADamagedRowIsAnErrorAndIsRecorded) {
  const auto key = crypto::SigningKey::generate(system_entropy());
  const RelationshipId id = granted_for(world.relate(world.north, key, "n2"), key);
  storage::Batch batch;
  batch.put(vault::kPrivateColumn, Bytes(1, 1).append(id.view()), Bytes(64, 'x'));
  ASSERT_TRUE(world.north.records->parts().store->write(batch, storage::Durability::synced));
  const std::uint64_t before = world.north.audit->size();
  const auto received = world.south.requester->retrieve(world.wish());
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().kind, ErrorKind::corrupt);
  const auto entries = *world.north.audit->entries(before, 10);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].entry.outcome, vault::AuditOutcome::failed);
  EXPECT_EQ(entries[0].entry.details, R"({"failed":"corrupt"})");
}

// ---- withdrawn while the ledger is slow ----

TEST_F(Exchange, AWithdrawalWhileTheHeadIsWaitedForStopsTheRelease) {
  world.north.put("Observation", "o1", lab_result("o1"));
  world.grant(world.terms());
  world.north.audit->stop_heads();
  const Digest grant = grant_id(world.relationship_at_north(), 1);
  Hooked signer(*world.north.signer, [&] { EXPECT_TRUE(world.north.relationships->withdraw(world.relationship_at_north(), grant)); });
  world.north.audit->start_heads(*world.chain.ordering, signer);  // the first head is the one that covers the release
  const Received received = retrieve();
  EXPECT_EQ(received.refusal, Refusal::consent_revoked);
  EXPECT_TRUE(received.resources.empty());
  const auto seen = world.seen_at_north();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].entry.kind, vault::AuditKind::release);
  EXPECT_EQ(seen[1].entry.kind, vault::AuditKind::refusal);
  EXPECT_EQ(seen[1].entry.details, R"({"reason":"consent_revoked","recorded_release_not_sent":true})");
  ledger::Promise promise;  // of what came of it at last
  ASSERT_TRUE(promise.ParseFromString(received.promise.promise()));
  EXPECT_EQ(promise.entry(), seen[1].recorded.commitment.view());
  world.north.audit->stop_heads();
}

// ---- how much ----

TEST_F(Exchange, AnAnswerThatIsTooLargeIsRefusedBeforeItIsMadeAndRecorded) {
  world.north.put("Observation", "o1", lab_result("o1"));
  world.north.put("Observation", "o2", lab_result("o2"));
  world.grant(world.terms());
  const auto limited = [&](std::size_t bytes) {
    CustodianParts parts = world.north.custodian_parts();
    parts.answer_bytes_max = bytes;
    return std::make_unique<Custodian>(parts);
  };
  const auto small = limited(12 * 1024);
  world.south.courier->custodians[world.north.id] = small.get();
  const auto received = world.south.requester->retrieve(world.wish());
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().kind, ErrorKind::too_large);
  const auto seen = world.seen_at_north();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].entry.outcome, vault::AuditOutcome::failed);
  EXPECT_EQ(seen[0].entry.details, R"({"failed":"too-large"})");
  const auto enough = limited(32 * 1024);
  world.south.courier->custodians[world.north.id] = enough.get();
  EXPECT_EQ(retrieve().resources.size(), 2u);
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

TEST_F(Forged, AnAmendedRecordIsNotCurrentByTheLedgerOfYesterday) {
  world.north.put("Observation", "o1", lab_result("o1"));
  world.grant(world.terms());
  ReleaseAnswer yesterday;
  forge([&](ReleaseAnswer& answer) { yesterday = answer; });
  EXPECT_EQ(retrieve().resources.size(), 1u);
  world.north.put("Observation", "o1", lab_result("o1"));
  forge([&](ReleaseAnswer& answer) { *answer.mutable_records() = yesterday.records(); });
  const Received received = retrieve();
  EXPECT_TRUE(received.resources.empty());
  EXPECT_EQ(received.rejected, 1u);
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
  forge([&](ReleaseAnswer& answer) {  // the access of the first release, promised for the second request
    const Bytes request = answer.request();
    *answer.mutable_promise() = first;
    promise_anew(*answer.mutable_promise(), [&](ledger::Promise& promise) { promise.set_request(request); });
  });
  const auto received = world.south.requester->retrieve(world.wish());
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().kind, ErrorKind::conflict);
}

// ---- conviction ----

struct ProvenList {
  vault::Provable at;
  proof::Bundle bundle;
};
Result<ProvenList> prove_list(World& world, vault::AuditMap& audit, const vault::Subject& subject) {
  std::promise<Result<vault::AccessList>> promise;
  audit.list(subject, {}, [&](const Result<vault::AccessList>& list) { promise.set_value(list); });
  CARELEDGER_TRY(const vault::AccessList list, promise.get_future().get());
  world.chain.wait_provable(list.head.height);
  CARELEDGER_TRY(vault::Provable at, vault::newest_provable(*world.chain.replica, *world.chain.ordering));
  CARELEDGER_TRY(proof::Bundle bundle, vault::prove_accesses(at, world.north.id, list, true));
  return ProvenList{std::move(at), std::move(bundle)};
}
Result<Bytes> list_bundle(World& world, vault::AuditMap& audit, const vault::Subject& subject) {
  CARELEDGER_TRY(const ProvenList list, prove_list(world, audit, subject));
  return proof::encode(list.bundle);
}

TEST_F(Exchange, ACheckpointFromBeforeItsHeadDoesNotVouchForAList) {
  proof::Trust trust = world.chain.trust();
  ordering::CheckpointKeeper keeper(trust.chain_id, crypto::SigningKey::generate(system_entropy()));
  trust.log = keeper.log_key();
  const replica::View before = world.chain.replica->view();
  const auto old = keeper.checkpoint(before);
  ASSERT_TRUE(old) << old.error().message;
  auto list = prove_list(world, *world.north.audit, world.north.audit->subject_of("n1"));
  ASSERT_TRUE(list) << list.error().message;
  list->bundle.checkpoint = proof::WitnessedCheckpoint{old->note, list->at.view.prove_consistency(before.log_size()).value()};
  const auto refused = proof::verify(proof::encode(list->bundle), trust);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "checkpoint: older than the command it should cover");
  const auto now = keeper.checkpoint(list->at.view);
  list->bundle.checkpoint = proof::WitnessedCheckpoint{now->note, now->consistency};
  const auto report = proof::verify(proof::encode(list->bundle), trust);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->unwitnessed(), 0u);
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

// Another promise key under the same command, batch and request keys.
void replace_promise_key(World& world) {
  const auto account = *world.chain.replica->view().state().get(kernel::kAccounts, world.north.id);
  ledger::Authority authority = account.authority();
  for (auto& key : *authority.mutable_keys())
    if (key.role() == static_cast<std::uint32_t>(kernel::KeyRole::promise))
      key.set_public_key(Bytes(crypto::SigningKey::generate(system_entropy()).public_key().view()));
  world.chain.must(world.north.id, *world.north.signer, contracts::build::rotate(authority));
}

class Convicted : public Exchange, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Keys, Convicted, ::testing::Bool(),
                         [](const auto& rotated) { return rotated.param ? "replaced_since" : "of_now"; });

TEST_P(Convicted, ACustodianThatLeavesTheReleaseOutIsConvictedByItsPromise) {
  world.grant(world.terms());
  const Received received = retrieve();
  world.north.audit->stop_heads();
  if (GetParam()) replace_promise_key(world);
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
