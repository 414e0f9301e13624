#include "codec/fhir/reference.h"

#include <gtest/gtest.h>

namespace careledger::codec::fhir {
namespace {

std::string read(std::string_view text) {
  const Reference reference = read_reference(text);
  static constexpr std::string_view kForms[] = {"malformed", "contained", "relative", "conditional", "absolute"};
  std::string all(kForms[static_cast<std::size_t>(reference.form)]);
  for (const std::string_view part : {reference.base, reference.type, reference.id, reference.version, reference.query}) {
    all += '|';
    all += part;
  }
  return all;
}

TEST(FhirReference, Forms) {
  EXPECT_EQ(read("Patient/1"), "relative||Patient|1||");
  EXPECT_EQ(read("Patient/1/_history/2"), "relative||Patient|1|2|");
  EXPECT_EQ(read("#a"), "contained|||a||");
  EXPECT_EQ(read("#"), "contained|||||");
  EXPECT_EQ(read("Practitioner?identifier=http://x|1"), "conditional||Practitioner|||identifier=http://x|1");
  EXPECT_EQ(read("https://h/fhir/Patient/1"), "absolute|https://h/fhir|Patient|1||");
  EXPECT_EQ(read("https://h/fhir/Patient/1/_history/2"), "absolute|https://h/fhir|Patient|1|2|");
  EXPECT_EQ(read("https://h/fhir?Patient/1=2"), "absolute|||||");
  EXPECT_EQ(read("https://h/elsewhere"), "absolute|||||");
  EXPECT_EQ(read("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"), "absolute|||||");
  for (const char* bad : {"", "Patient", "patient/1", "Patient/", "/Patient/1", "fhir/Patient/1", "Patient/a b", "Patient/1/_history/",
                          "Patient/1/2", "Foo?x=1", "Foo/1"}) {
    EXPECT_EQ(read(bad), "malformed|||||") << bad;
  }
}

TEST(FhirReference, VisitsEveryReferenceAndRewrites) {
  auto document = json::parse(R"({"resourceType":"Bundle","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Observation",
    "contained":[{"resourceType":"Patient","managingOrganization":{"reference":"urn:uuid:2"}}],
    "extension":[{"url":"u","valueReference":{"reference":"urn:uuid:3"}}],
    "subject":{"reference":"urn:uuid:4","display":"reference"},
    "_status":{"extension":[{"url":"u","valueReference":{"reference":"urn:uuid:5"}}]},
    "performer":[{"display":"none"},{"reference":"Practitioner?identifier=1"}],
    "valueString":"urn:uuid:9","instantiatesCanonical":"urn:uuid:8"}}]})");
  ASSERT_TRUE(document);
  std::string seen;
  visit_references(document->root(), [&](json::Value& text, const Location& location) {
    seen += location() + "=" + std::string(text.text()) + "\n";
    if (text.text() == "urn:uuid:4") text = document->string("Patient/4");
  });
  EXPECT_EQ(seen,
            "Bundle.entry[0].resource.contained[0].managingOrganization.reference=urn:uuid:2\n"
            "Bundle.entry[0].resource.extension[0].value.reference=urn:uuid:3\n"
            "Bundle.entry[0].resource.subject.reference=urn:uuid:4\n"
            "Bundle.entry[0].resource.status.extension[0].value.reference=urn:uuid:5\n"
            "Bundle.entry[0].resource.performer[1].reference=Practitioner?identifier=1\n");
  EXPECT_NE(json::compact(document->root()).find(R"("subject":{"reference":"Patient/4")"), Bytes::npos);
  std::size_t count = 0;
  see_references(document->root(), [&](std::string_view) { ++count; });
  EXPECT_EQ(count, 5u);
}

TEST(FhirReference, VisitsUris) {
  auto document = json::parse(R"({"resourceType":"Patient","meta":{"profile":["http://p"]},"implicitRules":"urn:uuid:1",
    "identifier":[{"system":"http://s","value":"http://v"}],"photo":[{"url":"http://u"}]})");
  std::string seen;
  visit_uris(document->root(),
             [&](json::Value& text, const Location& location) { seen += location() + "=" + std::string(text.text()) + "\n"; });
  EXPECT_EQ(seen,
            "Patient.meta.profile[0]=http://p\nPatient.implicitRules=urn:uuid:1\nPatient.identifier[0].system=http://"
            "s\nPatient.photo[0].url=http://u\n");
}

}  // namespace
}  // namespace careledger::codec::fhir
