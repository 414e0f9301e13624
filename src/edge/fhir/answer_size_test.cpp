// One answer has a bound in bytes, and one search a bound in work, however small the request that asks for them.
#include "edge/fhir/test_support.h"

namespace careledger::edge::fhir {
namespace {

class AnswerSizeTest : public FhirTest {
 protected:
  static std::string large(const std::string& id) {
    return R"({"resourceType":"Binary","id":")" + id + R"(","contentType":"text/plain","data":")" + std::string(4000, 'A') + "\"}";
  }
  void bound(std::size_t bytes) {
    config.answer_bytes_max = bytes;
    make_handler();
  }
  // Entries of each page, to the last; "next" is followed.
  std::vector<std::size_t> pages(std::string next) {
    std::vector<std::size_t> sizes;
    while (!next.empty()) {
      const auto page = json(get(next));
      sizes.push_back(page.root().items_at("entry").size());
      next.clear();
      for (const auto& link : page.root().items_at("link"))
        if (link.string_at("relation") == "next") next = link.string_at("url").substr(config.base_url.size() + 1);
    }
    return sizes;
  }
};

TEST_F(AnswerSizeTest, ABatchOfReadsEndsWhereTheAnswerIsFull) {
  bound(10'000);
  ASSERT_EQ(put("Binary/a", large("a")).status, 201);
  std::string entries;
  for (int i = 0; i < 50; ++i) entries += std::string(i == 0 ? "" : ",") + R"({"request":{"method":"GET","url":"Binary/a"}})";
  for (const std::string type : {"batch", "transaction"}) {
    const auto answer = post("", R"({"resourceType":"Bundle","type":")" + type + R"(","entry":[)" + entries + "]}");
    ASSERT_EQ(answer.status, 200);
    const auto document = json(answer);
    std::map<std::string, int> statuses;
    for (const auto& entry : document.root().items_at("entry")) ++statuses[std::string(entry.find("response")->string_at("status"))];
    EXPECT_EQ(statuses, (std::map<std::string, int>{{"200 OK", 2}, {"413", 48}})) << type;
    const auto* outcome = document.root().items_at("entry")[49].find("response")->find("outcome");
    EXPECT_EQ(outcome->items_at("issue")[0].string_at("code"), "too-costly");
  }
}

TEST_F(AnswerSizeTest, RepresentationsAreLeftOutWhereTheAnswerIsFull) {
  bound(10'000);
  std::string entries;
  for (int i = 0; i < 5; ++i) {
    const std::string id = "b" + std::to_string(i);
    entries +=
        std::string(i == 0 ? "" : ",") + R"({"resource":)" + large(id) + R"(,"request":{"method":"PUT","url":"Binary/)" + id + "\"}}";
  }
  const auto answer =
      json(post("", R"({"resourceType":"Bundle","type":"batch","entry":[)" + entries + "]}", {{"Prefer", "return=representation"}}));
  int shown = 0;
  for (const auto& entry : answer.root().items_at("entry")) {
    EXPECT_EQ(entry.find("response")->string_at("status"), "201 Created");
    shown += entry.find("resource") != nullptr;
  }
  EXPECT_EQ(shown, 2);
}

TEST_F(AnswerSizeTest, PagesOfLargeResourcesAreShorterAndLoseNothing) {
  for (int i = 0; i < 7; ++i) ASSERT_EQ(put("Binary/b" + std::to_string(i), large("b" + std::to_string(i))).status, 201);
  for (int i = 0; i < 4; ++i) ASSERT_LT(put("Binary/b0", large("b0")).status, 300);
  bound(8'000);  // the second body reaches it
  EXPECT_EQ(pages("Binary?_count=100"), (std::vector<std::size_t>{2, 2, 2, 1}));
  EXPECT_EQ(pages("Binary/b0/_history"), (std::vector<std::size_t>{2, 2, 1}));
}

TEST_F(AnswerSizeTest, ASearchHasABoundOverAllItsParameters) {
  std::string query = "Basic?_count=1";
  for (int i = 0; i < 6; ++i) {
    query += "&_lastUpdated=ge2000";
    for (int k = 1; k < 200; ++k) query += ",ge2000";
  }
  const auto refused = get(query);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(issues(refused).front(), "too-costly http._lastUpdated");
}

}  // namespace
}  // namespace careledger::edge::fhir
