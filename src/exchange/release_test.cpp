#include "exchange/release.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "exchange/envelope.h"

namespace careledger::exchange {
namespace {

namespace json = codec::json;

Terms laboratory_without_notes() {
  Terms terms;
  terms.categories = {"laboratory"};
  terms.withheld = {"Observation.note"};
  return terms;
}

TEST(Release, WithoutAWithheldElementEverythingIsShown) {
  const auto resource = json::parse(R"({"resourceType":"Observation","id":"1","text":{"div":"x"},"contained":[],"status":"final"})");
  ASSERT_TRUE(resource);
  EXPECT_EQ(released_elements(laboratory_without_notes(), resource->root()), (std::set<std::string>{"contained", "id", "status", "text"}));
}

TEST(Release, WhatIsPartialLosesTextAndContainedThatCouldTellTheRest) {
  const auto resource =
      json::parse(R"({"resourceType":"Observation","id":"1","text":{"div":"x"},"contained":[],"note":[{"text":"secret"}]})");
  ASSERT_TRUE(resource);
  EXPECT_EQ(released_elements(laboratory_without_notes(), resource->root()), std::set<std::string>{"id"});
}

TEST(Release, AWithheldElementOfAContainedResourceTakesContainedAndTextWithIt) {
  Terms terms = laboratory_without_notes();
  terms.withheld = {"Patient.address"};
  const std::string_view with = R"({"resourceType":"Observation","id":"1","text":{"div":"x"},"status":"final",)"
                                R"("contained":[{"resourceType":"Patient","address":[{"city":"Bern"}]}]})";
  EXPECT_EQ(released_elements(terms, json::parse(with)->root()), (std::set<std::string>{"id", "status"}));
  const std::string_view deeper = R"({"resourceType":"Observation","id":"1",)"
                                  R"("contained":[{"resourceType":"Group","contained":[{"resourceType":"Patient","_address":{}}]}]})";
  EXPECT_EQ(released_elements(terms, json::parse(deeper)->root()), (std::set<std::string>{"id"}));
  const std::string_view without = R"({"resourceType":"Observation","id":"1","contained":[{"resourceType":"Patient","id":"p"}]})";
  EXPECT_EQ(released_elements(terms, json::parse(without)->root()), (std::set<std::string>{"contained", "id"}));
}

TEST(Release, AnExtensionOfAWithheldPrimitiveStaysBehindWithIt) {
  Terms terms;
  terms.withheld = {"*.birthDate"};
  const auto resource = json::parse(R"({"resourceType":"Patient","id":"1","birthDate":"2000-01-01","_birthDate":{"id":"x"}})");
  ASSERT_TRUE(resource);
  EXPECT_EQ(released_elements(terms, resource->root()), std::set<std::string>{"id"});
}

TEST(Release, APartialResourceIsLabelledRedactedBesideItsOwnLabels) {
  proof::Report report;
  report.type = "Observation";
  report.shown = {{"meta", R"({"security":[{"system":"s","code":"N"}]})", {}}, {"status", R"("final")", R"({"id":"e"})"}};
  const auto whole = resource_of(report, false);
  ASSERT_TRUE(whole);
  EXPECT_EQ(json::compact(whole->root()),
            R"({"resourceType":"Observation","meta":{"security":[{"system":"s","code":"N"}]},"status":"final","_status":{"id":"e"}})");
  const auto partial = resource_of(report, true);
  ASSERT_TRUE(partial);
  const auto labels = partial->root().find("meta")->items_at("security");
  ASSERT_EQ(labels.size(), 2u);
  EXPECT_EQ(labels[0].string_at("code"), "N");
  EXPECT_EQ(labels[1].string_at("code"), "REDACTED");
}

std::set<std::string> names_of(const std::set<std::string>& categories) {
  std::set<std::string> names;
  for (const auto type : types_of(categories)) names.emplace(type.name());
  return names;
}

TEST(Release, EachTypeOfACategoryIsLookedForAndNothingElse) {
  EXPECT_EQ(names_of({"laboratory"}), (std::set<std::string>{"DiagnosticReport", "Observation", "Specimen"}));
  EXPECT_EQ(names_of({"immunizations"}), (std::set<std::string>{"Immunization", "ImmunizationEvaluation", "ImmunizationRecommendation"}));
  EXPECT_EQ(names_of({"demographics"}), (std::set<std::string>{"Coverage", "Patient", "RelatedPerson"}));
  EXPECT_TRUE(names_of({"no-such-category"}).empty());
}

// Whatever type a record has: under the categories that it is of it is looked for, and there is a way from the patient to it, or it is
// one of the few that docs/not-done.md names.
TEST(Release, NothingThatCanBeGrantedIsNeverLookedFor) {
  std::set<std::string> without_a_way;
  for (std::uint16_t i = 0; i < codec::fhir::resource_type_count(); ++i) {
    const auto type = codec::fhir::resource_type(i);
    const auto resource = json::parse(R"({"resourceType":")" + std::string(type.name()) + "\"}");
    const auto types = types_of(categories_of(resource->root()));
    EXPECT_NE(std::ranges::find(types, type), types.end()) << type.name();
    const bool granted_by_name = categories_of(resource->root()) != std::set<std::string>{"other"};
    if (granted_by_name && !query_of(type, "1")) without_a_way.emplace(type.name());
  }
  EXPECT_EQ(without_a_way, (std::set<std::string>{"Binary", "Medication"}));
}

class Envelope : public ::testing::Test {
 protected:
  SeededEntropy entropy{7};
  crypto::OpeningKey key = crypto::OpeningKey::generate(entropy);
  crypto::OpeningKey other = crypto::OpeningKey::generate(entropy);
  LedgerId ledger = entropy.take_id<LedgerId>();
  OrganisationId north = entropy.take_id<OrganisationId>();
  OrganisationId south = entropy.take_id<OrganisationId>();
};

TEST_F(Envelope, OnlyTheCustodianItIsForOpensARequest) {
  const auto sealed = seal_request(key.public_key(), ledger, north, "request", entropy);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(*open_request(key, ledger, north, *sealed), "request");
  EXPECT_FALSE(open_request(other, ledger, north, *sealed));
  EXPECT_FALSE(open_request(key, ledger, south, *sealed));
  EXPECT_FALSE(open_request(key, entropy.take_id<LedgerId>(), north, *sealed));
}

TEST_F(Envelope, AnAnswerOpensOnlyForItsRequestAndIsNoRequest) {
  const Digest request = entropy.take_id<Digest>();
  const auto sealed = seal_answer(key.public_key(), request, "answer", entropy);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(*open_answer(key, request, *sealed), "answer");
  EXPECT_FALSE(open_answer(key, entropy.take_id<Digest>(), *sealed));
  EXPECT_FALSE(open_answer(other, request, *sealed));
  EXPECT_FALSE(open_request(key, ledger, north, *sealed));
}

TEST_F(Envelope, AFlippedBitOrACutEndIsRefused) {
  const auto sealed = seal_request(key.public_key(), ledger, north, "request", entropy);
  ASSERT_TRUE(sealed);
  for (std::size_t i = 0; i < sealed->size(); ++i) {
    Bytes flipped = *sealed;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_FALSE(open_request(key, ledger, north, flipped)) << i;
    EXPECT_FALSE(open_request(key, ledger, north, sealed->substr(0, i))) << i;
  }
  EXPECT_EQ(open_request(key, ledger, north, Bytes(kRequestBytesMax + 100, 'x')).error().kind, ErrorKind::too_large);
}

}  // namespace
}  // namespace careledger::exchange
