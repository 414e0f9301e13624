// batch and transaction: as a client sees them.
#include "codec/fhir/check.h"
#include "edge/fhir/test_support.h"

namespace careledger::edge::fhir {
namespace {

struct EntryText {
  std::string method;
  std::string url;
  std::string resource{};
  std::string full_url{};
  std::string more{};  // further members of request, with a comma before
};

std::string bundle_of(const std::string& type, const std::vector<EntryText>& entries) {
  std::string out = R"({"resourceType":"Bundle","type":")" + type + R"(","entry":[)";
  for (const EntryText& entry : entries) {
    if (out.back() == '}') out += ',';
    out += '{';
    if (!entry.full_url.empty()) out += R"("fullUrl":")" + entry.full_url + "\",";
    if (!entry.resource.empty()) out += "\"resource\":" + entry.resource + ',';
    out += R"("request":{"method":")" + entry.method + R"(","url":")" + entry.url + '"' + entry.more + "}}";
  }
  return out + "]}";
}

const std::string kUrn = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0";

std::string patient(const std::string& id = {}, const std::string& identifier = "7") {
  return R"({"resourceType":"Patient",)" + (id.empty() ? "" : R"("id":")" + id + "\",") + R"("identifier":[{"system":"urn:mrn","value":")" +
         identifier + R"("}]})";
}
std::string practitioner(const std::string& npi) {
  return R"({"resourceType":"Practitioner","identifier":[{"system":"urn:npi","value":")" + npi + R"("}]})";
}
std::string observation(const std::string& subject, const std::string& performer = {}) {
  return R"({"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":")" + subject + "\"}" +
         (performer.empty() ? "" : R"(,"performer":[{"reference":")" + performer + "\"}]") + "}";
}

class BundleTest : public FhirTest {
 protected:
  http::Response transaction(const std::vector<EntryText>& entries, const HeaderList& headers = {}) {
    return post("", bundle_of("transaction", entries), headers);
  }
  http::Response batch(const std::vector<EntryText>& entries) { return post("", bundle_of("batch", entries)); }
  // status of each entry of the answer
  static std::vector<std::string> statuses(const http::Response& response) {
    const auto document = json(response);
    std::vector<std::string> out;
    for (const auto& entry : document.root().items_at("entry")) out.emplace_back(entry.find("response")->string_at("status"));
    return out;
  }
  static std::string location(const http::Response& response, std::size_t entry) {  // Type/id
    const auto document = json(response);
    const std::string whole(document.root().items_at("entry")[entry].find("response")->string_at("location"));
    return whole.substr(0, whole.find("/_history"));
  }
};

TEST_F(BundleTest, ResolvesReferencesBetweenItsEntries) {
  const auto answer = transaction({{"POST", "Observation", observation(kUrn)}, {"POST", "Patient", patient(), kUrn}});
  ASSERT_EQ(answer.status, 200) << answer.content();
  EXPECT_EQ(statuses(answer), (std::vector<std::string>{"201 Created", "201 Created"}));
  const auto document = json(answer);
  EXPECT_EQ(document.root().string_at("type"), "transaction-response");
  EXPECT_TRUE(codec::fhir::check(document.root()).empty());
  const auto stored = json(get(location(answer, 0)));
  EXPECT_EQ(stored.root().find("subject")->string_at("reference"), location(answer, 1));
  EXPECT_EQ(answer.headers.get("CareLedger-Anchor").substr(0, 5), "final");
}

TEST_F(BundleTest, IsAllOrNothing) {
  ASSERT_EQ(put("Patient/there", patient("there")).status, 201);
  const auto versions = vault->figures().versions;
  std::vector<EntryText> entries{{"POST", "Patient", patient()}, {"DELETE", "Patient/there"}};
  for (int i = 0; i < 20; ++i) entries.push_back({"POST", "Observation", observation("Patient/none")});
  const auto refused = transaction(entries);
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(issues(refused).front(), "not-found Bundle.entry[2].resource.subject.reference");
  EXPECT_EQ(issues(refused).size(), 20u);
  EXPECT_EQ(vault->figures().versions, versions);
  EXPECT_EQ(get("Patient/there").status, 200);
}

TEST_F(BundleTest, OneBadEntryAmongThousandsRefusesAllAndIsNamed) {
  std::vector<EntryText> entries(25'000, {"POST", "Patient", patient()});
  entries[24'123].resource = R"({"resourceType":"Patient","birthDate":"yesterday"})";
  const auto refused = transaction(entries);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(issues(refused), std::vector<std::string>{"value Bundle.entry[24123].resource.birthDate"});
  entries.push_back({"POST", "Patient", patient()});
  EXPECT_EQ(transaction(entries).status, 413);
  EXPECT_EQ(vault->figures().versions, 0u);
}

TEST_F(BundleTest, ConditionalReferencesFindWhatIsThereAndWhatComes) {
  ASSERT_EQ(post("Practitioner", practitioner("1")).status, 201);
  const auto answer = transaction({{"POST", "Patient", patient(), kUrn},
                                   {"POST", "Practitioner", practitioner("2")},
                                   {"POST", "Observation", observation(kUrn, "Practitioner?identifier=urn:npi|1")},
                                   {"POST", "Observation", observation(kUrn, "Practitioner?identifier=urn:npi%7C2")}});
  ASSERT_EQ(answer.status, 200) << answer.content();
  const auto second = json(get(location(answer, 3)));
  EXPECT_EQ(second.root().items_at("performer")[0].string_at("reference"), location(answer, 1));
}

TEST_F(BundleTest, AConditionalReferenceWithoutOneMatchIsNamedAndNothingIsStored) {
  const auto performed_by = [&](const std::string& npi) {
    return transaction(
        {{"POST", "Patient", patient(), kUrn}, {"POST", "Observation", observation(kUrn, "Practitioner?identifier=urn:npi|" + npi)}});
  };
  const auto none = performed_by("1");
  EXPECT_EQ(none.status, 412);
  EXPECT_EQ(issues(none), std::vector<std::string>{"not-found Bundle.entry[1].resource.performer[0].reference"});
  EXPECT_NE(none.content().find("Practitioner?identifier=urn:npi|1"), std::string::npos);
  EXPECT_EQ(vault->figures().versions, 0u);
  ASSERT_EQ(post("Practitioner", practitioner("1")).status, 201);
  EXPECT_EQ(performed_by("1").status, 200) << "once the missing one is there, the same Bundle goes in";
  ASSERT_EQ(post("Practitioner", practitioner("1")).status, 201);
  const auto two = performed_by("1");
  EXPECT_EQ(two.status, 412);
  EXPECT_EQ(issues(two), std::vector<std::string>{"multiple-matches Bundle.entry[1].resource.performer[0].reference"});
}

TEST_F(BundleTest, IfNoneExistTakesWhatIsThere) {
  const EntryText once{"POST", "Practitioner", practitioner("1"), kUrn, R"(,"ifNoneExist":"identifier=urn:npi|1")"};
  const auto first = transaction({once});
  EXPECT_EQ(statuses(first), std::vector<std::string>{"201 Created"});
  const auto second =
      transaction({once, {"POST", "Patient", patient(), "urn:uuid:p"}, {"POST", "Observation", observation("urn:uuid:p", kUrn)}});
  ASSERT_EQ(second.status, 200) << second.content();
  EXPECT_EQ(statuses(second), (std::vector<std::string>{"200 OK", "201 Created", "201 Created"}));
  EXPECT_EQ(location(second, 0), location(first, 0));
  EXPECT_EQ(json(get(location(second, 2))).root().items_at("performer")[0].string_at("reference"), location(first, 0));
  EXPECT_EQ(transaction({once, {"POST", "Practitioner", practitioner("1"), {}, once.more}}).status, 400);
}

TEST_F(BundleTest, DeletesGoFirstThenCreatesThenUpdatesThenReads) {
  ASSERT_EQ(put("Patient/a", patient("a")).status, 201);
  const auto answer = transaction({{"GET", "Patient/b"},
                                   {"GET", "Patient?identifier=urn:mrn|7"},
                                   {"PUT", "Patient/b", patient("b", "8")},
                                   {"POST", "Patient", patient({}, "9")},
                                   {"DELETE", "Patient/a"}});
  ASSERT_EQ(answer.status, 200) << answer.content();
  EXPECT_EQ(statuses(answer), (std::vector<std::string>{"200 OK", "200 OK", "201 Created", "201 Created", "204 No Content"}));
  const auto document = json(answer);
  const auto entries = document.root().items_at("entry");
  EXPECT_EQ(entries[0].find("resource")->string_at("id"), "b");
  EXPECT_EQ(entries[1].find("resource")->find("total")->text(), "0") << "the one with that identifier was deleted before the search";
  EXPECT_EQ(get("Patient/a").status, 410);
  const auto dangling = transaction({{"DELETE", "Patient/b"}, {"POST", "Observation", observation("Patient/b")}});
  EXPECT_EQ(dangling.status, 422) << "what it deletes cannot be pointed at";
}

TEST_F(BundleTest, PreconditionsOfEntriesHold) {
  ASSERT_EQ(put("Patient/a", patient("a")).status, 201);
  const auto stale = transaction({{"POST", "Patient", patient()}, {"PUT", "Patient/a", patient("a"), {}, R"(,"ifMatch":"W/\"2\"")"}});
  EXPECT_EQ(stale.status, 412);
  EXPECT_EQ(issues(stale), std::vector<std::string>{"conflict Bundle.entry[1].request.ifMatch"});
  EXPECT_EQ(transaction({{"PUT", "Patient/a", patient("a"), {}, R"(,"ifNoneMatch":"*")"}}).status, 412);
  EXPECT_EQ(transaction({{"PUT", "Patient/a", patient("a"), {}, R"(,"ifMatch":"W/\"1\"")"}}).status, 200);
}

TEST_F(BundleTest, OneIdentityTwiceIsRefused) {
  EXPECT_EQ(issues(transaction({{"PUT", "Patient/a", patient("a")}, {"DELETE", "Patient/a"}})),
            std::vector<std::string>{"duplicate Bundle.entry[1].request.url"});
  EXPECT_EQ(issues(transaction({{"POST", "Patient", patient(), kUrn}, {"POST", "Patient", patient(), kUrn}})),
            std::vector<std::string>{"duplicate Bundle.entry[1].fullUrl"});
}

TEST_F(BundleTest, EntriesThatAskForWhatIsNotThere) {
  EXPECT_EQ(issues(transaction({{"POST", "Nothing", patient()}})), std::vector<std::string>{"value Bundle.entry[0].request.url"});
  EXPECT_EQ(issues(transaction({{"POST", "Observation", patient()}})), std::vector<std::string>{"invalid Bundle.entry[0].resource"});
  EXPECT_EQ(issues(transaction({{"PUT", "Patient/a", patient("b")}})), std::vector<std::string>{"invalid Bundle.entry[0].resource.id"});
  EXPECT_EQ(issues(transaction({{"POST", "Patient"}})), std::vector<std::string>{"required Bundle.entry[0].resource"});
  EXPECT_EQ(transaction({{"PATCH", "Patient/a", patient("a")}}).status, 501);
  EXPECT_EQ(transaction({{"PUT", "Patient?identifier=7", patient("a")}}).status, 501);
  EXPECT_EQ(post("", R"({"resourceType":"Bundle","type":"collection"})").status, 400);
  EXPECT_EQ(post("", patient()).status, 400);
  EXPECT_EQ(transaction({}).status, 400) << "an empty array is not FHIR";
  EXPECT_EQ(post("", R"({"resourceType":"Bundle","type":"transaction"})").status, 200);
  EXPECT_EQ(vault->figures().versions, 0u);
}

TEST_F(BundleTest, CirclesOfReferencesAreFine) {
  const std::string other = "urn:uuid:1c3151bd-1cbf-4d64-b04d-cd9187a4c6e0";
  const auto member = [](const std::string& urn) {
    return R"({"resourceType":"Observation","status":"final","code":{"text":"x"},"hasMember":[{"reference":")" + urn + "\"}]}";
  };
  const auto answer = transaction({{"POST", "Observation", member(other), kUrn}, {"POST", "Observation", member(kUrn), other}});
  ASSERT_EQ(answer.status, 200) << answer.content();
  EXPECT_EQ(json(get(location(answer, 0))).root().items_at("hasMember")[0].string_at("reference"), location(answer, 1));
  EXPECT_EQ(json(get(location(answer, 1))).root().items_at("hasMember")[0].string_at("reference"), location(answer, 0));
}

TEST_F(BundleTest, ABatchDoesWhatItCan) {
  const auto answer = batch({{"POST", "Patient", patient()},
                             {"POST", "Patient", R"({"resourceType":"Patient","gendre":"x"})"},
                             {"GET", "Patient/none"},
                             {"PUT", "Patient/a", patient("a")},
                             {"GET", "Patient/a"}});
  ASSERT_EQ(answer.status, 200) << answer.content();
  EXPECT_EQ(statuses(answer), (std::vector<std::string>{"201 Created", "400", "404", "201 Created", "200 OK"}));
  const auto document = json(answer);
  EXPECT_EQ(document.root().string_at("type"), "batch-response");
  const auto* problem = document.root().items_at("entry")[1].find("response")->find("outcome");
  EXPECT_EQ(problem->items_at("issue")[0].items_at("expression")[0].text(), "Bundle.entry[1].resource.gendre");
  EXPECT_TRUE(codec::fhir::check(document.root()).empty());
}

TEST_F(BundleTest, EntriesOfABatchSeeWhatThoseBeforeThemDid) {
  const EntryText once{"POST", "Practitioner", practitioner("1"), {}, R"(,"ifNoneExist":"identifier=urn:npi|1")"};
  const auto answer = batch({once,
                             once,
                             {"PUT", "Patient/a", patient("a")},
                             {"PUT", "Patient/a", patient("a", "8")},
                             {"POST", "Observation", observation("Patient/a", "Practitioner?identifier=urn:npi|1")},
                             {"POST", "Observation", observation("Patient/b")},
                             {"PUT", "Patient/b", patient("b")},
                             {"POST", "Observation", observation("Patient/b")},
                             {"DELETE", "Patient/b"},
                             {"POST", "Observation", observation("Patient/b")},
                             {"PUT", "Patient/a", patient("a"), {}, R"(,"ifMatch":"W/\"1\"")"}});
  ASSERT_EQ(answer.status, 200) << answer.content();
  EXPECT_EQ(statuses(answer), (std::vector<std::string>{"201 Created", "200 OK", "201 Created", "200 OK", "201 Created", "422",
                                                        "201 Created", "201 Created", "204 No Content", "422", "412"}));
  EXPECT_EQ(location(answer, 0), location(answer, 1));
  EXPECT_EQ(get("Patient/a").headers.get("ETag"), "W/\"2\"");
  EXPECT_EQ(get("Patient/b").status, 410);
  EXPECT_EQ(vault->figures().versions, 7u);
}

TEST_F(BundleTest, ALargeBatchIsStoredWhole) {
  std::vector<EntryText> entries(1'201, {"POST", "Patient", patient()});
  entries[600].resource = R"({"resourceType":"Patient","birthDate":"yesterday"})";
  const auto answer = batch(entries);
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(statuses(answer)[600], "400");
  EXPECT_EQ(vault->figures().versions, 1'200u);
}

TEST_F(BundleTest, EachEntryIsPermittedByItself) {
  who = principal(auth::Role::system);
  who->scopes = {"system/Patient.cruds"};
  EXPECT_EQ(transaction({{"POST", "Patient", patient()}}).status, 200);
  const auto refused = transaction({{"POST", "Patient", patient()}, {"POST", "Practitioner", practitioner("1")}});
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(issues(refused), std::vector<std::string>{"forbidden Bundle.entry[1]"});
  EXPECT_EQ(recorded().back().entry.kind, vault::AuditKind::refusal);
  who = principal(auth::Role::auditor);
  EXPECT_EQ(transaction({{"GET", "Patient/a"}}).status, 403);
}

TEST_F(BundleTest, WhatIsRefusedInABatchIsRecordedEntryByEntry) {
  const auto answer = batch({{"PUT", "Patient/a", patient("a")}, {"GET", "AuditEvent/0"}, {"GET", "Patient/a"}});
  EXPECT_EQ(statuses(answer), (std::vector<std::string>{"201 Created", "403", "200 OK"}));
  const auto entries = recorded();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].entry.details, R"({"type":"batch","removed":0,"created":0,"updated":1,"read":0,"commit":1})");
  EXPECT_EQ(entries[1].entry.kind, vault::AuditKind::transaction);
  EXPECT_EQ(entries[1].entry.details, R"({"type":"batch","removed":0,"created":0,"updated":0,"read":2})");
  EXPECT_EQ(entries[1].entry.subject, audit->subject_of("a"));
  EXPECT_EQ(entries[2].entry.kind, vault::AuditKind::refusal);
  EXPECT_EQ(entries[2].entry.outcome, vault::AuditOutcome::refused);
  EXPECT_EQ(entries[2].entry.resource_type, "AuditEvent");
  EXPECT_EQ(entries[2].entry.resource_id, "0");
  EXPECT_EQ(entries[2].entry.details, R"({"interaction":"read"})");
  who = principal(auth::Role::system);
  who->scopes = {"system/Practitioner.cruds"};
  batch({{"DELETE", "Patient/a"}});
  EXPECT_EQ(recorded().back().entry.kind, vault::AuditKind::refusal);
  EXPECT_EQ(recorded().back().entry.subject, audit->subject_of("a"));
}

TEST_F(BundleTest, WhoMayOnlyCreateLearnsNothingFromConditions) {
  ASSERT_EQ(transaction({{"POST", "Practitioner", practitioner("1")}, {"PUT", "Patient/a", patient("a")}}).status, 200);
  const EntryText once{"POST", "Practitioner", practitioner("1"), {}, R"(,"ifNoneExist":"identifier=urn:npi|1")"};
  const EntryText referring{"POST", "Observation", observation("Patient/a", "Practitioner?identifier=urn:npi|1")};
  who = principal(auth::Role::system);
  for (const char* scope : {"system/*.c", "system/*.cr", "system/*.cs"}) {
    who->scopes = {scope};
    for (const EntryText& entry : {once, referring}) {
      const auto refused = transaction({entry}, {{"Prefer", "return=representation"}});
      EXPECT_EQ(refused.status, 403) << scope << refused.content();
      EXPECT_EQ(statuses(batch({entry})), std::vector<std::string>{"403"}) << scope;
      EXPECT_EQ(recorded().back().entry.kind, vault::AuditKind::refusal);
    }
  }
  EXPECT_EQ(vault->figures().versions, 2u);
  who->scopes = {"system/*.crs"};
  EXPECT_EQ(statuses(batch({once, referring})), (std::vector<std::string>{"200 OK", "201 Created"}));
}

TEST_F(BundleTest, IsRecordedForEveryPatientConcerned) {
  const auto answer = transaction(
      {{"PUT", "Patient/a", patient("a")}, {"PUT", "Patient/b", patient("b")}, {"POST", "Observation", observation("Patient/a")}});
  ASSERT_EQ(answer.status, 200) << answer.content();
  const auto entries = recorded();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].entry.kind, vault::AuditKind::transaction);
  EXPECT_EQ(entries[0].entry.subject, audit->subject_of("a"));
  EXPECT_EQ(entries[1].entry.subject, audit->subject_of("b"));
  EXPECT_EQ(entries[0].entry.details, R"({"type":"transaction","removed":0,"created":1,"updated":2,"read":0,"commit":1})");
}

TEST_F(BundleTest, ReturnsWhatWasStoredWhenAsked) {
  const auto answer = transaction({{"POST", "Patient", patient()}}, {{"Prefer", "return=representation"}});
  const auto document = json(answer);
  EXPECT_EQ(document.root().items_at("entry")[0].find("resource")->string_at("resourceType"), "Patient");
}

TEST_F(BundleTest, UnderOneIdempotencyKeyItIsStoredOnce) {
  const HeaderList key{{"Idempotency-Key", "17"}};
  const std::vector<EntryText> entries{
      {"POST", "Patient", patient()}, {"PUT", "Patient/a", patient("a"), {}, R"(,"ifNoneMatch":"*")"}, {"DELETE", "Practitioner/none"}};
  ASSERT_EQ(transaction(entries, key).status, 200);
  const auto again = transaction(entries, key);
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(issues(again), std::vector<std::string>{"duplicate"});
  EXPECT_EQ(vault->figures().versions, 2u);
  EXPECT_EQ(transaction({entries[0]}, {{"Idempotency-Key", "18"}}).status, 200) << "another request";
  who = principal(auth::Role::system);
  who->actor = "Device/other";
  EXPECT_EQ(transaction({entries[0]}, key).status, 200) << "somebody else's key of that name";
  EXPECT_EQ(transaction({{"PUT", "Patient/b", R"({"resourceType":"Patient","id":"c"})"}}, {{"Idempotency-Key", "19"}}).status, 400);
  EXPECT_EQ(transaction({{"PUT", "Patient/b", patient("b")}}, {{"Idempotency-Key", "19"}}).status, 200) << "what was refused is not stored";
  EXPECT_EQ(vault->figures().versions, 5u);
}

TEST_F(BundleTest, ABatchSentAgainStoresNothingAndRefusesTheSameEntries) {
  const HeaderList key{{"Idempotency-Key", "17"}};
  const std::string body = bundle_of("batch", {{"POST", "Patient", patient()},
                                               {"POST", "Patient", R"({"resourceType":"Patient","nickname":"x"})"},
                                               {"PUT", "Patient/a", patient("a")},
                                               {"PUT", "Patient/a", patient("a", "8")},  // of a commit of its own
                                               {"GET", "Patient/a"}});
  EXPECT_EQ(statuses(post("", body, key)), (std::vector<std::string>{"201 Created", "400", "201 Created", "200 OK", "200 OK"}));
  EXPECT_EQ(statuses(post("", body, key)), (std::vector<std::string>{"409", "400", "409", "409", "200 OK"}));
  EXPECT_EQ(vault->figures().versions, 3u);
}

TEST_F(BundleTest, WhatWasRefusedOfABatchIsStoredWhenItCanBe) {
  const HeaderList key{{"Idempotency-Key", "17"}};
  const std::string body = bundle_of("batch", {{"POST", "Observation", observation("Patient/late")}, {"POST", "Patient", patient()}});
  EXPECT_EQ(statuses(post("", body, key)), (std::vector<std::string>{"422", "201 Created"}));
  EXPECT_EQ(statuses(post("", body, key)), (std::vector<std::string>{"422", "409"})) << "nothing has changed";
  ASSERT_EQ(put("Patient/late", patient("late")).status, 201);
  EXPECT_EQ(statuses(post("", body, key)), (std::vector<std::string>{"201 Created", "409"}));
  EXPECT_EQ(statuses(post("", body, key)), (std::vector<std::string>{"409", "409"}));
  EXPECT_EQ(vault->figures().versions, 3u);
}

// The first of two commits is there and an entry of it was refused: every other entry moves to another place among those to be stored.
TEST_F(BundleTest, ABatchOfSeveralCommitsGoesOnBehindWhatIsStored) {
  const HeaderList key{{"Idempotency-Key", "17"}};
  std::vector<EntryText> entries{{"POST", "Observation", observation("Patient/late")}};
  for (int i = 0; i < 600; ++i) {
    const std::string id = "p" + std::to_string(i);
    entries.push_back({"PUT", "Patient/" + id, patient(id), {}, R"(,"ifNoneMatch":"*")"});
  }
  ASSERT_EQ(post("", bundle_of("batch", {entries.begin(), entries.begin() + 501}), key).status, 200);
  ASSERT_EQ(vault->figures().versions, 500u);
  ASSERT_EQ(put("Patient/late", patient("late")).status, 201);
  std::vector<std::string> expected{"201 Created"};
  expected.insert(expected.end(), 500, "409");
  expected.insert(expected.end(), 100, "201 Created");
  const std::string body = bundle_of("batch", entries);
  EXPECT_EQ(statuses(post("", body, key)), expected);
  EXPECT_EQ(vault->figures().versions, 602u);
  EXPECT_EQ(statuses(post("", body, key)), std::vector<std::string>(601, "409"));
  EXPECT_EQ(statuses(post("", body)).back(), "412") << "without the key the condition holds";
}

}  // namespace
}  // namespace careledger::edge::fhir
