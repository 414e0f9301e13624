// In whose access list a request stands.
#include <set>

#include "edge/fhir/test_support.h"

namespace careledger::edge::fhir {
namespace {

// What stands in a patient's own list: "kind Type/id".
class FhirAccessTest : public FhirTest {
 protected:
  std::vector<std::string> accesses(const std::string& patient) {
    std::vector<std::string> told;
    const auto entries = audit->newest_of(audit->subject_of(patient), 100);
    for (const vault::OpenedEntry& opened : *entries)
      told.push_back(std::string(vault::name_of(opened.entry.kind)) + " " + opened.entry.resource_type + "/" + opened.entry.resource_id);
    return told;
  }
  using Told = std::vector<std::string>;
};

TEST_F(FhirAccessTest, AMovedRecordStandsInTheListsOfBothPatients) {
  for (const char* patient : {"a", "b", "c"})
    ASSERT_EQ(put(std::string("Patient/") + patient, std::string(R"({"resourceType":"Patient","id":")") + patient + "\"}").status, 201);
  const auto observation = [](const std::string& id, const std::string& patient) {
    return R"({"resourceType":"Observation","id":")" + id + R"(","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/)" +
           patient + R"("}})";
  };
  ASSERT_EQ(put("Observation/o1", observation("o1", "a")).status, 201);
  ASSERT_EQ(put("Observation/o1", observation("o1", "b")).status, 200);
  EXPECT_EQ(accesses("a"), (Told{"update Patient/a", "update Observation/o1", "update Observation/o1"}));
  EXPECT_EQ(accesses("b"), (Told{"update Patient/b", "update Observation/o1"}));
  const auto moved = post("", R"({"resourceType":"Bundle","type":"transaction","entry":[{"resource":)" + observation("o1", "c") +
                                  R"(,"request":{"method":"PUT","url":"Observation/o1"}}]})");
  ASSERT_EQ(moved.status, 200) << moved.content();
  EXPECT_EQ(accesses("b").size(), 3u);
  EXPECT_EQ(accesses("c").size(), 2u);
}

TEST_F(FhirAccessTest, ABinaryAndACollectionStandInTheListsOfThoseWhoseTheyAre) {
  ASSERT_EQ(put("Patient/d", R"({"resourceType":"Patient","id":"d"})").status, 201);
  ASSERT_EQ(put("Binary/x", R"({"resourceType":"Binary","id":"x","contentType":"text/plain","data":"YQ==",)"
                            R"("securityContext":{"reference":"Patient/d"}})")
                .status,
            201);
  const std::string bundle =
      R"({"resourceType":"Bundle","id":"y","type":"collection","entry":[{"resource":{"resourceType":"Observation","status":"final",)"
      R"("code":{"text":"x"},"subject":{"reference":"Patient/d"}}},{"resource":{"resourceType":"Patient","id":"other"}}]})";
  ASSERT_EQ(put("Bundle/y", bundle).status, 201);
  ASSERT_EQ(get("Binary/x").status, 200);
  ASSERT_EQ(get("Bundle/y").status, 200);
  EXPECT_EQ(accesses("d"), (Told{"update Patient/d", "update Binary/x", "update Bundle/y", "read Binary/x", "read Bundle/y"}));
  who = principal(auth::Role::patient, "d");
  EXPECT_EQ(get("Binary/x").status, 200);
  EXPECT_EQ(get("Bundle/y").status, 403) << "another's record is in it";
}

// What cannot be recorded is not stored either.
TEST_F(FhirAccessTest, ABinaryOfAnotherResourceStandsInTheListOfWhoseThatIs) {
  for (const std::string patient : {"d", "e"})
    ASSERT_EQ(put("Patient/" + patient, R"({"resourceType":"Patient","id":")" + patient + R"("})").status, 201);
  const auto document = [](const std::string& patient) {
    return R"({"resourceType":"DocumentReference","id":"r","status":"current","subject":{"reference":"Patient/)" + patient +
           R"("},"content":[{"attachment":{"url":"Binary/x"}}]})";
  };
  // Both at once, the Binary first: as a document system sends them.
  const auto sent =
      post("", R"({"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"PUT","url":"Binary/x"},"resource":)"
               R"({"resourceType":"Binary","id":"x","contentType":"text/plain","data":"YQ==",)"
               R"("securityContext":{"reference":"DocumentReference/r"}}},)"
               R"({"request":{"method":"PUT","url":"DocumentReference/r"},"resource":)" +
                   document("d") + "}]}");
  ASSERT_EQ(sent.status, 200) << sent.content();
  ASSERT_EQ(get("Binary/x").status, 200);
  EXPECT_EQ(accesses("d"), (Told{"update Patient/d", "transaction Bundle/", "read Binary/x"}));
  who = principal(auth::Role::patient, "d");
  EXPECT_EQ(get("Binary/x").status, 200);
  who.reset();
  ASSERT_EQ(put("DocumentReference/r", document("e")).status, 200);  // and it goes where that goes
  ASSERT_EQ(get("Binary/x").status, 200);
  EXPECT_EQ(accesses("e"), (Told{"update Patient/e", "update DocumentReference/r", "read Binary/x"}));
  who = principal(auth::Role::patient, "d");
  EXPECT_EQ(get("Binary/x").status, 403);
}

TEST_F(FhirAccessTest, ABinaryThatIsItsOwnContextIsNobodys) {
  const std::string binary = R"({"resourceType":"Binary","id":"x","contentType":"text/plain","securityContext":{"reference":"Binary/x"}})";
  ASSERT_EQ(put("Binary/x", binary).status, 201);
  ASSERT_EQ(put("Binary/x", binary).status, 200);
  EXPECT_EQ(get("Binary/x").status, 200);
}

TEST_F(FhirAccessTest, WhatIsRefusedOrFailsStandsInTheListOfWhoseRecordItWas) {
  for (const std::string patient : {"a", "b"})
    ASSERT_EQ(put("Patient/" + patient, R"({"resourceType":"Patient","id":")" + patient + R"("})").status, 201);
  const auto pulse = [](const std::string& patient) {
    return R"({"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/)" + patient +
           R"("}})";
  };
  ASSERT_EQ(put("Observation/o", pulse("a")).status, 201);
  const auto stands_last = [&](const std::string& patient, const std::string& told) {
    const Told now = accesses(patient);
    EXPECT_EQ(now.back(), told) << patient;
    return now.size();
  };
  who = principal(auth::Role::auditor);
  EXPECT_EQ(get("Observation/o").status, 403);
  const std::size_t once = stands_last("a", "refusal Observation/o");
  who.reset();
  EXPECT_EQ(put("Observation/o", pulse("b"), {{"If-Match", R"(W/"7")"}}).status, 412);
  EXPECT_EQ(stands_last("a", "update Observation/o"), once + 1);
  who = principal(auth::Role::clinician);
  who->scopes = {"user/Patient.rs"};
  const auto batch = post("", R"({"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Observation/o"}}]})");
  ASSERT_EQ(batch.status, 200) << batch.content();
  EXPECT_EQ(stands_last("a", "refusal Observation/o"), once + 2);
  who.reset();
  ASSERT_EQ(put("Observation/o", pulse("b")).status, 200);
  who = principal(auth::Role::auditor);
  EXPECT_EQ(get("Observation/o/_history/1").status, 403);  // of a version that was another's: under both
  stands_last("a", "refusal Observation/o");
  stands_last("b", "refusal Observation/o");
}

// Each subject of the audit map stays in memory for ever: nobody makes one by making up a name.
TEST_F(FhirAccessTest, NamesThatNobodyHasComeToOneEntryUnderNobody) {
  ASSERT_EQ(put("Patient/real", R"({"resourceType":"Patient","id":"real"})").status, 201);
  const auto subjects = [&](std::size_t from) {
    std::vector<vault::Subject> out;
    for (const vault::OpenedEntry& opened : recorded()) out.push_back(opened.entry.subject);
    return std::vector(out.begin() + static_cast<std::ptrdiff_t>(from), out.end());
  };
  const auto names = [](int from, int count) {
    std::string out = "Patient/real";
    for (int i = from; i < from + count; ++i) out += ",Patient/made-up-" + std::to_string(i);
    return out;
  };
  const std::string entry = R"({"request":{"method":"GET","url":"Observation?subject=)";
  std::string batch = R"({"resourceType":"Bundle","type":"batch","entry":[)";
  for (int i = 0; i < 25'000; i += 250) batch += (i == 0 ? "" : ",") + entry + names(i, 250) + "\"}}";
  const std::vector expected{vault::Subject(), audit->subject_of("real")};
  std::size_t before = recorded().size();
  ASSERT_EQ(post("", batch + "]}").status, 200);
  EXPECT_EQ(subjects(before), expected);
  const HeaderList form{{"Content-Type", "application/x-www-form-urlencoded"}};
  before = recorded().size();
  ASSERT_EQ(post("Observation/_search", "subject=" + names(0, 400), form).status, 200);
  EXPECT_EQ(subjects(before), expected);
  who = principal(auth::Role::auditor);
  before = recorded().size();
  ASSERT_EQ(post("Observation/_search", "subject=" + names(0, 400), form).status, 403);
  EXPECT_EQ(subjects(before), expected);
  before = recorded().size();
  for (const char* path : {"AuditEvent?patient=made-up", "Patient/made-up/AuditEvent"}) EXPECT_EQ(get(path).status, 200) << path;
  who.reset();
  for (const char* path : {"Patient/made-up", "Patient/made-up/_history", "Patient/made-up/_history/1", "Patient?_id=made-up,made-up-2",
                           "Observation?patient=made-up", "Patient/made-up/Observation", "Patient/made-up/Organization"})
    get(path);
  post("Patient/made-up/$retrieve?from=North", "");
  put("Patient/made-up", "{");
  remove("Patient/made-up");
  who = principal(auth::Role::patient, "made-up");
  for (const char* path : {"Patient/made-up", "Patient/real-2", "AuditEvent", "AuditEvent/0"}) get(path);
  EXPECT_EQ(subjects(before), std::vector<vault::Subject>(16));
}

TEST_F(FhirAccessTest, WhoBecomesAPatientHasTheAccessesFromThenOn) {
  ASSERT_EQ(get("Observation?subject=Patient/later").status, 200);
  ASSERT_EQ(get("Patient/later").status, 404);
  ASSERT_EQ(put("Patient/later", R"({"resourceType":"Patient","id":"later"})").status, 201);
  EXPECT_EQ(accesses("later"), Told{"update Patient/later"});
  ASSERT_EQ(get("Observation?subject=Patient/later").status, 200);
  ASSERT_EQ(remove("Patient/later").status, 204);
  ASSERT_EQ(get("Patient/later").status, 410);  // and whoever was one stays one
  EXPECT_EQ(accesses("later"), (Told{"update Patient/later", "search Observation/", "delete Patient/later", "read Patient/later"}));
}

}  // namespace
}  // namespace careledger::edge::fhir
