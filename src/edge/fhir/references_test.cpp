// Where references lead: to what is here, to nothing, to another server, to a Patient without a record.
#include "edge/fhir/test_support.h"

namespace careledger::edge::fhir {
namespace {

using ReferencesTest = FhirTest;

TEST_F(ReferencesTest, ReferencesMustPointAtSomething) {
  const auto observation = [](const std::string& subject) {
    return R"({"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":")" + subject + "\"}}";
  };
  const auto dangling = post("Observation", observation("Patient/none"));
  EXPECT_EQ(dangling.status, 422);
  EXPECT_EQ(issues(dangling), std::vector<std::string>{"not-found Observation.subject.reference"});
  EXPECT_NE(dangling.content().find("Patient/none"), std::string::npos);
  EXPECT_EQ(post("Observation", observation("#p")).status, 400) << "the structure check finds it";
  EXPECT_EQ(post("Observation", observation("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0")).status, 422);
  const auto stray = post("Observation", observation("https://elsewhere.example/fhir/Patient/1"));
  EXPECT_EQ(stray.status, 422);
  EXPECT_EQ(issues(stray), std::vector<std::string>{"business-rule Observation.subject.reference"});
  EXPECT_EQ(post("Observation", observation("https://elsewhere.example/fhir/Group/1")).status, 201);
  const std::string id = id_of(post("Patient", R"({"resourceType":"Patient"})"));
  EXPECT_EQ(post("Observation", observation("Patient/" + id)).status, 201);
  remove("Patient/" + id);
  EXPECT_EQ(post("Observation", observation("Patient/" + id)).status, 422);
  EXPECT_EQ(put("Observation/o", R"({"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},)"
                                 R"("hasMember":[{"reference":"Observation/o"}]})")
                .status,
            201)
      << "a circle of one";
  config.check_references = false;
  make_handler();
  EXPECT_EQ(post("Observation", observation("Patient/none")).status, 201);
  EXPECT_EQ(post("Observation", observation("https://elsewhere.example/fhir/Patient/1")).status, 201);
}

TEST_F(ReferencesTest, AReferenceByThisServersOwnUrlIsOneToWhatIsHere) {
  ASSERT_EQ(put("Patient/p", R"({"resourceType":"Patient","id":"p"})").status, 201);
  const std::string text = R"({"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},)"
                           R"("subject":{"reference":"http://NORTH.example/fhir/Patient/p"}})";
  ASSERT_EQ(put("Observation/o", text).status, 201);
  EXPECT_EQ(json(get("Observation/o")).root().find("subject")->string_at("reference"), "Patient/p");
  EXPECT_EQ(recorded().back().entry.subject, audit->subject_of("p"));
  const std::string batch =
      R"({"resourceType":"Bundle","type":"batch","entry":[{"resource":)" + text + R"(,"request":{"method":"PUT","url":"Observation/o"}}]})";
  EXPECT_EQ(post("", batch).status, 200);
  EXPECT_EQ(json(get("Observation/o")).root().find("subject")->string_at("reference"), "Patient/p");
  for (const char* query : {"subject=Patient/p", "subject=https://north.example/fhir/Patient/p"})
    EXPECT_EQ(json(get(std::string("Observation?") + query)).root().items_at("entry").size(), 1u) << query;
  EXPECT_EQ(put("Observation/o", R"({"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},)"
                                 R"("subject":{"reference":"https://north.example/fhir/Patient/none"}})")
                .status,
            422);
  const auto document = post("Bundle", R"({"resourceType":"Bundle","type":"collection","entry":[{"resource":)" + text + "}]}");
  ASSERT_EQ(document.status, 201);
  EXPECT_EQ(document.content().find("NORTH"), std::string::npos);
  EXPECT_EQ(recorded().back().entry.subject, audit->subject_of("p"));
}

TEST_F(ReferencesTest, AContainedPatientHasNoRecordHere) {
  const std::string contained = R"("contained":[{"resourceType":"Patient","id":"c"},{"resourceType":"Group","id":"g","type":"person",)"
                                R"("actual":true}],"code":{"text":"x"},"subject":{"reference":"#)";
  const auto refused = post("Condition", R"({"resourceType":"Condition",)" + contained + "c\"}}");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(issues(refused), std::vector<std::string>{"business-rule Condition.subject.reference"});
  EXPECT_EQ(post("Condition", R"({"resourceType":"Condition",)" + contained + "g\"}}").status, 201);
}

}  // namespace
}  // namespace careledger::edge::fhir
