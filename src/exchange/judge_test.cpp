#include <gtest/gtest.h>

#include "contracts/test_ledger.h"
#include "exchange/refusal.h"

namespace careledger::exchange {
namespace {

namespace build = contracts::build;
namespace json = codec::json;
namespace registry = contracts::registry;

// Nothing stands against the request at first; each test changes one thing.
class Judge : public ::testing::Test {
 protected:
  Judge() {
    const Digest nonce = kernel::test_id<Digest>(90);
    const std::uint32_t until = contracts::day_of(ledger.time()) + 30;
    EXPECT_TRUE(ledger.run(south, build::accredit(nonce, registry::HolderKind::practitioner, registry::Role::nurse, until)).ok());
    practitioner = registry::holder_id(south, nonce.view());
    EXPECT_TRUE(ledger.run(patient, build::accept(relationship)).ok());
    terms.patient = patient;
    terms.custodian = north;
    terms.organisations = {south};
    terms.purposes = {"TREAT"};
    terms.categories = {"laboratory", "conditions"};
    terms.from = {ledger.time().value - 1000};
    terms.until = {ledger.time().value + 10 * contracts::kDayMs};
  }

  // The grant of `terms` under the next number, and the request that shows it.
  ReleaseRequest granted(std::uint32_t expires_day = 0) {
    const json::Document consent = make_consent(terms);
    const Bytes salt(32, 's');
    ++number;
    EXPECT_TRUE(ledger.run(patient, build::grant(relationship, number, commitment_to(consent.root(), salt), expires_day)).ok());
    ReleaseRequest request;
    request.set_requester(south.bytes());
    request.set_custodian(north.bytes());
    request.set_practitioner(practitioner.bytes());
    request.set_purpose("TREAT");
    request.add_categories("laboratory");
    request.mutable_opening()->set_consent(json::canonical(consent.root()));
    request.mutable_opening()->set_salt(salt);
    request.mutable_opening()->set_relationship(relationship.bytes());
    request.mutable_opening()->set_number(number);
    return request;
  }
  Moment now() const { return {ledger.time(), ledger.time()}; }
  Judged judged(const ReleaseRequest& request) const { return judge_opening(ledger.state(), request, false, now()); }
  std::optional<Refusal> requester_judged() const { return judge_requester(ledger.state(), south, practitioner, now()); }

  contracts::TestLedger ledger;
  OrganisationId north = ledger.admit(1);
  OrganisationId south = ledger.admit(2);
  AccountId patient = ledger.propose(north, 3);
  RelationshipId relationship = contracts::relationship::relationship_id(north, patient);
  Digest practitioner;
  Terms terms;
  std::uint32_t number = 0;
};

TEST_F(Judge, NothingStandsAgainstAGrantedRequest) {
  EXPECT_EQ(requester_judged(), std::nullopt);
  const Judged result = judged(granted());
  EXPECT_EQ(result.refusal, std::nullopt);
  EXPECT_EQ(result.categories, std::set<std::string>{"laboratory"});
}

TEST_F(Judge, WithoutCategoriesAllThatAreGrantedAreMeant) {
  ReleaseRequest request = granted();
  request.clear_categories();
  EXPECT_EQ(judged(request).categories, (std::set<std::string>{"conditions", "laboratory"}));
}

TEST_F(Judge, AnUnknownOrSuspendedOrganisationReceivesNothing) {
  EXPECT_EQ(judge_requester(ledger.state(), kernel::test_id<OrganisationId>(77), practitioner, now()), Refusal::organisation_unknown);
  ASSERT_TRUE(ledger.run(ledger.founder(), build::suspend(south)).ok());
  EXPECT_EQ(requester_judged(), Refusal::organisation_unknown);
}

TEST_F(Judge, ThePractitionersLicenceMustHoldByBothClocks) {
  EXPECT_EQ(judge_requester(ledger.state(), south, kernel::test_id<Digest>(5), now()), Refusal::licence_not_in_force);
  EXPECT_EQ(judge_requester(ledger.state(), north, practitioner, now()), Refusal::licence_not_in_force);
  const BlockTime later{ledger.time().value + 40 * contracts::kDayMs};
  EXPECT_EQ(judge_requester(ledger.state(), south, practitioner, {later, ledger.time()}), Refusal::licence_not_in_force);
  EXPECT_EQ(judge_requester(ledger.state(), south, practitioner, {ledger.time(), later}), Refusal::licence_not_in_force);
  ASSERT_TRUE(ledger.run(south, build::revoke_accreditation(practitioner)).ok());
  EXPECT_EQ(requester_judged(), Refusal::licence_not_in_force);
}

TEST_F(Judge, WithoutAnOpeningThereIsNoConsent) {
  ReleaseRequest request = granted();
  request.clear_opening();
  EXPECT_EQ(judged(request).refusal, Refusal::no_consent);
}

TEST_F(Judge, AnOpeningThatTheLedgerDoesNotHoldIsUnknown) {
  const ReleaseRequest good = granted();
  ReleaseRequest request = good;
  request.mutable_opening()->set_salt(Bytes(32, 'x'));
  EXPECT_EQ(judged(request).refusal, Refusal::consent_unknown);
  request = good;
  request.mutable_opening()->set_number(2);
  EXPECT_EQ(judged(request).refusal, Refusal::consent_unknown);
  request = good;
  request.mutable_opening()->set_consent("{");
  EXPECT_EQ(judged(request).refusal, Refusal::consent_unknown);
  request = good;
  request.set_custodian(south.bytes());
  EXPECT_EQ(judged(request).refusal, Refusal::consent_unknown);
  request = good;
  terms.categories.insert("medications");  // wider than what was granted
  request.mutable_opening()->set_consent(json::canonical(make_consent(terms).root()));
  EXPECT_EQ(judged(request).refusal, Refusal::consent_unknown);
}

TEST_F(Judge, AnEndedRelationshipSharesNothing) {
  const ReleaseRequest request = granted();
  ASSERT_TRUE(ledger.run(patient, build::end(relationship)).ok());
  EXPECT_EQ(judged(request).refusal, Refusal::relationship_not_active);
}

TEST_F(Judge, ARevokedGrantHoldsNoLonger) {
  const ReleaseRequest request = granted();
  EXPECT_EQ(judge_opening(ledger.state(), request, true, now()).refusal, Refusal::consent_revoked);
  ASSERT_TRUE(ledger.run(patient, build::revoke(relationship, 1)).ok());
  EXPECT_EQ(judged(request).refusal, Refusal::consent_revoked);
}

TEST_F(Judge, OutsideItsPeriodByEitherClockItIsNotInForce) {
  const ReleaseRequest request = granted();
  const BlockTime late = terms.until, early{terms.from.value - 1};
  for (const BlockTime wrong : {late, early}) {
    EXPECT_EQ(judge_opening(ledger.state(), request, false, {wrong, ledger.time()}).refusal, Refusal::consent_not_in_force);
    EXPECT_EQ(judge_opening(ledger.state(), request, false, {ledger.time(), wrong}).refusal, Refusal::consent_not_in_force);
  }
  const ReleaseRequest until_tomorrow = granted(contracts::day_of(ledger.time()) + 1);
  ledger.pass_days(2);
  EXPECT_EQ(judged(until_tomorrow).refusal, Refusal::consent_not_in_force);
  EXPECT_EQ(judged(request).refusal, std::nullopt);
}

TEST_F(Judge, OnlyTheGranteeThePractitionerAndTheRoleThatAreNamed) {
  terms.organisations = {north};
  EXPECT_EQ(judged(granted()).refusal, Refusal::not_the_grantee);
  terms.organisations = {south};
  terms.practitioners = {kernel::test_id<Digest>(66)};
  EXPECT_EQ(judged(granted()).refusal, Refusal::not_the_grantee);
  terms.practitioners = {practitioner};
  EXPECT_EQ(judged(granted()).refusal, std::nullopt);
  terms.roles = {"physician"};
  EXPECT_EQ(judged(granted()).refusal, Refusal::not_the_grantee);
  terms.roles = {"nurse"};
  EXPECT_EQ(judged(granted()).refusal, std::nullopt);
}

TEST_F(Judge, OnlyForThePurposeThatIsNamed) {
  ReleaseRequest request = granted();
  request.set_purpose("HRESCH");
  EXPECT_EQ(judged(request).refusal, Refusal::purpose_not_granted);
}

TEST_F(Judge, OnlyCategoriesThatAreNamed) {
  ReleaseRequest request = granted();
  request.set_categories(0, "medications");
  EXPECT_EQ(judged(request).refusal, Refusal::category_not_granted);
}

TEST(RefusalNames, EveryNumberHasOneNameAndNoOtherNumberIsARefusal) {
  std::set<std::string_view> names;
  std::uint32_t count = 0;
  for (std::uint32_t number = 0; number < 100; ++number)
    if (const auto refusal = refusal_of(number)) {
      names.insert(name_of(*refusal));
      ++count;
    }
  EXPECT_EQ(count, 11u);
  EXPECT_EQ(names.size(), count);
}

}  // namespace
}  // namespace careledger::exchange
