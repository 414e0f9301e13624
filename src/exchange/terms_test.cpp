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

// What a wallet or another program might write into one place of the provision.
std::string refusal_of(std::string_view key, std::string_view value) {
  json::Document consent = make_consent(sample());
  const json::Document changed = parsed(value);
  consent.set(*consent.root().find("provision"), key, consent.copy(changed.root()));
  const auto read = parse_terms(consent.root());
  return read ? "accepted" : read.error().message;
}

std::string withheld(std::string_view element, std::string_view more = "") {
  return R"([{"url":"https://careledger.example/fhir/StructureDefinition/withheld-element","valueString":")" + std::string(element) + "\"" +
         std::string(more) + "}]";
}

TEST(Terms, WhatIsNoListIsRefusedBecauseItWouldReadAsAnEmptyOne) {
  for (const std::string_view key : {"extension", "securityLabel", "purpose", "code", "actor"}) {
    for (const std::string_view value : {"{}", "\"x\"", "[]", "[\"x\"]", "[{}]", "null"}) {
      const std::string refusal = refusal_of(key, value);
      EXPECT_TRUE(refusal.starts_with("Consent.provision." + std::string(key))) << key << ' ' << value << ": " << refusal;
    }
  }
  const std::string one = withheld("Observation.note");
  EXPECT_NE(refusal_of("extension", std::string_view(one).substr(1, one.size() - 2)), "accepted");
}

TEST(Terms, AWithheldElementIsOneOfR4WrittenAsItIsUnderstood) {
  for (const std::string_view element :
       {"Observation.note", "*.note", "Patient.birthDate", "Observation.valueQuantity", "Observation.value", "Observation.value[x]",
        "*.value", "*.value[x]", "Patient.contained", "*.text"})
    EXPECT_EQ(refusal_of("extension", withheld(element)), "accepted") << element;
  for (const std::string_view element :
       {"observation.note", "Observation.Note", "Observation.notes", "Observation", "Observation.", ".note", "*.", "**.note", "",
        "Observation.note[x]", "Observation.valueQuantity[x]", "Observation.value[y]", "Observation.component.value", "Observation._note",
        " Observation.note", "Resource.note", "*.nothing", "Observation.resourceType"})
    EXPECT_TRUE(refusal_of("extension", withheld(element)).starts_with("Consent.provision.extension.valueString")) << element;
  EXPECT_NE(refusal_of("extension", withheld("Observation.note", R"(,"valueBoolean":false)")), "accepted");
  EXPECT_NE(refusal_of("extension", withheld("Observation.note", R"(,"extension":[{"url":"x"}])")), "accepted");
}

TEST(Terms, ACodeThatIsNarrowedByMoreThanTheProfileIsRefused) {
  EXPECT_NE(refusal_of("purpose", R"([{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason"}])"), "accepted");
  EXPECT_NE(refusal_of("purpose", R"([{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT","version":"2"}])"),
            "accepted");
  EXPECT_NE(refusal_of("period", R"({"start":"2026-11-18T00:00:00Z","end":"2026-12-18T00:00:00Z","extension":[{"url":"x"}]})"), "accepted");
  EXPECT_EQ(refusal_of("period", R"({"start":"2026-11-18T00:00:00Z","end":"2026-12-18T00:00:00Z"})"), "accepted");
}

TEST(Terms, ScopeCategoryAndPolicyAreThoseOfTheProfile) {
  for (const std::string_view key : {"scope", "category", "policyRule"}) {
    json::Document consent = make_consent(sample());
    json::Value other = consent.object();
    consent.set(consent.root(), key, other);
    const auto read = parse_terms(consent.root());
    ASSERT_FALSE(read) << key;
    EXPECT_TRUE(read.error().message.starts_with("Consent." + std::string(key))) << read.error().message;
  }
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

std::string of_categories(std::string_view type, std::initializer_list<std::string_view> codes) {
  std::string list;
  for (const std::string_view code : codes) list += (list.empty() ? "" : ",") + (R"({"coding":[{"code":")" + std::string(code) + R"("}]})");
  return R"({"resourceType":")" + std::string(type) + R"(","category":[)" + list + "]}";
}

TEST(Terms, AResultOfSeveralCategoriesNeedsAllOfThem) {
  Terms terms = sample();
  const std::string both = of_categories("Observation", {"laboratory", "social-history"});
  EXPECT_FALSE(releases(terms, parsed(both).root()));
  EXPECT_FALSE(releases(terms, parsed(of_categories("Observation", {"laboratory", "of-our-own"})).root()));
  terms.categories = {"social-history"};
  EXPECT_FALSE(releases(terms, parsed(both).root()));
  terms.categories = {"laboratory", "social-history"};
  EXPECT_TRUE(releases(terms, parsed(both).root()));
  EXPECT_FALSE(releases(terms, parsed(of_categories("DiagnosticReport", {"LAB", "of-our-own"})).root()));
  terms.categories = {"laboratory", "documents"};
  EXPECT_TRUE(releases(terms, parsed(of_categories("DiagnosticReport", {"LAB", "of-our-own"})).root()));
}

TEST(Terms, CodingsOfOneCategoryAreOtherWordsForIt) {
  EXPECT_TRUE(
      releases(sample(), parsed(R"({"resourceType":"Observation","category":[{"coding":[{"code":"CH"},{"code":"laboratory"}]}]})").root()));
}

TEST(Terms, ALabelThatIsNotKnownToBeHarmlessKeepsAResourceIn) {
  Terms terms = sample();
  const auto labelled = [](std::string_view labels) {
    return parsed(R"({"resourceType":"Observation","category":[{"coding":[{"code":"laboratory"}]}],"meta":{"security":)" +
                  std::string(labels) + "}}");
  };
  constexpr std::string_view kFirst = R"([{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":")";
  for (const std::string_view code : {"U", "L", "M", "N"})
    EXPECT_TRUE(releases(terms, labelled(std::string(kFirst) + std::string(code) + "\"}]").root())) << code;
  EXPECT_TRUE(
      releases(terms, labelled(R"([{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"REDACTED"}])").root()));
  for (const std::string_view code : {"R", "V", "X", "n", ""})
    EXPECT_FALSE(releases(terms, labelled(std::string(kFirst) + std::string(code) + "\"}]").root())) << code;
  for (const std::string_view labels : {R"([{"code":"N"}])", R"([{"code":"R"}])", R"([{"display":"restricted"}])",
                                        R"([{"system":"http://hl7.org/fhir/v3/Confidentiality","code":"R"}])",
                                        R"([{"system":"urn:hospital:labels","code":"vip"}])", R"(["V"])", R"([{}])", R"({})"})
    EXPECT_FALSE(releases(terms, labelled(labels).root())) << labels;
  terms.labels.insert({"urn:hospital:labels", "vip"});
  EXPECT_TRUE(releases(terms, labelled(R"([{"system":"urn:hospital:labels","code":"vip"}])").root()));
}

TEST(Terms, ASensitiveLabelIsNamedByItsCodeOrWithItsSystem) {
  const std::string hl7 = "http://terminology.hl7.org/CodeSystem/";
  for (const auto& [text, label] :
       std::vector<std::pair<std::string, Label>>{{"V", {hl7 + "v3-Confidentiality", "V"}},
                                                  {"HIV", {hl7 + "v3-ActCode", "HIV"}},
                                                  {"urn:hospital:labels|vip", {"urn:hospital:labels", "vip"}}}) {
    const auto named = sensitive_label(text);
    ASSERT_TRUE(named) << named.error().message;
    EXPECT_EQ(*named, label) << text;
  }
  for (const std::string text :
       {"", "|", "|V", "urn:hospital:labels|", "HVI", "hiv", "X", "N", "http://terminology.hl7.org/CodeSystem/v3-ActReason|HTEST"})
    EXPECT_FALSE(sensitive_label(text)) << text;
}

TEST(Terms, LabelsStandInOtherElementsThanMetaToo) {
  Terms terms = sample();
  terms.categories = {"documents"};
  const auto reference = [](std::string_view labels) {
    return parsed(R"({"resourceType":"DocumentReference","securityLabel":)" + std::string(labels) + "}");
  };
  constexpr std::string_view kSystem = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
  const std::string very = R"([{"coding":[{"system":")" + std::string(kSystem) + R"(","code":"V"}]}])";
  const std::string normal = R"([{"coding":[{"system":")" + std::string(kSystem) + R"(","code":"N"}]}])";
  EXPECT_TRUE(releases(terms, reference(normal).root()));
  EXPECT_FALSE(releases(terms, reference(very).root()));
  EXPECT_FALSE(releases(terms, reference(R"([{"text":"restricted"}])").root()));
  EXPECT_TRUE(releases(terms, parsed(R"({"resourceType":"Composition"})").root()));
  EXPECT_TRUE(releases(terms, parsed(R"({"resourceType":"Composition","confidentiality":"N"})").root()));
  for (const std::string_view element :
       {R"("confidentiality":"V")", R"("confidentiality":"other")", R"("confidentiality":7)", R"("_confidentiality":{"id":"x"})"})
    EXPECT_FALSE(releases(terms, parsed(R"({"resourceType":"Composition",)" + std::string(element) + "}").root())) << element;
  EXPECT_FALSE(releases(
      terms,
      parsed(R"({"resourceType":"Composition","contained":[{"resourceType":"DocumentReference","securityLabel":)" + very + "}]}").root()));
  terms.labels.insert({std::string(kSystem), "V"});
  EXPECT_TRUE(releases(terms, reference(very).root()));
  EXPECT_TRUE(releases(terms, parsed(R"({"resourceType":"Composition","confidentiality":"V"})").root()));
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

TEST(Terms, ASensitiveLabelOfAContainedResourceCountsLikeItsOwn) {
  Terms terms = sample();
  const auto observation = [](std::string_view contained) {
    return parsed(R"({"resourceType":"Observation","category":[{"coding":[{"code":"laboratory"}]}],"contained":)" + std::string(contained) +
                  "}");
  };
  constexpr std::string_view kVery = R"({"resourceType":"Basic","meta":{"security":[)"
                                     R"({"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"}]}})";
  EXPECT_TRUE(releases(terms, observation(R"([{"resourceType":"Basic"}])").root()));
  EXPECT_FALSE(releases(terms, observation("[{\"resourceType\":\"Basic\"}," + std::string(kVery) + "]").root()));
  EXPECT_FALSE(releases(terms, observation("[{\"resourceType\":\"Basic\",\"contained\":[" + std::string(kVery) + "]}]").root()));
  EXPECT_FALSE(releases(terms, observation(kVery).root()));  // no list: what it would say does not read
  terms.labels.insert({"http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "V"});
  EXPECT_TRUE(releases(terms, observation("[" + std::string(kVery) + "]").root()));
}

TEST(Terms, AChoiceIsWithheldInEachOfItsForms) {
  Terms terms = sample();
  for (const std::string_view named : {"Observation.value", "Observation.value[x]", "*.value", "*.value[x]"}) {
    terms.withheld = {std::string(named)};
    EXPECT_TRUE(withholds(terms, "Observation", "valueQuantity")) << named;
    EXPECT_TRUE(withholds(terms, "Observation", "valueCodeableConcept")) << named;
    EXPECT_FALSE(withholds(terms, "Observation", "note")) << named;
  }
  terms.withheld = {"Observation.valueQuantity"};
  EXPECT_TRUE(withholds(terms, "Observation", "valueQuantity"));
  EXPECT_FALSE(withholds(terms, "Observation", "valueString"));
}

TEST(Terms, ElementsAreWithheldByTypeOrEverywhere) {
  const Terms terms = sample();
  EXPECT_TRUE(withholds(terms, "Observation", "note"));
  EXPECT_FALSE(withholds(terms, "DiagnosticReport", "note"));
  EXPECT_TRUE(withholds(terms, "DiagnosticReport", "performer"));
}

}  // namespace
}  // namespace careledger::exchange
