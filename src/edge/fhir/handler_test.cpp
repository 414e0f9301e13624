// create, read, vread, update, delete, history, capabilities: as a client sees them.
#include "codec/fhir/check.h"
#include "edge/fhir/test_support.h"
#include "edge/http/gzip.h"
#include "edge/http/response_writer.h"

namespace careledger::edge::fhir {
namespace {

using vault::AuditKind;
using vault::AuditOutcome;

const std::string kPatient = R"({"resourceType":"Patient","identifier":[{"system":"urn:mrn","value":"7"}],"name":[{"family":"Chalmers"}],)"
                             R"("extension":[{"url":"http://example.org/weight","valueDecimal":1.10}],"birthDate":"1974-12-25"})";

std::string patient_as(const std::string& id, const std::string& family) {
  return R"({"resourceType":"Patient","id":")" + id + R"(","name":[{"family":")" + family + R"("}]})";
}

using HandlerTest = FhirTest;

TEST_F(HandlerTest, CreatesAndReadsWhatWasSentWithEveryDecimal) {
  const auto created = post("Patient", kPatient);
  ASSERT_EQ(created.status, 201) << created.content();
  const std::string id = id_of(created);
  EXPECT_EQ(id.size(), 36u);
  EXPECT_EQ(created.headers.get("Location"), "https://north.example/fhir/Patient/" + id + "/_history/1");
  EXPECT_EQ(created.headers.get("ETag"), "W/\"1\"");
  EXPECT_EQ(created.headers.get("CareLedger-Anchor").substr(0, 13), "final; height");
  EXPECT_EQ(created.headers.get("Content-Type"), "application/fhir+json; charset=utf-8");
  const auto read = get("Patient/" + id);
  ASSERT_EQ(read.status, 200);
  EXPECT_EQ(read.content(), created.content());
  EXPECT_NE(read.content().find("\"valueDecimal\":1.10}"), std::string::npos);
  EXPECT_EQ(read.headers.get("ETag"), "W/\"1\"");
  EXPECT_EQ(read.headers.get("Last-Modified"), http::imf_date(clock.now()));
  const auto document = json(read);
  EXPECT_EQ(document.root().find("meta")->string_at("versionId"), "1");
  EXPECT_FALSE(document.root().find("meta")->string_at("lastUpdated").empty());
  EXPECT_TRUE(codec::fhir::check(document.root()).empty());
}

TEST_F(HandlerTest, AWriteIsAnsweredOnlyWhenItsAnchorIsFinal) {
  ledger.hold(true);
  http::Request request;
  request.method = http::Method::post;
  ASSERT_TRUE(http::read_target("/fhir/Patient", 10, request));
  request.headers.add("Authorization", bearer(principal(auth::Role::clinician)));
  request.headers.add("Content-Type", "application/fhir+json");
  request.body = kPatient;
  std::promise<http::Response> promise;
  auto answer = promise.get_future();
  handler->handle(std::move(request), [&](http::Response response) { promise.set_value(std::move(response)); });
  ledger.wait_for_submissions(1);
  EXPECT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  ledger.hold(false);
  EXPECT_EQ(answer.get().status, 201);
}

// The last moment of a ledger that grows: the network takes as long as its members do.
TEST_F(HandlerTest, AWriteWhoseLedgerGrewMeanwhileWaitsForNothing) {
  ledger.hold(true);
  int asked = 0;
  config.waits_for_anchor = [&asked] { return asked++ == 0; };
  make_handler();
  const auto written = post("Patient", kPatient);
  EXPECT_EQ(written.status, 201) << written.content();
  EXPECT_EQ(written.headers.get("CareLedger-Anchor"), "pending");
  EXPECT_EQ(asked, 2);
  ledger.hold(false);
}

TEST_F(HandlerTest, EveryAccessIsRecordedBeforeItIsAnswered) {
  const std::string id = id_of(post("Patient", kPatient));
  get("Patient/" + id);
  get("Patient/none");
  const auto entries = recorded();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].entry.kind, AuditKind::create);
  EXPECT_EQ(entries[1].entry.kind, AuditKind::read);
  EXPECT_EQ(entries[1].entry.subject, audit->subject_of(id));
  EXPECT_EQ(entries[1].entry.actor, "Practitioner/17");
  EXPECT_EQ(entries[1].entry.purpose, "TREAT");
  EXPECT_EQ(entries[1].entry.version, 1u);
  EXPECT_EQ(entries[2].entry.outcome, AuditOutcome::failed);
}

TEST_F(HandlerTest, AnEmergencyIsRecordedAsOne) {
  const std::string id = id_of(post("Patient", kPatient));
  who = principal(auth::Role::clinician);
  who->emergency = true;
  EXPECT_EQ(get("Patient/" + id).status, 200);
  EXPECT_EQ(recorded().back().entry.kind, AuditKind::break_glass);
  EXPECT_EQ(recorded().back().entry.details, R"({"interaction":"read"})");
}

TEST_F(HandlerTest, UpdatesMakeVersionsThatStayReadable) {
  const std::string id = id_of(post("Patient", kPatient));
  clock.advance(std::chrono::milliseconds(5000));
  const auto updated = put("Patient/" + id, patient_as(id, "Windsor"));
  ASSERT_EQ(updated.status, 200) << updated.content();
  EXPECT_EQ(updated.headers.get("ETag"), "W/\"2\"");
  EXPECT_NE(get("Patient/" + id).content().find("Windsor"), std::string::npos);
  EXPECT_NE(get("Patient/" + id + "/_history/1").content().find("Chalmers"), std::string::npos);
  EXPECT_EQ(get("Patient/" + id + "/_history/3").status, 404);
  const auto history = json(get("Patient/" + id + "/_history"));
  ASSERT_EQ(history.root().items_at("entry").size(), 2u);
  EXPECT_EQ(history.root().find("total")->text(), "2");
  EXPECT_EQ(history.root().items_at("entry")[0].find("response")->string_at("etag"), "W/\"2\"");
  EXPECT_TRUE(codec::fhir::check(history.root()).empty()) << codec::fhir::check(history.root())[0].location;
}

TEST_F(HandlerTest, HistoryComesInPages) {
  for (int i = 1; i <= 5; ++i) ASSERT_LT(put("Patient/p", patient_as("p", "F" + std::to_string(i))).status, 300);
  std::vector<std::string> seen;
  std::string next = "Patient/p/_history?_count=2";
  while (!next.empty()) {
    const auto page = json(get(next));
    for (const auto& entry : page.root().items_at("entry")) seen.emplace_back(entry.find("response")->string_at("etag"));
    next.clear();
    for (const auto& link : page.root().items_at("link"))
      if (link.string_at("relation") == "next") next = link.string_at("url").substr(config.base_url.size() + 1);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"W/\"5\"", "W/\"4\"", "W/\"3\"", "W/\"2\"", "W/\"1\""}));
}

TEST_F(HandlerTest, UpdateCreatesUnderTheClientsId) {
  const auto created = put("Patient/mine.1", patient_as("mine.1", "A"));
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.headers.get("Location"), "https://north.example/fhir/Patient/mine.1/_history/1");
  EXPECT_EQ(put("Patient/other", patient_as("mine.1", "A")).status, 400);
  EXPECT_EQ(put("Patient/other", R"({"resourceType":"Patient"})").status, 400);
  EXPECT_EQ(put("Patient/under_score", patient_as("under_score", "A")).status, 404);
}

TEST_F(HandlerTest, IfMatchGuardsAgainstLostUpdates) {
  ASSERT_EQ(put("Patient/p", patient_as("p", "A"), {{"If-Match", "W/\"1\""}}).status, 412);
  ASSERT_EQ(put("Patient/p", patient_as("p", "A")).status, 201);
  EXPECT_EQ(put("Patient/p", patient_as("p", "B"), {{"If-Match", "W/\"1\""}}).status, 200);
  const auto stale = put("Patient/p", patient_as("p", "C"), {{"If-Match", "W/\"1\""}});
  EXPECT_EQ(stale.status, 412);
  EXPECT_EQ(issues(stale), std::vector<std::string>{"conflict"});
  EXPECT_EQ(put("Patient/p", patient_as("p", "C"), {{"If-Match", "three"}}).status, 400);
  EXPECT_EQ(remove("Patient/p", {{"If-Match", "W/\"1\""}}).status, 412);
  EXPECT_EQ(put("Patient/p", patient_as("p", "C"), {{"If-None-Match", "*"}}).status, 412);
  EXPECT_EQ(get("Patient/p").headers.get("ETag"), "W/\"2\"");
}

TEST_F(HandlerTest, OfConcurrentUpdatesOnOneVersionExactlyOneWins) {
  ASSERT_EQ(put("Patient/p", patient_as("p", "A")).status, 201);
  std::vector<std::future<int>> answers;
  for (int i = 0; i < 8; ++i) {
    answers.push_back(std::async(std::launch::async, [&, i] {
      return put("Patient/p", patient_as("p", "F" + std::to_string(i)), {{"If-Match", "W/\"1\""}}).status;
    }));
  }
  int won = 0;
  for (auto& answer : answers) won += answer.get() == 200 ? 1 : 0;
  EXPECT_EQ(won, 1);
}

TEST_F(HandlerTest, DeletesLeaveATombstone) {
  ASSERT_EQ(put("Patient/p", patient_as("p", "A")).status, 201);
  const auto removed = remove("Patient/p");
  EXPECT_EQ(removed.status, 204);
  EXPECT_EQ(removed.headers.get("ETag"), "W/\"2\"");
  EXPECT_EQ(removed.content(), "");
  const auto gone = get("Patient/p");
  EXPECT_EQ(gone.status, 410);
  EXPECT_EQ(issues(gone), std::vector<std::string>{"deleted"});
  EXPECT_EQ(remove("Patient/p").status, 204);
  EXPECT_EQ(remove("Patient/never").status, 204);
  EXPECT_EQ(get("Patient/p/_history/1").status, 200);
  const auto history = json(get("Patient/p/_history"));
  EXPECT_EQ(history.root().items_at("entry")[0].find("request")->string_at("method"), "DELETE");
  const auto again = put("Patient/p", patient_as("p", "B"));
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.headers.get("ETag"), "W/\"3\"");
}

TEST_F(HandlerTest, IfNoneMatchSavesTheBody) {
  ASSERT_EQ(put("Patient/p", patient_as("p", "A")).status, 201);
  const auto same = get("Patient/p", {{"If-None-Match", "W/\"1\""}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.content(), "");
  EXPECT_EQ(get("Patient/p", {{"If-None-Match", "W/\"2\""}}).status, 200);
}

TEST_F(HandlerTest, IfNoneExistCreatesOnce) {
  const HeaderList once{{"If-None-Exist", "identifier=urn:mrn|7"}};
  const auto first = post("Patient", kPatient, once);
  ASSERT_EQ(first.status, 201) << first.content();
  const auto second = post("Patient", kPatient, once);
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(id_of(second), id_of(first));
  ASSERT_EQ(post("Patient", kPatient).status, 201);
  EXPECT_EQ(post("Patient", kPatient, once).status, 412);
  EXPECT_EQ(post("Patient", kPatient, {{"If-None-Exist", "nonsense=1"}}).status, 400);
}

TEST_F(HandlerTest, WhoMayOnlyCreateIsNotToldWhatIsThere) {
  ASSERT_EQ(post("Patient", kPatient).status, 201);
  who = principal(auth::Role::system);
  for (const char* scope : {"system/Patient.c", "system/Patient.cr", "system/Patient.cs"}) {
    who->scopes = {scope};
    for (const char* number : {"7", "8"}) {  // found or not: the same answer
      const auto refused = post("Patient", kPatient, {{"If-None-Exist", std::string("identifier=urn:mrn|") + number}});
      EXPECT_EQ(refused.status, 403) << scope;
      EXPECT_EQ(refused.content().find("Chalmers"), std::string::npos);
    }
  }
  EXPECT_EQ(recorded().back().entry.kind, AuditKind::refusal);
  EXPECT_EQ(vault->figures().versions, 1u);
  EXPECT_EQ(post("Patient", kPatient).status, 201) << "what is one's own may be created";
}

TEST_F(HandlerTest, UnderOneIdempotencyKeyAWriteIsStoredOnce) {
  const HeaderList key{{"Idempotency-Key", "17"}};
  ASSERT_EQ(post("Patient", kPatient, key).status, 201);
  const auto again = post("Patient", kPatient, key);
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(issues(again), std::vector<std::string>{"duplicate"});
  EXPECT_EQ(vault->figures().versions, 1u);
}

TEST_F(HandlerTest, PreferDecidesWhatAWriteReturns) {
  EXPECT_EQ(post("Patient", kPatient, {{"Prefer", "return=minimal"}}).content(), "");
  EXPECT_EQ(json(post("Patient", kPatient, {{"Prefer", "return=OperationOutcome"}})).root().string_at("resourceType"), "OperationOutcome");
  EXPECT_EQ(json(post("Patient", kPatient, {{"Prefer", "return=representation"}})).root().string_at("resourceType"), "Patient");
}

TEST_F(HandlerTest, FormatAndPretty) {
  ASSERT_EQ(put("Patient/p", patient_as("p", "A")).status, 201);
  for (const char* format : {"json", "application/json", "application/fhir%2Bjson", "application/fhir+json", "text/json"}) {
    EXPECT_EQ(get(std::string("Patient/p?_format=") + format).status, 200) << format;
  }
  EXPECT_EQ(get("Patient/p?_format=xml").status, 406);
  EXPECT_EQ(get("Patient/p", {{"Accept", "application/fhir+xml"}}).status, 406);
  EXPECT_EQ(get("Patient/p", {{"Accept", "application/fhir+xml, application/fhir+json;q=0.8"}}).status, 200);
  EXPECT_NE(get("Patient/p?_pretty=true").content().find("\n  \"id\": \"p\""), std::string::npos);
  EXPECT_EQ(post("Patient", kPatient, {{"Content-Type", "application/xml"}}).status, 415);
}

TEST_F(HandlerTest, PathsAndMethodsThatAreNotThere) {
  EXPECT_EQ(get("Patients/1").status, 404);
  EXPECT_EQ(get("Patient/1/name").status, 404);
  EXPECT_EQ(get("Patient/1/_history/x").status, 404);
  EXPECT_EQ(get("a/b/c/d/e").status, 404);
  const auto patched = ask(http::Method::patch, "/fhir/Patient/1", "[]");
  EXPECT_EQ(patched.status, 405);
  EXPECT_EQ(patched.headers.get("Allow"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(put("Patient?identifier=1", kPatient).status, 501);
  EXPECT_EQ(get("Patient/1?_elements=name").status, 400);
  EXPECT_EQ(get("Patient/none").status, 404);
}

TEST_F(HandlerTest, WhatIsRefusedForItsFormIsRecordedToo) {
  struct Case {
    http::Method method;
    const char* target;
    int status;
    AuditKind kind;
    const char* id;
  };
  const std::vector<Case> cases{{http::Method::patch, "/fhir/Patient/1", 405, AuditKind::update, "1"},
                                {http::Method::get, "/fhir/Patient/2?_format=xml", 406, AuditKind::read, "2"},
                                {http::Method::put, "/fhir/Patient/3", 415, AuditKind::update, "3"},
                                {http::Method::get, "/fhir/Patient/4/name", 404, AuditKind::read, "4"},
                                {http::Method::remove, "/fhir/Patient", 501, AuditKind::remove, ""}};
  ASSERT_EQ(put("Patient/1", R"({"resourceType":"Patient","id":"1"})").status, 201);
  for (const Case& one : cases) {
    const auto refused = ask(one.method, one.target, "x", {{"Content-Type", "application/xml"}});
    EXPECT_EQ(refused.status, one.status) << one.target;
    EXPECT_EQ(refused.route, *one.id == 0 ? "/fhir/{type}" : "/fhir/{type}/{id}") << one.target;
    const auto entry = recorded().back().entry;
    EXPECT_EQ(entry.kind, one.kind) << one.target;
    EXPECT_EQ(entry.outcome, AuditOutcome::failed);
    EXPECT_EQ(entry.resource_id, one.id);
    EXPECT_EQ(entry.details, "{\"status\":" + std::to_string(one.status) + "}");
    EXPECT_EQ(entry.subject, one.id == std::string_view("1") ? audit->subject_of("1") : vault::Subject()) << one.target;
  }
}

TEST_F(HandlerTest, TheCapabilitiesComePackedForWhoTakesThem) {
  const auto plain = get("metadata");
  const auto packed = get("metadata", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(plain.headers.get("Content-Encoding"), "");
  EXPECT_EQ(packed.headers.get("Content-Encoding"), "gzip");
  EXPECT_LT(packed.content().size() * 5, plain.content().size());
  std::string unpacked;
  http::Unpacker unpacker(1 << 24);
  ASSERT_TRUE(unpacker.add(packed.content(), unpacked));
  EXPECT_EQ(unpacked, plain.content());
}

TEST_F(HandlerTest, BadBodiesAreRefusedWithTheirPlacesAndNothingIsStored) {
  const std::vector<std::pair<std::string, int>> bodies{{"", 400},
                                                        {"{", 400},
                                                        {"[]", 400},
                                                        {"nonsense", 400},
                                                        {R"({"resourceType":"Patient","active":NaN})", 400},
                                                        {R"({"resourceType":"Patient","active":true,"active":false})", 400},
                                                        {"{\"resourceType\":\"Patient\",\"id\":\"\xff\"}", 400},
                                                        {R"({"resourceType":"Patient","language":"\ud800"})", 400},
                                                        {R"({"resourceType":"Nothing"})", 400},
                                                        {R"({"active":true})", 400},
                                                        {R"({"resourceType":"Observation","status":"final","code":{"text":"x"}})", 400},
                                                        {std::string(300, '[') + std::string(300, ']'), 413}};
  for (const auto& [body, status] : bodies) {
    const auto answer = post("Patient", body, {{"Content-Type", "application/fhir+json"}});
    EXPECT_EQ(answer.status, status) << body.substr(0, 80) << ' ' << answer.content();
    EXPECT_FALSE(issues(answer).empty());
  }
  const auto findings = post("Patient", R"({"resourceType":"Patient","birthDate":"25.12.1974","gendre":"male","name":[{"given":"A"}]})");
  EXPECT_EQ(findings.status, 400);
  const auto places = issues(findings);
  EXPECT_EQ(std::set<std::string>(places.begin(), places.end()),
            (std::set<std::string>{"value Patient.birthDate", "structure Patient.gendre", "structure Patient.name[0].given"}));
  EXPECT_EQ(vault->figures().versions, 0u);
}

TEST_F(HandlerTest, WithoutATokenNothingButTheCapabilities) {
  who = auth::Principal{};
  const auto refused = get("Patient/1");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(issues(refused), std::vector<std::string>{"login"});
  EXPECT_EQ(refused.headers.get("WWW-Authenticate"), "Bearer realm=\"careledger\"");
  ASSERT_EQ(recorded().size(), 1u);
  EXPECT_EQ(recorded().back().entry.kind, AuditKind::failed_login);
  EXPECT_EQ(recorded().back().entry.details, R"({"door":"fhir","credential":"none","leftOut":0})");
  EXPECT_EQ(get("Patient/1", {{"Authorization", "Bearer forged"}}).status, 401);
  EXPECT_EQ(recorded().back().entry.kind, AuditKind::failed_login);
  EXPECT_EQ(recorded().back().entry.details, R"({"door":"fhir","credential":"refused","leftOut":0})");
  const auto metadata = get("metadata");
  ASSERT_EQ(metadata.status, 200);
  const auto statement = json(metadata);
  ASSERT_TRUE(codec::fhir::check(statement.root()).empty()) << codec::fhir::check(statement.root())[0].location;
  EXPECT_EQ(statement.root().items_at("rest")[0].items_at("resource").size(), 146u);
  EXPECT_EQ(get("OperationDefinition/Patient-retrieve").status, 200);
  EXPECT_EQ(get("OperationDefinition/other").status, 401);
}

TEST_F(HandlerTest, FailedLoginsAreRecordedButNotWithoutBound) {
  who = auth::Principal{};
  for (int i = 0; i < 50; ++i) get("Patient/1", {{"Authorization", "Bearer forged"}});
  EXPECT_EQ(recorded().size(), 20u);
  get("Patient/1");
  EXPECT_EQ(recorded().size(), 21u) << "requests without a token have a share of their own";
  clock.advance(std::chrono::milliseconds(1000));
  get("Patient/1", {{"Authorization", "Bearer forged"}});
  EXPECT_EQ(recorded().back().entry.details, R"({"door":"fhir","credential":"refused","leftOut":30})");
}

TEST_F(HandlerTest, ThoseWithoutTheRightAreRefusedAndRecorded) {
  const std::string id = id_of(post("Patient", kPatient));
  for (const auth::Role role : {auth::Role::auditor, auth::Role::administrator}) {
    who = principal(role);
    const auto refused = get("Patient/" + id);
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(issues(refused), std::vector<std::string>{"forbidden"});
    EXPECT_EQ(recorded().back().entry.kind, AuditKind::refusal);
    EXPECT_EQ(recorded().back().entry.outcome, AuditOutcome::refused);
    EXPECT_EQ(recorded().back().entry.subject, audit->subject_of(id));
    EXPECT_EQ(post("Patient", kPatient).status, 403);
  }
  who = principal(auth::Role::clinician);
  who->scopes = {"user/Observation.rs"};
  EXPECT_EQ(get("Patient/" + id).status, 403);
  who.reset();
  EXPECT_EQ(post("AuditEvent", R"({"resourceType":"AuditEvent"})").status, 403);
}

TEST_F(HandlerTest, APatientReadsTheOwnCompartmentAndNoOther) {
  const std::string own = id_of(post("Patient", kPatient));
  const std::string other = id_of(post("Patient", kPatient));
  who = principal(auth::Role::patient, own);
  EXPECT_EQ(get("Patient/" + own).status, 200);
  EXPECT_EQ(get("Patient/" + own + "/_history").status, 200);
  EXPECT_EQ(get("Patient/" + other).status, 403);
  EXPECT_EQ(recorded().back().entry.subject, audit->subject_of(other));
  EXPECT_EQ(get("Patient/" + other + "/_history").status, 403);
  EXPECT_EQ(put("Patient/" + own, patient_as(own, "B")).status, 403);
}

class Answering final : public Operations {
 public:
  void retrieve(OperationCall call, OperationDone done) override {
    seen = std::move(call);
    done(OperationReply{200, R"({"resourceType":"Bundle","type":"collection"})"});
  }
  void relationship(OperationCall, OperationDone done) override { done(fail(ErrorKind::unavailable, "the ledger does not answer")); }
  OperationCall seen;
};

TEST_F(HandlerTest, OperationsGoToWhoeverSuppliesThem) {
  const std::string id = id_of(post("Patient", kPatient));
  EXPECT_EQ(post("Patient/" + id + "/$retrieve?from=North", "").status, 501);
  Answering supplied;
  operations = &supplied;
  make_handler();
  const auto answer =
      post("Patient/" + id + "/$retrieve", R"({"resourceType":"Parameters","parameter":[{"name":"from","valueString":"North"},)"
                                           R"({"name":"category","valueCode":"laboratory"}]})");
  EXPECT_EQ(answer.status, 200) << answer.content();
  EXPECT_EQ(supplied.seen.patient_id, id);
  EXPECT_EQ(supplied.seen.first("from"), "North");
  EXPECT_EQ(supplied.seen.first("category"), "laboratory");
  EXPECT_EQ(issues(post("Patient/" + id + "/$relationship", "")), std::vector<std::string>{"transient"});
  EXPECT_EQ(post("Patient/none/$retrieve?from=North", "").status, 404);
  EXPECT_EQ(post("Patient/" + id + "/$unknown", "").status, 501);
  who = principal(auth::Role::auditor);
  EXPECT_EQ(post("Patient/" + id + "/$retrieve?from=North", "").status, 403);
  EXPECT_NE(get("metadata").content().find("OperationDefinition/Patient-retrieve"), std::string::npos);
}

TEST_F(HandlerTest, AFullAuditQueueRefusesAWriteBeforeItIsStored) {
  handler.reset();
  logins.reset();
  writes.reset();
  audit.reset();
  vault::AuditOptions small;
  small.queue_max = 2;
  open_audit(small);
  logins = std::make_unique<auth::FailedLogins>(*audit, clock);
  make_handler();
  {
    const auto places = audit->reserve(2);
    ASSERT_TRUE(places);
    EXPECT_EQ(put("Patient/a", R"({"resourceType":"Patient","id":"a"})").status, 503);
    EXPECT_EQ(vault->figures().versions, 0u);
  }
  EXPECT_EQ(put("Patient/a", R"({"resourceType":"Patient","id":"a"})").status, 201);
  ASSERT_EQ(recorded().size(), 1u);
  EXPECT_EQ(recorded().front().entry.subject, audit->subject_of("a"));
}

}  // namespace
}  // namespace careledger::edge::fhir
