// Third-party resources: read, written, checked, indexed and cut into leaves without loss.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "codec/fhir/check.h"
#include "codec/fhir/index.h"
#include "codec/fhir/record.h"
#include "codec/fhir/reference.h"
#include "codec/fhir/samples.h"

namespace careledger::codec::fhir {
namespace {

// Text with the white space between tokens taken out, found without the parser under test.
Bytes squeezed(const Bytes& text) {
  Bytes out;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      out += c;
      out += text[++i];
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string || (c != ' ' && c != '\n' && c != '\r' && c != '\t')) out += c;
  }
  return out;
}

// Escapes that need not be (as \u00e9 or \/) are written plainly: such a text can only be compared through the parser.
bool has_needless_escape(const Bytes& text) {
  for (std::size_t at = text.find('\\'); at != Bytes::npos; at = text.find('\\', at + 2)) {
    if (text[at + 1] == '/' || text[at + 1] == 'u') return true;
  }
  return false;
}

void expect_round_trip(const std::string& name, const Bytes& text) {
  const auto document = json::parse(text);
  ASSERT_TRUE(document) << name << ": " << document.error().message;
  const Bytes written = json::compact(document->root());
  if (!has_needless_escape(text)) {
    EXPECT_TRUE(written == squeezed(text)) << name;
  }
  const auto again = json::parse(written);
  ASSERT_TRUE(again) << name;
  EXPECT_TRUE(json::compact(again->root()) == written) << name;
  EXPECT_TRUE(json::canonical(again->root()) == json::canonical(document->root())) << name;
}

std::string first_finding(const std::vector<Finding>& findings) {
  return findings.empty() ? "" : findings[0].location + ": " + findings[0].text;
}

TEST(FhirExamples, EveryOneComesOutAsItWentIn) {
  for (const auto& [name, text] : samples::examples()) expect_round_trip(name, text);
}

// HL7's own examples break their own rules five times.
const std::map<std::string, std::string> kWrongExamples = {
    {"Questionnaire-qs1", "Questionnaire.item[0].item[0]: the element linkId is required"},
    {"Observation-clinical-gender", "Observation.performer[0].reference: this element may not refer to a resource of type Encounter"},
    {"DeviceUseStatement-example",
     "DeviceUseStatement.reasonReference[0].reference: this element may not refer to a resource of type Procedure"},
    {"MedicationRequest-medrx0301",
     "MedicationRequest.dispenseRequest.performer.reference: this element may not refer to a resource of type Practitioner"},
    {"DeviceMetric-example", "DeviceMetric.parent.reference: this element may not refer to a resource of type DeviceDefinition"},
};

TEST(FhirExamples, TheCheckFindsNothingWrongButWhereTheyAre) {
  std::set<std::string> wrong;
  std::set<std::string> types;
  for (const auto& [name, text] : samples::examples()) {
    const auto document = json::parse(text);
    ASSERT_TRUE(document) << name;
    types.insert(std::string(document->root().string_at("resourceType")));
    const auto findings = check(document->root());
    const auto known = kWrongExamples.find(name);
    EXPECT_EQ(first_finding(findings), known == kWrongExamples.end() ? "" : known->second) << name;
    if (!findings.empty()) wrong.insert(name);
  }
  EXPECT_EQ(wrong.size(), kWrongExamples.size());
  EXPECT_EQ(types.size(), 117u);
}

void expect_good_bundle(const std::string& name, const Bytes& text, std::size_t& resources) {
  auto document = json::parse(text);
  ASSERT_TRUE(document) << name;
  EXPECT_EQ(first_finding(check(document->root())), "") << name;
  EXPECT_TRUE(json::compact(document->root()).size() <= text.size()) << name;
  for (const json::Value& entry : document->root().items_at("entry")) {
    const json::Value* resource = entry.find("resource");
    ASSERT_NE(resource, nullptr) << name;
    ++resources;
    if (resource->string_at("resourceType") != "Patient") continue;
    const auto values = index_values(*resource);
    const auto has = [&](std::string_view code) {
      return std::any_of(values.begin(), values.end(), [&](const IndexValue& value) { return value.parameter.code() == code; });
    };
    EXPECT_TRUE(has("identifier") && has("birthdate") && has("family") && has("gender") && has("deceased")) << name;
  }
}

TEST(FhirExamples, EverySyntheaBundleIsGood) {
  std::size_t resources = 0;
  for (const auto& path : samples::bundles()) expect_good_bundle(path.filename(), samples::read_gzip(path), resources);
  std::printf("%zu resources in them\n", resources);
  EXPECT_GT(resources, 100u);
}

TEST(FhirExamples, LeavesAndIndexTakeEveryOne) {
  const Bytes seed(32, 's');
  std::set<std::string_view> parameters;
  for (const auto& [name, text] : samples::examples()) {
    const auto document = json::parse(text);
    ASSERT_TRUE(document) << name;
    const auto leaves = record_leaves(document->root(), seed);
    EXPECT_TRUE(std::is_sorted(leaves.begin(), leaves.end(), [](const auto& a, const auto& b) { return a.name < b.name; })) << name;
    EXPECT_FALSE(leaves.empty()) << name;
    for (const IndexValue& value : index_values(document->root())) {
      parameters.insert(value.parameter.code());
      EXPECT_TRUE(value.interval.low <= value.interval.high) << name << ' ' << value.parameter.code();
      EXPECT_TRUE(value.low <= value.high) << name << ' ' << value.parameter.code();
    }
  }
  EXPECT_GT(parameters.size(), 250u);
}

}  // namespace
}  // namespace careledger::codec::fhir
