#include "codec/fhir/record.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>
#include <map>

#include "crypto/hash.h"

namespace careledger::codec::fhir {
namespace {

const Bytes kSeed(32, '\x07');

std::vector<RecordLeaf> leaves_of(std::string_view text) { return record_leaves(json::parse(text)->root(), kSeed); }

// The same leaf computed by hand from the format.
RecordLeaf leaf(std::string_view name, std::string_view value, std::string_view sibling = {}) {
  const Digest salt = crypto::hmac_sha256(kSeed, name);
  Bytes data;
  for (const std::string_view field : {salt.view(), name, value, sibling}) {
    data += u32_bytes(static_cast<std::uint32_t>(field.size()));
    data += field;
  }
  return {std::string(name), data};
}

void expect_leaves(std::string_view text, const std::vector<RecordLeaf>& expected) {
  const auto leaves = leaves_of(text);
  ASSERT_EQ(leaves.size(), expected.size()) << text;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    EXPECT_EQ(leaves[i].name, expected[i].name);
    EXPECT_EQ(to_hex(leaves[i].data), to_hex(expected[i].data)) << leaves[i].name;
  }
}

TEST(FhirRecord, OneLeafAnElementSortedWithSiblingsTogether) {
  expect_leaves(R"({"resourceType":"Patient","name":[{"given":["A"],"family":"B"}],"_birthDate":{"id":"x"},)"
                R"("id":"1","birthDate":"1970","_active":{"id":"y"}})",
                {leaf("active", "", R"({"id":"y"})"), leaf("birthDate", R"("1970")", R"({"id":"x"})"), leaf("id", R"("1")"),
                 leaf("name", R"([{"family":"B","given":["A"]}])")});
}

TEST(FhirRecord, NumbersAndStringsAreVerbatim) {
  expect_leaves(R"({"resourceType":"Observation","valueQuantity":{"value":1.10,"unit":"\u00b5g\n"}})",
                {leaf("valueQuantity", "{\"unit\":\"µg\\n\",\"value\":1.10}")});
}

TEST(FhirRecord, WhatServersSetStaysOutside) {
  expect_leaves(
      R"({"resourceType":"Patient","meta":{"versionId":"3","lastUpdated":"2020-01-01T00:00:00Z","_lastUpdated":{"id":"x"}},"id":"1"})",
      {leaf("id", R"("1")")});
  expect_leaves(R"({"resourceType":"Patient","meta":{"versionId":"3","profile":["p"]}})", {leaf("meta", R"({"profile":["p"]})")});
  const std::string label = R"({"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"REDACTED"})";
  expect_leaves(R"({"resourceType":"Patient","meta":{"security":[)" + label + "]}}", {});
  expect_leaves(R"({"resourceType":"Patient","meta":{"security":[{"code":"R","system":"s"},)" + label + "]}}",
                {leaf("meta", R"({"security":[{"code":"R","system":"s"}]})")});
  expect_leaves(R"({"resourceType":"Patient","meta":{"security":[{"code":"REDACTED","system":"other"}]}})",
                {leaf("meta", R"({"security":[{"code":"REDACTED","system":"other"}]})")});
  EXPECT_TRUE(is_redacted(json::parse(R"({"meta":{"security":[)" + label + "]}}")->root()));
  EXPECT_FALSE(is_redacted(json::parse(R"({"meta":{"security":[{"code":"REDACTED"}]}})")->root()));
  EXPECT_FALSE(is_redacted(json::parse(R"({"id":"x"})")->root()));
}

// Who holds some salts only makes the same leaves of what was shown.
TEST(FhirRecord, APartMakesTheSameLeaves) {
  const auto whole = leaves_of(R"({"resourceType":"Patient","id":"1","gender":"male","birthDate":"1970"})");
  const std::map<std::string, Digest, std::less<>> salts = {{"gender", record_salt(kSeed, "gender")}};
  const auto salt_of = [](const void* context, std::string_view name) {
    return static_cast<const std::map<std::string, Digest, std::less<>>*>(context)->find(name)->second;
  };
  const auto part = record_leaves(json::parse(R"({"resourceType":"Patient","gender":"male"})")->root(), salt_of, &salts);
  ASSERT_EQ(part.size(), 1u);
  EXPECT_EQ(part[0].data, whole[1].data);
}

TEST(FhirRecord, ForeignOrderAndWhiteSpaceChangeNothing) {
  const auto one = leaves_of(R"({"resourceType":"Patient","name":[{"family":"B","given":["A"]}],"id":"1"})");
  const auto two = leaves_of("{ \"id\" : \"1\",\"name\":[ {\"given\":[\"\\u0041\"],\n\"family\":\"B\"}],\"resourceType\":\"Patient\"}");
  ASSERT_EQ(one.size(), two.size());
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].data, two[i].data);
}

RC_GTEST_PROP(FhirRecordProperty, AnotherSeedOrValueChangesEveryLeaf, ()) {
  const auto value = *rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127));
  json::Document document;
  document.root() = document.object();
  document.set(document.root(), "id", document.string(value));
  const auto one = record_leaves(document.root(), kSeed);
  const auto two = record_leaves(document.root(), Bytes(32, '\x08'));
  document.set(document.root(), "id", document.string(value + "x"));
  const auto three = record_leaves(document.root(), kSeed);
  RC_ASSERT(one[0].data != two[0].data);
  RC_ASSERT(one[0].data != three[0].data);
}

}  // namespace
}  // namespace careledger::codec::fhir
