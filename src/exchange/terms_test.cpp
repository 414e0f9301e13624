#include "exchange/terms.h"

#include <gtest/gtest.h>

namespace careledger::exchange {
namespace {

namespace json = codec::json;

Terms sample() {
  Terms terms;
  terms.patient = *AccountId::from(Bytes(32, 'p'));
  terms.custodian = *OrganisationId::from(Bytes(32, 'n'));
  terms.organisations = {*OrganisationId::from(Bytes(32, 's'))};
  terms.roles = {"clinician"};
  terms.purposes = {"TREAT"};
  terms.categories = {"laboratory"};
  terms.withheld = {"Observation.note", "*.performer"};
  terms.from = {1'795'000'000'000};
  terms.until = {1'797'000'000'000};
  return terms;
}

json::Document parsed(std::string_view text) { return *json::parse(text); }

TEST(Terms, ReadBackAsTheyWereWritten) {
  const Terms terms = sample();
  const json::Document consent = make_consent(terms);
  const auto read = parse_terms(consent.root());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->patient, terms.patient);
  EXPECT_EQ(read->custodian, terms.custodian);
  EXPECT_EQ(read->organisations, terms.organisations);
  EXPECT_EQ(read->roles, terms.roles);
  EXPECT_EQ(read->purposes, terms.purposes);
  EXPECT_EQ(read->categories, terms.categories);
  EXPECT_EQ(read->withheld, terms.withheld);
  EXPECT_EQ(read->from, terms.from);
  EXPECT_EQ(read->until, terms.until);
}

TEST(Terms, AnElementOutsideTheProfileIsRefusedBecauseItWouldBeIgnored) {
  json::Document consent = make_consent(sample());
  consent.set(*consent.root().find("provision"), "dataPeriod", consent.object());
  const auto read = parse_terms(consent.root());
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("Consent.provision.dataPeriod"), std::string::npos);
}

TEST(Terms, TheCommitmentHangsOnSaltAndEveryElement) {
  const json::Document one = make_consent(sample());
  Terms changed = sample();
  changed.until.value += 1;
  const json::Document two = make_consent(changed);
  EXPECT_NE(commitment_to(one.root(), Bytes(32, 'a')), commitment_to(one.root(), Bytes(32, 'b')));
  EXPECT_NE(commitment_to(one.root(), Bytes(32, 'a')), commitment_to(two.root(), Bytes(32, 'a')));
}

TEST(Terms, OnlyTheGrantedCategoryIsReleased) {
  const Terms terms = sample();
  EXPECT_TRUE(releases(terms, parsed(R"({"resourceType":"Observation","category":[{"coding":[{"code":"laboratory"}]}]})").root()));
  EXPECT_FALSE(releases(terms, parsed(R"({"resourceType":"Observation","category":[{"coding":[{"code":"vital-signs"}]}]})").root()));
  EXPECT_FALSE(releases(terms, parsed(R"({"resourceType":"Condition"})").root()));
}

TEST(Terms, ASensitiveLabelKeepsAResourceInUntilItIsNamed) {
  Terms terms = sample();
  const json::Document resource = parsed(
      R"({"resourceType":"Observation","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},)"
      R"("category":[{"coding":[{"code":"laboratory"}]}]})");
  EXPECT_FALSE(releases(terms, resource.root()));
  terms.labels.insert({"http://terminology.hl7.org/CodeSystem/v3-ActCode", "HIV"});
  EXPECT_TRUE(releases(terms, resource.root()));
}

TEST(Terms, ElementsAreWithheldByTypeOrEverywhere) {
  const Terms terms = sample();
  EXPECT_TRUE(withholds(terms, "Observation", "note"));
  EXPECT_FALSE(withholds(terms, "DiagnosticReport", "note"));
  EXPECT_TRUE(withholds(terms, "DiagnosticReport", "performer"));
}

}  // namespace
}  // namespace careledger::exchange
