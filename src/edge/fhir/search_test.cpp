// Search: as a client sees it.
#include <set>

#include "codec/fhir/check.h"
#include "edge/fhir/test_support.h"

namespace careledger::edge::fhir {
namespace {

class SearchTest : public FhirTest {
 protected:
  void SetUp() override {
    FhirTest::SetUp();
    put("Organization/o1", R"({"resourceType":"Organization","id":"o1","name":"North Clinic","active":true})");
    put("Practitioner/d1",
        R"({"resourceType":"Practitioner","id":"d1","identifier":[{"system":"urn:npi","value":"1"}],"name":[{"family":"Weiß"}]})");
    put_patient("a", "Chalmers", "1974-12-25", "male");
    put_patient("b", "Chalmer", "1974-12-26", "female");
    put_patient("c", "Ångström", "1990-01-01", "female");
    put_observation("x1", "a", "8480-6", "2024-05-01T08:00:00Z", "1.10");
    put_observation("x2", "a", "8462-4", "2024-05-02", "80");
    put_observation("x3", "b", "8480-6", "2024-06", "120");
  }
  void put_patient(const std::string& id, const std::string& family, const std::string& born, const std::string& gender) {
    const auto answer = put("Patient/" + id, R"({"resourceType":"Patient","id":")" + id +
                                                 R"(","identifier":[{"system":"urn:mrn","value":"m-)" + id + R"("}],"name":[{"family":")" +
                                                 family + R"("}],"gender":")" + gender + R"(","birthDate":")" + born + "\"}");
    ASSERT_EQ(answer.status, 201) << answer.content();
  }
  void put_observation(const std::string& id, const std::string& subject, const std::string& code, const std::string& when,
                       const std::string& value) {
    const auto answer = put("Observation/" + id, R"({"resourceType":"Observation","id":")" + id +
                                                     R"(","status":"final","code":{"coding":[{"system":"http://loinc.org","code":")" +
                                                     code + R"("}]},"subject":{"reference":"Patient/)" + subject +
                                                     R"("},"effectiveDateTime":")" + when + R"(","valueQuantity":{"value":)" + value +
                                                     R"(,"unit":"mm","system":"http://unitsofmeasure.org","code":"mm"}})");
    ASSERT_EQ(answer.status, 201) << answer.content();
  }
  static std::set<std::string> ids_of(const http::Response& response) {
    EXPECT_EQ(response.status, 200) << response.content();
    std::set<std::string> ids;
    const auto document = json(response);
    for (const auto& entry : document.root().items_at("entry"))
      if (entry.find("search")->string_at("mode") == "match") ids.emplace(entry.find("resource")->string_at("id"));
    return ids;
  }
  std::set<std::string> found(const std::string& query) { return ids_of(get(query)); }
  static std::string link(const http::Response& response, std::string_view relation) {
    const auto document = json(response);
    for (const auto& one : document.root().items_at("link"))
      if (one.string_at("relation") == relation) return std::string(one.string_at("url"));
    return {};
  }
  using Ids = std::set<std::string>;
};

TEST_F(SearchTest, Tokens) {
  EXPECT_EQ(found("Patient?identifier=urn:mrn%7Cm-a"), Ids{"a"});
  EXPECT_EQ(found("Patient?identifier=m-a"), Ids{"a"});
  EXPECT_EQ(found("Patient?identifier=urn:other%7Cm-a"), Ids{});
  EXPECT_EQ(found("Patient?identifier=urn:mrn%7C"), (Ids{"a", "b", "c"}));
  EXPECT_EQ(found("Patient?gender=female"), (Ids{"b", "c"}));
  EXPECT_EQ(found("Patient?gender=female,male"), (Ids{"a", "b", "c"}));
  EXPECT_EQ(found("Patient?gender:not=female"), Ids{"a"});
  EXPECT_EQ(found("Organization?active=true"), Ids{"o1"});
  EXPECT_EQ(found("Observation?code=http://loinc.org%7C8480-6"), (Ids{"x1", "x3"}));
}

TEST_F(SearchTest, Strings) {
  EXPECT_EQ(found("Patient?family=chalm"), (Ids{"a", "b"}));
  EXPECT_EQ(found("Patient?family:exact=Chalmer"), Ids{"b"});
  EXPECT_EQ(found("Patient?family:contains=ALMERS"), Ids{"a"});
  EXPECT_EQ(found("Patient?name=angst"), Ids{"c"});
  EXPECT_EQ(found("Organization?name=north"), Ids{"o1"});
}

TEST_F(SearchTest, Dates) {
  EXPECT_EQ(found("Patient?birthdate=1974-12-25"), Ids{"a"});
  EXPECT_EQ(found("Patient?birthdate=1974"), (Ids{"a", "b"}));
  EXPECT_EQ(found("Patient?birthdate=ge1974-12-26"), (Ids{"b", "c"}));
  EXPECT_EQ(found("Patient?birthdate=gt1974&birthdate=lt1991"), Ids{"c"});
  EXPECT_EQ(found("Patient?birthdate=ne1974"), Ids{"c"});
  EXPECT_EQ(found("Observation?date=2024-05"), (Ids{"x1", "x2"}));
  EXPECT_EQ(found("Observation?date=le2024-05-01T08:00:00Z"), Ids{"x1"});
  EXPECT_EQ(found("Observation?date=2024-05-01T10:00:00%2B02:00"), Ids{"x1"});
  EXPECT_EQ(found("Patient?_lastUpdated=gt2000-01-01"), (Ids{"a", "b", "c"}));
  EXPECT_EQ(found("Patient?_lastUpdated=lt2000-01-01"), Ids{});
}

TEST_F(SearchTest, References) {
  EXPECT_EQ(found("Observation?subject=Patient/a"), (Ids{"x1", "x2"}));
  EXPECT_EQ(found("Observation?subject=a"), (Ids{"x1", "x2"}));
  EXPECT_EQ(found("Observation?subject:Patient=b"), Ids{"x3"});
  EXPECT_EQ(found("Observation?patient=b"), Ids{"x3"});
  EXPECT_EQ(found("Observation?subject:Group=b"), Ids{});
  EXPECT_EQ(found("Observation?patient=a&code=8480-6"), Ids{"x1"});
}

TEST_F(SearchTest, NumbersAndQuantities) {
  EXPECT_EQ(found("Observation?value-quantity=1.1"), Ids{"x1"});
  EXPECT_EQ(found("Observation?value-quantity=gt79"), (Ids{"x2", "x3"}));
  EXPECT_EQ(found("Observation?value-quantity=120%7Chttp://unitsofmeasure.org%7Cmm"), Ids{"x3"});
  EXPECT_EQ(found("Observation?value-quantity=120%7Chttp://unitsofmeasure.org%7Ccm"), Ids{});
}

TEST_F(SearchTest, IdsAndMissing) {
  EXPECT_EQ(found("Patient?_id=a,b,none"), (Ids{"a", "b"}));
  EXPECT_EQ(found("Patient?_id=a,b&_id=b,c"), Ids{"b"});
  EXPECT_EQ(found("Patient?_id=a&_id=b"), Ids{});
  EXPECT_EQ(found("Patient?_id=a,b&gender=female"), Ids{"b"});
  EXPECT_EQ(found("Patient?telecom:missing=true"), (Ids{"a", "b", "c"}));
  EXPECT_EQ(found("Patient?gender:missing=true"), Ids{});
  EXPECT_EQ(found("Patient?gender:missing=false"), (Ids{"a", "b", "c"}));
}

TEST_F(SearchTest, FollowsUpdatesAndDeletes) {
  put("Patient/a", R"({"resourceType":"Patient","id":"a","name":[{"family":"Windsor"}]})");
  EXPECT_EQ(found("Patient?family=chalm"), Ids{"b"});
  EXPECT_EQ(found("Patient?family=windsor"), Ids{"a"});
  remove("Patient/a");
  EXPECT_EQ(found("Patient?family=windsor"), Ids{});
  EXPECT_EQ(found("Patient"), (Ids{"b", "c"}));
}

TEST_F(SearchTest, CountsAndTotals) {
  const auto page = json(get("Patient?_count=2&_total=accurate"));
  EXPECT_EQ(page.root().find("total")->text(), "3");
  EXPECT_EQ(page.root().items_at("entry").size(), 2u);
  EXPECT_EQ(json(get("Patient?_count=2")).root().find("total"), nullptr);
  const auto none = json(get("Patient?_count=0"));
  EXPECT_EQ(none.root().find("total")->text(), "3");
  EXPECT_EQ(none.root().find("entry"), nullptr);
  EXPECT_EQ(json(get("Patient?_summary=count")).root().find("total")->text(), "3");
  EXPECT_TRUE(codec::fhir::check(page.root()).empty());
}

TEST_F(SearchTest, WhatIsNotOfferedIsRefusedAndNamed) {
  const auto refused = get("Patient?shoesize=44&family:sounds-like=x&organization.name=y&_sort=name&birthdate=soon&gender=male");
  EXPECT_EQ(refused.status, 400);
  const auto all = issues(refused);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()),
            (std::set<std::string>{"not-supported http.shoesize", "not-supported http.family:sounds-like",
                                   "not-supported http.organization.name", "not-supported http._sort", "invalid http.birthdate"}));
  const auto lenient = get("Patient?shoesize=44&gender=male", {{"Prefer", "handling=lenient"}});
  EXPECT_EQ(ids_of(lenient), Ids{"a"});
  EXPECT_EQ(link(lenient, "self"), "https://north.example/fhir/Patient?gender=male");
  EXPECT_NE(lenient.content().find("shoesize was ignored"), std::string::npos);
  EXPECT_TRUE(codec::fhir::check(json(lenient).root()).empty());
}

TEST_F(SearchTest, PostSearchesAsGetDoes) {
  const HeaderList form{{"Content-Type", "application/x-www-form-urlencoded"}};
  EXPECT_EQ(ids_of(post("Patient/_search", "gender=female&family=chalm", form)), Ids{"b"});
  EXPECT_EQ(ids_of(post("Patient/_search?gender=female", "family=chalm", form)), Ids{"b"});
  EXPECT_EQ(post("Patient/_search", "{}").status, 415);
}

TEST_F(SearchTest, PagesNeitherRepeatNorLoseWhileOthersWrite) {
  for (int i = 0; i < 30; ++i) put_patient("p" + std::to_string(100 + i), "Page", "2000-01-01", "other");
  std::vector<std::string> seen;
  std::string next = "Patient?family=page&_count=7";
  int round = 0;
  while (!next.empty()) {
    const auto page = get(next);
    const auto bundle = json(page);
    for (const auto& entry : bundle.root().items_at("entry")) seen.emplace_back(entry.find("resource")->string_at("id"));
    next = link(page, "next");
    if (!next.empty()) next = next.substr(config.base_url.size() + 1);
    put_patient("p0" + std::to_string(round), "Page", "2000-01-01", "other");  // before the place where the next page begins
    put_patient("p9" + std::to_string(round), "Page", "2000-01-01", "other");  // and behind
    remove("Patient/p" + std::to_string(129 - round));
    ++round;
  }
  EXPECT_EQ(round, 5);
  ASSERT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size());
  // Every page is read from the first one's view: those deleted since are in it (their bodies as they were then), new ones are not.
  for (const std::string& id : seen) EXPECT_EQ(id.size(), 4u) << id;
  EXPECT_EQ(seen.size(), 30u);
}

TEST_F(SearchTest, APageIsForItsOwnerAndItsSearchAlone) {
  const auto first = get("Patient?_count=1");
  const std::string token = link(first, "next").substr(link(first, "next").find("_page=") + 6);
  EXPECT_EQ(get("Patient?_count=1&_page=" + token).status, 200);
  EXPECT_EQ(get("Observation?_count=1&_page=" + token).status, 400);
  EXPECT_EQ(get("Patient?gender=male&_page=" + token).status, 400);
  std::string bent = token;
  bent[bent.size() / 2] = bent[bent.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_EQ(get("Patient?_count=1&_page=" + bent).status, 400);
  who = principal(auth::Role::clinician);
  who->actor = "Practitioner/18";
  EXPECT_EQ(get("Patient?_count=1&_page=" + token).status, 400);
  who.reset();
  clock.advance(std::chrono::hours(2));
  EXPECT_EQ(get("Patient?_count=1&_page=" + token).status, 400);
}

TEST_F(SearchTest, APatientFindsTheOwnCompartmentAlone) {
  who = principal(auth::Role::patient, "a");
  EXPECT_EQ(found("Observation"), (Ids{"x1", "x2"}));
  EXPECT_EQ(found("Observation?code=8480-6"), Ids{"x1"});
  EXPECT_EQ(found("Observation?subject=Patient/b"), Ids{});
  EXPECT_EQ(found("Patient"), Ids{"a"});
  EXPECT_EQ(found("Patient?_id=b"), Ids{});
  EXPECT_EQ(get("Organization").status, 403);
}

TEST_F(SearchTest, ByCompartment) {
  const auto page = get("Patient/a/Observation?code=8480-6");
  EXPECT_EQ(ids_of(page), Ids{"x1"});
  EXPECT_EQ(link(page, "self"), "https://north.example/fhir/Patient/a/Observation?code=8480-6");
  EXPECT_EQ(found("Patient/a/Observation"), (Ids{"x1", "x2"}));
  EXPECT_EQ(get("Patient/a/Organization").status, 404);
  EXPECT_EQ(get("Practitioner/d1/Observation").status, 501);
  who = principal(auth::Role::patient, "a");
  EXPECT_EQ(found("Patient/a/Observation"), (Ids{"x1", "x2"}));
  EXPECT_EQ(get("Patient/b/Observation").status, 403);
}

TEST_F(SearchTest, IsRecordedWithItsCountAndWithoutItsValues) {
  const auto before = recorded().size();
  get("Patient?family=chalm&gender=male,female");
  const auto entries = recorded();
  ASSERT_EQ(entries.size(), before + 2) << "one for each patient shown";
  EXPECT_EQ(entries[before].entry.subject, audit->subject_of("a"));
  EXPECT_EQ(entries[before + 1].entry.subject, audit->subject_of("b"));
  EXPECT_EQ(entries[before].entry.kind, vault::AuditKind::search);
  EXPECT_EQ(entries[before].entry.details, R"({"parameters":["family","gender"],"count":2})");
  get("Patient?family=nobody");
  EXPECT_EQ(recorded().back().entry.subject, vault::Subject{});
}

TEST_F(SearchTest, ACountIsRecordedUnderEveryPatientThatItCounts) {
  for (const char* count : {"Observation?code=8480-6&_summary=count", "Observation?code=8480-6&_count=0"}) {
    const auto before = recorded().size();
    EXPECT_EQ(json(get(count)).root().find("total")->text(), "2");
    const auto entries = recorded();
    ASSERT_EQ(entries.size(), before + 2) << count;
    EXPECT_EQ(entries[before].entry.subject, audit->subject_of("a"));
    EXPECT_EQ(entries[before + 1].entry.subject, audit->subject_of("b"));
    EXPECT_NE(entries[before].entry.details.find(R"("count":0,"total":2)"), std::string::npos) << entries[before].entry.details;
  }
  const auto before = recorded().size();
  get("Observation?code=8480-6&_count=1&_total=accurate");
  EXPECT_EQ(recorded().size(), before + 2) << "the total tells of the one that is not on the page";
}

TEST_F(SearchTest, ANumberThatIsNotRecordedUnderEverybodyItCountsIsNotTold) {
  config.counted_max = 1;
  make_handler();
  for (const char* query : {"Observation?code=8480-6&_summary=count", "Observation?code=8480-6&_count=1&_total=accurate"}) {
    const auto answer = get(query);
    ASSERT_EQ(answer.status, 200);
    const auto document = json(answer);
    EXPECT_EQ(document.root().find("total"), nullptr) << query;
    EXPECT_NE(answer.content().find("more than 1 match"), std::string::npos) << answer.content();
    EXPECT_TRUE(codec::fhir::check(document.root()).empty());
    EXPECT_NE(recorded().back().entry.details.find(R"("moreThan":1)"), std::string::npos) << recorded().back().entry.details;
  }
  const auto before = recorded().size();
  EXPECT_EQ(json(get("Patient?_summary=count")).root().find("total")->text(), "3");  // of the type, by no criterion: it tells of nobody
  ASSERT_EQ(recorded().size(), before + 1);
  EXPECT_EQ(recorded().back().entry.subject, vault::Subject{});
}

TEST_F(SearchTest, ARefusedSearchStandsUnderWhomItNames) {
  who = principal(auth::Role::auditor);
  for (const char* query : {"Observation?subject=Patient/c&code=8480-6", "Patient/c/Observation", "Patient?_id=c"}) {
    const auto before = recorded().size();
    EXPECT_EQ(get(query).status, 403);
    ASSERT_EQ(recorded().size(), before + 1) << query;
    EXPECT_EQ(recorded().back().entry.subject, audit->subject_of("c")) << query;
    EXPECT_EQ(recorded().back().entry.kind, vault::AuditKind::refusal);
  }
}

TEST_F(SearchTest, ASearchByANamedPatientIsRecordedUnderThatPatientEvenWhenNothingIsFound) {
  for (const char* query :
       {"Observation?subject=Patient/c&code=8480-6", "Observation?patient=c", "Observation?subject:Patient=c&_summary=count",
        "Patient/c/Observation", "Patient?_id=c&family=other", "Patient/c/Organization"}) {
    const auto before = recorded().size();
    get(query);
    const auto entries = recorded();
    ASSERT_GT(entries.size(), before) << query;
    EXPECT_EQ(entries.back().entry.subject, audit->subject_of("c")) << query;
  }
  const auto before = recorded().size();
  post("", R"({"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Observation?subject=Patient/c"}}]})");
  ASSERT_EQ(recorded().size(), before + 1);
  EXPECT_EQ(recorded().back().entry.subject, audit->subject_of("c"));
}

TEST_F(SearchTest, AuditEventsForThoseWhoMay) {
  who = principal(auth::Role::clinician);
  EXPECT_EQ(get("AuditEvent").status, 403);
  get("Patient/a");
  who = principal(auth::Role::auditor);
  const auto all = get("AuditEvent?_count=5");
  ASSERT_EQ(all.status, 200) << all.content();
  const auto document = json(all);
  ASSERT_TRUE(codec::fhir::check(document.root()).empty()) << codec::fhir::check(document.root())[0].location;
  EXPECT_EQ(document.root().items_at("entry").size(), 5u);
  std::size_t seen = 0;
  std::string next = "AuditEvent?_count=5";
  const std::size_t there = recorded().size();
  while (!next.empty() && seen <= there) {
    const auto page = get(next);
    seen += json(page).root().items_at("entry").size();
    next = link(page, "next");
    if (!next.empty()) next = next.substr(config.base_url.size() + 1);
  }
  EXPECT_GE(seen, there);
  const auto of_one = json(get("AuditEvent?patient=Patient/a"));
  ASSERT_FALSE(of_one.root().items_at("entry").empty());
  EXPECT_EQ(get("AuditEvent/0").status, 200);
  EXPECT_EQ(get("AuditEvent/99999").status, 404);
  EXPECT_EQ(found("AuditEvent?date=lt2000"), Ids{});
  EXPECT_EQ(get("AuditEvent?agent=x").status, 400);
  EXPECT_EQ(recorded().back().entry.kind, vault::AuditKind::read_audit);
  who = principal(auth::Role::patient, "a");
  const auto own = json(get("AuditEvent"));
  EXPECT_EQ(own.root().items_at("entry").size(), audit->newest_of(audit->subject_of("a"), 1000)->size() - 1);
  EXPECT_EQ(get("AuditEvent?patient=b").status, 403);
}

}  // namespace
}  // namespace careledger::edge::fhir
