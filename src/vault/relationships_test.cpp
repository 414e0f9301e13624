#include "vault/relationships.h"

#include <thread>

#include "vault/test_vault.h"

namespace careledger::vault {
namespace {

class RelationshipsTest : public VaultTest {
 protected:
  Relationship made(const std::string& patient) {
    return {entropy.take_id<RelationshipId>(), entropy.take_id<AccountId>(), patient, true, RelationshipState::proposed};
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, RelationshipsTest, ::testing::Values(Where::memory, Where::disk),
                         [](const auto& which) { return which.param == Where::memory ? "memory" : "disk"; });

TEST_P(RelationshipsTest, AreFoundByIdAndByPatient) {
  Relationships relationships(*vault);
  Relationship first = made("p1");
  ASSERT_TRUE(relationships.put(first));
  ASSERT_TRUE(relationships.put(made("p1")));
  ASSERT_TRUE(relationships.put(made("p2")));
  EXPECT_EQ((*relationships.find(first.id))->patient_account, first.patient_account);
  EXPECT_EQ(relationships.of_patient("p1")->size(), 2u);
  EXPECT_EQ(relationships.of_patient("p3")->size(), 0u);
  EXPECT_EQ(relationships.all(100)->size(), 3u);
  first.patient_id = "p9";  // two Patients found to be one
  first.state = RelationshipState::active;
  ASSERT_TRUE(relationships.put(first));
  EXPECT_EQ(relationships.of_patient("p1")->size(), 1u);
  EXPECT_EQ((*relationships.of_patient("p9"))[0].state, RelationshipState::active);
  EXPECT_FALSE(*relationships.find(entropy.take_id<RelationshipId>()));
}

TEST_P(RelationshipsTest, TermsStayAndAWithdrawalHoldsAtOnce) {
  Relationships relationships(*vault);
  const Relationship relationship = made("p1");
  ASSERT_TRUE(relationships.put(relationship));
  const ConsentTerms terms{entropy.take_id<Digest>(), relationship.id, R"({"resourceType":"Consent"})", entropy.take(32), false};
  ASSERT_TRUE(relationships.put_terms(terms));
  EXPECT_EQ((*relationships.terms(terms.grant))->consent, terms.consent);
  ASSERT_TRUE(relationships.withdraw(relationship.id, terms.grant));
  EXPECT_TRUE((*relationships.terms_of(relationship.id))[0].withdrawn);
  // A deposit that read before the withdrawal and writes after it does not undo it.
  ASSERT_TRUE(relationships.put_terms(terms));
  EXPECT_TRUE((*relationships.terms(terms.grant))->withdrawn);
  EXPECT_EQ((*relationships.terms(terms.grant))->consent, terms.consent);
  if (GetParam() == Where::disk) {
    reopen();
    EXPECT_TRUE((*Relationships(*vault).terms(terms.grant))->withdrawn);
  }
}

TEST_P(RelationshipsTest, WhatWasNeverDepositedCanBeWithdrawnAndIsNobodyElsesThen) {
  Relationships relationships(*vault);
  const RelationshipId mine = entropy.take_id<RelationshipId>();
  const RelationshipId other = entropy.take_id<RelationshipId>();
  const ConsentTerms terms{entropy.take_id<Digest>(), mine, "{}", entropy.take(32), false};
  ASSERT_TRUE(relationships.withdraw(mine, terms.grant));
  ASSERT_TRUE(relationships.put_terms(terms));
  EXPECT_TRUE((*relationships.terms(terms.grant))->withdrawn);
  EXPECT_EQ(relationships.withdraw(other, terms.grant).error().kind, ErrorKind::conflict);
  ConsentTerms theirs = terms;
  theirs.relationship = other;
  EXPECT_EQ(relationships.put_terms(theirs).error().kind, ErrorKind::conflict);
}

TEST_P(RelationshipsTest, AWithdrawalIsNeverLostToADepositAtTheSameTime) {
  Relationships relationships(*vault);
  const RelationshipId relationship = entropy.take_id<RelationshipId>();
  for (int round = 0; round < 200; ++round) {
    const ConsentTerms terms{entropy.take_id<Digest>(), relationship, "{}", Bytes(32, 's'), false};
    std::thread deposit([&] { EXPECT_TRUE(relationships.put_terms(terms)); });
    std::thread again([&] { EXPECT_TRUE(relationships.put_terms(terms)); });
    EXPECT_TRUE(relationships.withdraw(relationship, terms.grant));
    deposit.join();
    again.join();
    ASSERT_TRUE((*relationships.terms(terms.grant))->withdrawn) << round;
  }
}

TEST_P(RelationshipsTest, AKeyInTrustLiesBesideItsRelationshipAndGoesWithIt) {
  Relationships relationships(*vault);
  const TrustKey trust{crypto::SigningKey::generate(entropy), entropy.take_id<Digest>()};
  const Relationship one{entropy.take_id<RelationshipId>(), {}, "p1", true, RelationshipState::proposed};
  ASSERT_TRUE(relationships.put_in_trust(one, trust));
  const auto found = relationships.trust_key(one.id);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->key.public_key(), trust.key.public_key());
  EXPECT_EQ((*found)->nonce, trust.nonce);
  EXPECT_FALSE(keys->holds(Purpose::trust, one.id.hex())) << "no slot of the keystore for each patient";
  ASSERT_TRUE(relationships.take_back(one.id));
  EXPECT_EQ(*relationships.find(one.id), std::nullopt);
  EXPECT_FALSE(relationships.trust_key(one.id)->has_value());
  EXPECT_TRUE(relationships.of_patient("p1")->empty());
  Relationship active = one;
  active.state = RelationshipState::active;
  ASSERT_TRUE(relationships.put_in_trust(active, trust));
  ASSERT_TRUE(relationships.take_back(one.id));
  EXPECT_TRUE(relationships.trust_key(one.id)->has_value()) << "only what was never more than proposed";
}

}  // namespace
}  // namespace careledger::vault
