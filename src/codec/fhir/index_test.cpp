#include "codec/fhir/index.h"

#include <gtest/gtest.h>

namespace careledger::codec::fhir {
namespace {

std::string shown(const IndexValue& value) {
  const std::string code(value.parameter.code());
  switch (value.parameter.kind()) {
    case SearchKind::date: return code + "=[" + std::to_string(value.interval.low) + "," + std::to_string(value.interval.high) + ")";
    case SearchKind::number:
    case SearchKind::quantity:
      return code + "=" + std::to_string(value.low) + ".." + std::to_string(value.high) + " " + value.system + "|" + value.text;
    case SearchKind::string: return code + "=" + value.text + " (" + value.exact + ")";
    default: return code + "=" + value.system + "|" + value.text;
  }
}

// The values of one parameter, a line each.
std::string values(std::string_view text, std::string_view code) {
  const auto document = json::parse(text);
  if (!document) return "not JSON";
  std::string all;
  for (const IndexValue& value : index_values(document->root())) {
    if (value.parameter.code() != code) continue;
    if (!all.empty()) all += '\n';
    all += shown(value).substr(code.size() + 1);
  }
  return all;
}

constexpr std::string_view kPatient = R"({"resourceType":"Patient","id":"p1",
  "meta":{"lastUpdated":"2020-01-01T00:00:00Z","profile":["http://profile|1"],"tag":[{"system":"t","code":"c"}]},
  "identifier":[{"system":"urn:mrn","value":"7"},{"value":"bare"}],"active":true,
  "name":[{"family":"Müller-Łukasz","given":["ANA  Sofía","B"],"text":"x"},{"family":"O'Hara"}],
  "telecom":[{"system":"phone","value":"555"},{"system":"email","value":"a@b"}],"gender":"female","birthDate":"1970-05",
  "address":[{"line":["1 Straße"],"city":"Zürich","postalCode":"8000"}],
  "generalPractitioner":[{"reference":"Practitioner/d1"},{"reference":"Organization/o1/_history/3"},{"reference":"#c"},{"display":"none"}],
  "managingOrganization":{"reference":"https://h/fhir/Organization/o2"},"deceasedBoolean":false})";

TEST(FhirIndex, Patient) {
  EXPECT_EQ(values(kPatient, "_id"), "|p1");
  EXPECT_EQ(values(kPatient, "_lastUpdated"), "[1577836800000,1577836801000)");
  EXPECT_EQ(values(kPatient, "_profile"), "|http://profile|1");
  EXPECT_EQ(values(kPatient, "_tag"), "t|c");
  EXPECT_EQ(values(kPatient, "identifier"), "urn:mrn|7\n|bare");
  EXPECT_EQ(values(kPatient, "active"), "http://terminology.hl7.org/CodeSystem/special-values|true");
  EXPECT_EQ(values(kPatient, "family"), "muller-lukasz (Müller-Łukasz)\no'hara (O'Hara)");
  EXPECT_EQ(values(kPatient, "given"), "ana sofia (ANA  Sofía)\nb (B)");
  EXPECT_EQ(values(kPatient, "name"), "muller-lukasz (Müller-Łukasz)\nana sofia (ANA  Sofía)\nb (B)\nx (x)\no'hara (O'Hara)");
  EXPECT_EQ(values(kPatient, "phone"), "|555");
  EXPECT_EQ(values(kPatient, "email"), "|a@b");
  EXPECT_EQ(values(kPatient, "telecom"), "|555\n|a@b");
  EXPECT_EQ(values(kPatient, "gender"), "|female");
  EXPECT_EQ(values(kPatient, "birthdate"), "[10368000000,13046400000)");
  EXPECT_EQ(values(kPatient, "address"), "1 strasse (1 Straße)\nzurich (Zürich)\n8000 (8000)");
  EXPECT_EQ(values(kPatient, "address-city"), "zurich (Zürich)");
  EXPECT_EQ(values(kPatient, "general-practitioner"), "Practitioner|Practitioner/d1\nOrganization|Organization/o1");
  EXPECT_EQ(values(kPatient, "organization"), "Organization|https://h/fhir/Organization/o2");
  EXPECT_EQ(values(kPatient, "deceased"), "http://terminology.hl7.org/CodeSystem/special-values|false");
  EXPECT_EQ(values(R"({"resourceType":"Patient","deceasedDateTime":"2020"})", "deceased"),
            "http://terminology.hl7.org/CodeSystem/special-values|true");
  EXPECT_EQ(values(R"({"resourceType":"Patient"})", "deceased"), "http://terminology.hl7.org/CodeSystem/special-values|false");
}

TEST(FhirIndex, ObservationChoicesAndComponents) {
  constexpr std::string_view kText = R"({"resourceType":"Observation","code":{"coding":[{"system":"l","code":"85354-9"}]},
    "subject":{"reference":"Patient/p"},"focus":[{"reference":"Patient/q"}],"effectivePeriod":{"start":"2020-01-01"},
    "valueQuantity":{"value":6.30,"unit":"mmol/l","system":"u","code":"mmol/L"},
    "component":[{"code":{"coding":[{"system":"l","code":"8480-6"}]},"valueQuantity":{"value":120}}]})";
  EXPECT_EQ(values(kText, "code"), "l|85354-9");
  EXPECT_EQ(values(kText, "combo-code"), "l|85354-9\nl|8480-6");
  EXPECT_EQ(values(kText, "patient"), "Patient|Patient/p");
  EXPECT_EQ(values(kText, "date"), "[1577836800000,9223372036854775807)");
  EXPECT_EQ(values(kText, "value-quantity"), "6.300000..6.300000 u|mmol/L");
  EXPECT_EQ(values(kText, "combo-value-quantity"), "6.300000..6.300000 u|mmol/L\n120.000000..120.000000 |");
  EXPECT_EQ(values(kText, "value-concept"), "");
  EXPECT_EQ(values(R"({"resourceType":"Observation","valueCodeableConcept":{"text":"Warm","coding":[{"code":"w"}]}})", "value-string"),
            "warm (Warm)");
  EXPECT_EQ(values(R"({"resourceType":"Observation","subject":{"reference":"Group/g"}})", "patient"), "");
  EXPECT_EQ(values(R"({"resourceType":"Observation","subject":{"reference":"Group/g"}})", "subject"), "Group|Group/g");
}

TEST(FhirIndex, ExpressionsOfEveryForm) {
  EXPECT_EQ(values(R"({"resourceType":"Library","relatedArtifact":[{"type":"depends-on","resource":"http://a"},)"
                   R"({"type":"successor","resource":"http://b"}]})",
                   "depends-on"),
            "|http://a");
  EXPECT_EQ(values(R"({"resourceType":"Task","for":{"reference":"Patient/1"}})", "patient"), "Patient|Patient/1");
  EXPECT_EQ(values(R"({"resourceType":"Goal","target":[{"dueDate":"2020"},{"dueDuration":{"value":1}}]})", "target-date"),
            "[1577836800000,1609459200000)");
  EXPECT_EQ(values(R"({"resourceType":"MedicationRequest","medicationReference":{"reference":"Medication/m"}})", "medication"),
            "Medication|Medication/m");
  EXPECT_EQ(values(R"({"resourceType":"MedicationRequest","medicationCodeableConcept":{"coding":[{"code":"c"}]}})", "code"), "|c");
  EXPECT_EQ(values(R"({"resourceType":"InsurancePlan","name":"Plan","alias":["P"]})", "name"), "plan (Plan)\np (P)");
  EXPECT_EQ(values(R"({"resourceType":"Invoice","totalGross":{"value":48,"currency":"EUR"}})", "totalgross"),
            "48.000000..48.000000 urn:iso:std:iso:4217|EUR");
  EXPECT_EQ(values(R"({"resourceType":"RiskAssessment","prediction":[{"probabilityDecimal":0.02}]})", "probability"),
            "0.020000..0.020000 |");
  EXPECT_EQ(values(R"({"resourceType":"Condition","onsetRange":{"low":{"value":1,"unit":"a"}}})", "onset-age"), "1.000000..inf |a");
  EXPECT_EQ(values(R"({"resourceType":"Practitioner","identifier":[{"system":"s","value":"v"}]})", "identifier"), "s|v");
}

TEST(FhirIndex, ParametersOfATypeAreListed) {
  std::size_t count = 0;
  for (std::uint16_t i = 0; i < resource_type_count(); ++i) {
    const SearchParameters list(resource_type(i));
    for (const SearchParameter parameter : list) {
      ++count;
      EXPECT_TRUE(list.find(parameter.code()).has_value());
    }
    EXPECT_TRUE(list.find("_id") && list.find("_lastUpdated")) << resource_type(i).name();
  }
  EXPECT_GT(count, 2500u);
  const SearchParameters patient(*find_resource_type("Patient"));
  EXPECT_EQ(patient.find("birthdate")->url(), "http://hl7.org/fhir/SearchParameter/individual-birthdate");
  EXPECT_FALSE(patient.find("age"));  // an example's
  EXPECT_FALSE(patient.find("_text")->is_evaluable());
  const SearchParameter organization = *patient.find("organization");
  EXPECT_TRUE(organization.allows_target(*find_resource_type("Organization")));
  EXPECT_FALSE(organization.allows_target(*find_resource_type("Patient")));
}

std::vector<std::string> compartments(std::string_view text) {
  const auto document = json::parse(text);
  return patient_compartments(document->root(), index_values(document->root()));
}

TEST(FhirIndex, PatientCompartments) {
  EXPECT_EQ(compartments(R"({"resourceType":"Patient","id":"p","link":[{"other":{"reference":"Patient/q"},"type":"seealso"}]})"),
            (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(compartments(R"({"resourceType":"Observation","subject":{"reference":"Patient/p"},"performer":[{"reference":"Patient/a"}]})"),
            (std::vector<std::string>{"a", "p"}));
  EXPECT_EQ(compartments(R"({"resourceType":"Organization","id":"p"})"), std::vector<std::string>());
  EXPECT_EQ(compartments(R"({"resourceType":"Observation","focus":[{"reference":"Patient/p"}]})"), std::vector<std::string>());
}

TEST(FhirIndex, ABinaryBelongsToItsSecurityContextAndWhatCarriesOthersToThemAll) {
  using Ids = std::vector<std::string>;
  EXPECT_EQ(compartments(R"({"resourceType":"Binary","contentType":"a/b","securityContext":{"reference":"Patient/d/_history/2"}})"),
            Ids{"d"});
  EXPECT_EQ(
      compartments(R"({"resourceType":"Binary","contentType":"a/b","securityContext":{"reference":"DocumentReference/d/_history/2"}})"),
      Ids{"DocumentReference/d"})
      << "whose that is, the vault knows";
  EXPECT_EQ(compartments(R"({"resourceType":"Binary","contentType":"a/b"})"), Ids());
  const std::string inner = R"({"resourceType":"Bundle","type":"collection","entry":[{"resource":)"
                            R"({"resourceType":"Observation","subject":{"reference":"Patient/d"}}},)"
                            R"({"resource":{"resourceType":"Patient","id":"c"}},{"fullUrl":"urn:uuid:1"}]})";
  EXPECT_EQ(compartments(inner), (Ids{"c", "d"}));
  EXPECT_EQ(compartments(R"({"resourceType":"Bundle","type":"collection","entry":[{"resource":)" + inner + "}]}"), (Ids{"c", "d"}));
  EXPECT_EQ(compartments(R"({"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b","resource":)" + inner +
                         R"(}]},{"name":"e","resource":{"resourceType":"Patient","id":"e"}}]})"),
            (Ids{"c", "d", "e"}));
}

TEST(FhirIndex, PatientsWhoseRecordItWouldNotStandIn) {
  const auto strays = [](std::string_view text) { return stray_patients(json::parse(text)->root()); };
  using References = std::vector<std::string>;
  for (const std::string type : {"Observation", "Condition"}) {
    const auto of = [&](const std::string& subject, const std::string& more = {}) {
      return strays("{\"resourceType\":\"" + type + "\"" + more + ",\"subject\":{" + subject + "}}").size();
    };
    EXPECT_NE(of(R"("reference":"https://elsewhere.example/Patient/1")"), 0u) << type;
    EXPECT_NE(of(R"("reference":"urn:oid:1.2.3","type":"Patient")"), 0u) << type;
    EXPECT_NE(of(R"("reference":"urn:oid:1.2.3")"), 0u) << type;
    EXPECT_NE(of(R"("reference":"#c")", R"(,"contained":[{"resourceType":"Patient","id":"c"}])"), 0u) << type;
    EXPECT_EQ(of(R"("reference":"#c")", R"(,"contained":[{"resourceType":"Group","id":"c"}])"), 0u) << type;
    EXPECT_EQ(of(R"("reference":"https://elsewhere.example/Group/1")"), 0u) << type;
    EXPECT_EQ(of(R"("reference":"Patient/1")"), 0u) << type;
    EXPECT_EQ(of(R"("display":"a Patient")"), 0u) << type;
  }
  EXPECT_EQ(
      strays(R"({"resourceType":"Observation","performer":[{"reference":"urn:oid:1.2"},{"reference":"https://e.example/Patient/2"}]})"),
      References{"https://e.example/Patient/2"});
  EXPECT_EQ(strays(R"({"resourceType":"Observation","focus":[{"reference":"https://e.example/Patient/2"}]})"), References());
  EXPECT_EQ(strays(R"({"resourceType":"Binary","securityContext":{"reference":"https://e.example/Patient/2"}})"),
            References{"https://e.example/Patient/2"});
}

TEST(FhirIndex, FoldDropsCaseAccentsAndSpareSpace) {
  EXPECT_EQ(fold("  ÀÉÎõü \t\n Ñ "), "aeiou n");
  EXPECT_EQ(fold("e\xCC\x81"), "e");  // a combining accent
  EXPECT_EQ(fold("ŁÓDŹ Straße Æsir Øre"), "lodz strasse aesir ore");
  EXPECT_EQ(fold("ΆΘΉΝΑ Москва"), "αθηνα москва");
  EXPECT_EQ(fold("Nguyễn"), "nguyen");
  EXPECT_EQ(fold("北京 😀"), "北京 😀");
  EXPECT_EQ(fold(""), "");
}

}  // namespace
}  // namespace careledger::codec::fhir
