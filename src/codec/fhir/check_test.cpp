#include "codec/fhir/check.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "codec/fhir/definitions.h"

namespace careledger::codec::fhir {
namespace {

// What the check says about a text: "type location: text" a line, sorted as found.
std::string said(std::string_view text, const CheckOptions& options = {}) {
  const auto document = json::parse(text);
  if (!document) return "not JSON: " + document.error().message;
  std::string all;
  for (const Finding& finding : check(document->root(), options)) {
    if (!all.empty()) all += '\n';
    all += std::string(name_of(finding.type)) + " " + finding.location + ": " + finding.text;
  }
  return all;
}

std::string patient(std::string_view members) { return R"({"resourceType":"Patient",)" + std::string(members) + "}"; }
std::string observation(std::string_view members) {
  return R"({"resourceType":"Observation","status":"final","code":{"text":"x"},)" + std::string(members) + "}";
}

TEST(FhirCheck, TakesWhatIsRight) {
  EXPECT_EQ(said(R"({"resourceType":"Patient"})"), "");
  EXPECT_EQ(said(patient(R"("id":"a-1.B","gender":"not-a-known-code","birthDate":"1970","multipleBirthInteger":2,"active":false)")), "");
  EXPECT_EQ(
      said(patient(R"("name":[{"family":"Ünicode","given":["A",null,"C"],"_given":[null,{"extension":[{"url":"u","valueCode":"x"}]}]}])")),
      "");
  EXPECT_EQ(said(patient(R"("_birthDate":{"extension":[{"url":"http://x","valueDateTime":"2020-01-01T00:00:00Z"}]})")), "");
  EXPECT_EQ(said(patient(R"("extension":[{"url":"u","extension":[{"url":"v","valueDecimal":1.10}]}])")), "");
  EXPECT_EQ(said(patient(R"("deceasedBoolean":true,"_deceasedBoolean":{"extension":[{"url":"u","valueCode":"x"}]})")), "");
  EXPECT_EQ(said(patient(R"("contained":[{"resourceType":"Organization","id":"o"}],"managingOrganization":{"reference":"#o"})")), "");
  EXPECT_EQ(said(patient(R"("managingOrganization":{"reference":"Organization?identifier=a|b"})")), "");
  EXPECT_EQ(said(patient(R"("managingOrganization":{"reference":"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"})")), "");
  EXPECT_EQ(said(patient(R"("managingOrganization":{"reference":"https://example.org/fhir/Organization/1"})")), "");
  EXPECT_EQ(said(observation(R"("valueQuantity":{"value":59.500})")), "");
  EXPECT_EQ(said(observation(R"("component":[{"code":{"text":"x"},"referenceRange":[{"text":"y"}]}])")), "");  // a content reference
}

struct Mutation {
  const char* text;
  const char* finding;
};

TEST(FhirCheck, NamesWhatIsWrongAndWhere) {
  const Mutation mutations[] = {
      {R"("nmae":[])", "structure Patient.nmae: unknown element; Patient has none of this name"},
      {R"("name":[{"familie":"x"}])", "structure Patient.name[0].familie: unknown element; HumanName has none of this name"},
      {R"("a b\u0000<script>":1)", "structure Patient.?: unknown element; Patient has none of this name"},
      {R"("_name":[{"id":"x"}])", "structure Patient._name: unknown element; Patient has none of this name"},
      {R"("name":{"family":"x"})", "structure Patient.name: expected an array, found an object"},
      {R"("name":["x"])", "structure Patient.name[0]: expected an object, found a string"},
      {R"("name":[null])", "structure Patient.name[0]: expected an object, found null"},
      {R"("name":[])", "structure Patient.name: an array must not be empty"},
      {R"("name":[{"family":"x"},{}])", "structure Patient.name[1]: an object must not be empty"},
      {R"("name":[{"id":"x"}])", "invariant Patient.name[0]: an element must have a value or children beside its id (ele-1)"},
      {R"("name":[{"family":["x"]}])", "structure Patient.name[0].family: expected one value, found an array"},
      {R"("name":[{"family":1}])", "structure Patient.name[0].family: expected a string, found a number (string)"},
      {R"("name":[{"family":null}])", "structure Patient.name[0].family: null stands only in arrays, beside an extension"},
      {R"("name":[{"family":""}])", "value Patient.name[0].family: not a valid string"},
      {R"("name":[{"given":["a",null]}])", "structure Patient.name[0].given[1]: null without an extension beside it"},
      {R"("name":[{"given":["a",null],"_given":[null,null]}])",
       "structure Patient.name[0].given[1]: null without an extension beside it\nstructure Patient.name[0].given[1]: null without a value "
       "beside it"},
      {R"("name":[{"_given":[null]}])", "structure Patient.name[0].given[0]: null without a value beside it"},
      {R"("name":[{"_given":[{"id":"x"}]}])", "invariant Patient.name[0].given[0]: an element must have a value or an extension (ele-1)"},
      {R"("name":[{"given":["a"],"_given":{"id":"x"}}])", "structure Patient.name[0].given: expected an array, found an object"},
      {R"("name":[{"given":["a"],"_given":["x"]}])",
       "structure Patient.name[0].given[0]: expected an object with id or extension, found a string"},
      {R"("birthDate":"1970-01-01","_birthDate":{"value":1})",
       "structure Patient.birthDate.value: unknown element; Element has none of this name"},
      {R"("birthDate":"1970-01-01","_birthDate":{})", "structure Patient.birthDate: an object must not be empty"},
      {R"("active":"true")", "structure Patient.active: expected a boolean, found a string (boolean)"},
      {R"("birthDate":"1970-02-30")", "value Patient.birthDate: not a valid date"},
      {R"("multipleBirthInteger":1.0)", "value Patient.multipleBirth: not a valid integer"},
      {R"("multipleBirthInteger":1,"multipleBirthBoolean":true)", "structure Patient.multipleBirth: only one type of value may be given"},
      {R"("deceasedString":"x")", "structure Patient.deceasedString: unknown element; Patient has none of this name"},
      {R"("id":"a_b")", "value Patient.id: not a valid id"},
      {R"("contact":[{"period":{"start":"2020-13"}}])", "value Patient.contact[0].period.start: not a valid dateTime"},
      {R"("link":[{"type":"seealso"}])", "required Patient.link[0]: the element other is required"},
      {R"("communication":[{"preferred":true}])", "required Patient.communication[0]: the element language is required"},
      {R"("extension":[{"valueString":"x"}])", "required Patient.extension[0]: the element url is required"},
      {R"("extension":[{"url":"u"}])", "extension Patient.extension[0]: an extension has either a value or extensions of its own (ext-1)"},
      {R"("extension":[{"url":"u","valueString":"x","extension":[{"url":"v","valueBoolean":true}]}])",
       "extension Patient.extension[0]: an extension has either a value or extensions of its own (ext-1)"},
      {R"("extension":[{"url":"u","_url":{"id":"1"},"valueString":"x"}])",
       "structure Patient.extension[0]._url: unknown element; Extension has none of this name"},
      {R"("extension":[{"url":"u","valueFoo":"x"}])",
       "structure Patient.extension[0].valueFoo: unknown element; Extension has none of this name\n"
       "extension Patient.extension[0]: an extension has either a value or extensions of its own (ext-1)"},
      {R"("managingOrganization":{"reference":"Patient/1"})",
       "value Patient.managingOrganization.reference: this element may not refer to a resource of type Patient"},
      {R"("managingOrganization":{"reference":"Patient?identifier=1"})",
       "value Patient.managingOrganization.reference: this element may not refer to a resource of type Patient"},
      {R"("managingOrganization":{"reference":"Organisation/1"})",
       "value Patient.managingOrganization.reference: a reference is Type/id, an absolute URL, urn:uuid:… or #id of a contained resource"},
      {R"("managingOrganization":{"reference":"Organization/a b"})",
       "value Patient.managingOrganization.reference: a reference is Type/id, an absolute URL, urn:uuid:… or #id of a contained resource"},
      {R"("managingOrganization":{"reference":"#nobody"})",
       "value Patient.managingOrganization.reference: there is no contained resource with this id"},
      {R"("contained":[{"resourceType":"Organization","id":"o","contained":[{"resourceType":"Patient"}]}])",
       "invariant Patient.contained[0].contained: a contained resource must not contain another (dom-2)"},
      {R"("contained":[{"id":"o"}])", "required Patient.contained[0]: resourceType is missing"},
      {R"("contained":[{"resourceType":"Resource"}])", "structure Patient.contained[0]: resourceType names no resource type of FHIR R4"},
      {R"("photo":[{"data":"abc"}])", "value Patient.photo[0].data: not a valid base64Binary"},
  };
  for (const Mutation& mutation : mutations) EXPECT_EQ(said(patient(mutation.text)), mutation.finding) << mutation.text;
}

TEST(FhirCheck, TheRootMustBeAResource) {
  EXPECT_EQ(said("[]"), "structure Resource: expected a resource, found an array");
  EXPECT_EQ(said("{}"), "required Resource: resourceType is missing");
  EXPECT_EQ(said(R"({"resourceType":"patient"})"), "structure Resource: resourceType names no resource type of FHIR R4");
  EXPECT_EQ(said(R"({"resourceType":7})"), "structure Resource: resourceType names no resource type of FHIR R4");
  EXPECT_EQ(said(R"({"resourceType":"DomainResource"})"), "structure Resource: resourceType names no resource type of FHIR R4");
}

TEST(FhirCheck, FindsEverythingNotOnlyTheFirst) {
  EXPECT_EQ(said(R"({"resourceType":"Observation","statu":"x","valueQuantity":{"value":"1"}})"),
            "structure Observation.statu: unknown element; Observation has none of this name\n"
            "structure Observation.value.value: expected a number, found a string (decimal)\n"
            "required Observation: the element status is required\n"
            "required Observation: the element code is required");
}

TEST(FhirCheck, LooksIntoBundlesAndTakesALocation) {
  const std::string bundle = R"({"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Patient","nope":1}}]})";
  EXPECT_EQ(said(bundle), "structure Bundle.entry[0].resource.nope: unknown element; Patient has none of this name");
  EXPECT_EQ(said(R"({"resourceType":"Patient","nope":1})", {.location = "Bundle.entry[7].resource"}),
            "structure Bundle.entry[7].resource.nope: unknown element; Patient has none of this name");
}

TEST(FhirCheck, StopsAtItsLimit) {
  std::string many = R"({"resourceType":"Patient")";
  for (int i = 0; i < 500; ++i) many += ",\"x" + std::to_string(i) + "\":1";
  const auto document = json::parse(many + "}");
  EXPECT_EQ(check(document->root()).size(), 100u);
  EXPECT_EQ(check(document->root(), {.findings_max = 3, .location = {}}).size(), 3u);
}

TEST(FhirCheck, NeverRepeatsAValue) {
  const std::string texts[] = {patient(R"("birthDate":"SECRET")"), patient(R"("SECRET 1":"x")"), patient(R"("gender":" SECRET")"),
                               patient(R"("generalPractitioner":[{"reference":"SECRET"}])"), R"({"resourceType":"SECRET"})"};
  for (const std::string& text : texts) {
    EXPECT_NE(said(text), "") << text;
    EXPECT_EQ(said(text).find("SECRET"), std::string::npos) << said(text);
  }
}

TEST(FhirCheck, AllResourceTypesAreThere) {
  EXPECT_EQ(resource_type_count(), 146);
  for (std::uint16_t i = 0; i < resource_type_count(); ++i) {
    const ResourceType type = resource_type(i);
    EXPECT_EQ(find_resource_type(type.name()), type);
    EXPECT_TRUE(type.has_element("id") && type.has_element("meta"));
    EXPECT_TRUE(i == 0 || resource_type(static_cast<std::uint16_t>(i - 1)).name() < type.name());
  }
  for (const char* name : {"", "Resource", "DomainResource", "patient", "Patientx", "SubscriptionStatus"})
    EXPECT_FALSE(find_resource_type(name)) << name;
  const ResourceType observation_type = *find_resource_type("Observation");
  EXPECT_TRUE(observation_type.is_mandatory("status") && observation_type.is_summary("status") && observation_type.is_modifier("status"));
  EXPECT_FALSE(observation_type.is_mandatory("valueQuantity") || observation_type.has_element("value") ||
               observation_type.has_element("values"));
  EXPECT_TRUE(observation_type.has_element("valueQuantity"));
  EXPECT_EQ(observation_type.element_of("valueQuantity"), "value");
  EXPECT_EQ(observation_type.element_of("note"), "note");
  EXPECT_EQ(observation_type.element_of("value"), "");
  EXPECT_TRUE(observation_type.has_element_called("value") && observation_type.has_element_called("note"));
  EXPECT_FALSE(observation_type.has_element_called("valueQuantity") || observation_type.has_element_called("birthDate"));
}

// Whatever key stands where, the check ends and finds it.
RC_GTEST_PROP(FhirCheckProperty, AnyForeignKeyIsFound, ()) {
  const auto key = *rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
  json::Document document;
  document.root() = document.object();
  document.set(document.root(), "resourceType", document.string("Patient"));
  const std::string name = key.starts_with('_') ? key.substr(1) : key;
  const bool is_known = key == "resourceType" || find_resource_type("Patient")->has_element(name);
  RC_PRE(!is_known);
  document.set(document.root(), key, document.string("x"));
  RC_ASSERT(check(document.root()).size() == 1u);
}

}  // namespace
}  // namespace careledger::codec::fhir
