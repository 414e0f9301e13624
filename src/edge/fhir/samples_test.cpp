// The sample patients go in whole, and what is stored equals its source, every decimal included.
#include <filesystem>
#include <map>

#include "codec/fhir/check.h"
#include "codec/fhir/samples.h"
#include "edge/fhir/test_support.h"

namespace careledger::edge::fhir {
namespace {

using codec::json::Document;
using codec::json::Value;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::size_t kBundlesASet = 2;
#else
constexpr std::size_t kBundlesASet = 4;
#endif
#else
constexpr std::size_t kBundlesASet = 4;
#endif

class SamplesTest : public FhirTest {
 protected:
  static std::vector<std::filesystem::path> bundles(const std::string& set) {
    std::vector<std::filesystem::path> paths;
    const auto folder = std::filesystem::path(CARELEDGER_SOURCE_DIR) / "samples/synthea" / set;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    if (paths.size() > kBundlesASet) paths.resize(kBundlesASet);
    return paths;
  }

  // Where source and stored differ; empty: nowhere. References may have become what they name.
  std::string difference(const Value& source, const Value& stored, const std::string& path) {
    if (source.kind() != stored.kind()) return path;
    if (source.is_string() && path.ends_with(".reference")) {
      const std::string text(source.text());
      if (const auto named = names_.find(text); named != names_.end()) return stored.text() == named->second ? "" : path;
      if (const auto question = text.find('?'); question != std::string::npos) {
        ++conditional_;
        return stored.text().starts_with(text.substr(0, question) + '/') ? "" : path;
      }
    }
    if (source.is_array()) return difference_of_items(source, stored, path);
    if (source.is_object()) return difference_of_members(source, stored, path);
    return codec::json::compact(source) == codec::json::compact(stored) ? "" : path;
  }
  std::string difference_of_items(const Value& source, const Value& stored, const std::string& path) {
    if (source.size() != stored.size()) return path;
    for (std::size_t i = 0; i < source.size(); ++i) {
      const auto found = difference(source.items()[i], stored.items()[i], path + '[' + std::to_string(i) + ']');
      if (!found.empty()) return found;
    }
    return {};
  }
  std::string difference_of_members(const Value& source, const Value& stored, const std::string& path) {
    if (source.size() != stored.size()) return path;
    for (std::size_t i = 0; i < source.size(); ++i) {
      if (source.members()[i].key() != stored.members()[i].key()) return path;
      const auto found =
          difference(source.members()[i].value, stored.members()[i].value, path + '.' + std::string(source.members()[i].key()));
      if (!found.empty()) return found;
    }
    return {};
  }

  // Takes off what the server sets.
  static void strip(Document& document, Value& resource) {
    document.remove(resource, "id");
    if (Value* meta = resource.find("meta"); meta != nullptr) {
      document.remove(*meta, "versionId");
      document.remove(*meta, "lastUpdated");
      if (meta->size() == 0) document.remove(resource, "meta");
    }
  }

  void load(const std::filesystem::path& path) {
    const Bytes text = codec::fhir::samples::read_gzip(path);
    const auto answer = post("", text);
    ASSERT_EQ(answer.status, 200) << path << ' ' << answer.content().substr(0, 1000);
    auto source = codec::json::parse(text);
    ASSERT_TRUE(source);
    const auto response = json(answer);
    const auto entries = response.root().items_at("entry");
    auto sent = source->root().find("entry")->items();
    ASSERT_EQ(entries.size(), sent.size());
    std::vector<std::string> places;
    for (std::size_t i = 0; i < sent.size(); ++i) {
      const std::string place(entries[i].find("response")->string_at("location"));
      ASSERT_FALSE(place.empty()) << path << " entry " << i << ' ' << codec::json::compact(entries[i]).substr(0, 500);
      places.push_back(place.substr(0, place.find("/_history")));
      names_[std::string(sent[i].string_at("fullUrl"))] = places.back();
    }
    for (std::size_t i = 0; i < sent.size(); ++i) compare(*source, *sent[i].find("resource"), places[i]);
  }

  void compare(Document& source, Value& sent, const std::string& place) {
    auto stored = json(get(place));
    strip(source, sent);
    strip(stored, stored.root());
    const auto where = difference(sent, stored.root(), place.substr(0, place.find('/')));
    if (!where.empty()) ++different_;
    EXPECT_EQ(where, "");
    ++compared_;
  }

  std::map<std::string, std::string> names_;
  std::size_t compared_ = 0;
  std::size_t different_ = 0;
  std::size_t conditional_ = 0;
};

TEST_F(SamplesTest, SyntheaPatientsGoInWholeAndUnchanged) {
  for (const char* set : {"2021-infrastructure", "2021", "2019"}) {
    for (const auto& path : bundles(set)) load(path);
  }
  std::printf("%zu resources equal their source, %zu conditional references resolved\n", compared_ - different_, conditional_);
  EXPECT_GT(compared_, 1000u);
  EXPECT_GT(conditional_, 100u);
}

TEST_F(SamplesTest, APatientWithoutTheInfrastructureIsRefusedAndThenGoesIn) {
  const Bytes text = codec::fhir::samples::read_gzip(bundles("2021").front());
  const auto refused = post("", text);
  EXPECT_EQ(refused.status, 412);
  const auto first = issues(refused).front();
  EXPECT_EQ(first.substr(0, 23), "not-found Bundle.entry[") << first;
  EXPECT_NE(refused.content().find("?identifier="), std::string::npos);
  EXPECT_EQ(vault->figures().versions, 0u);
  for (const auto& path : bundles("2021-infrastructure")) ASSERT_EQ(post("", codec::fhir::samples::read_gzip(path)).status, 200);
  EXPECT_EQ(post("", text).status, 200);
}

TEST_F(SamplesTest, Hl7sExamplesGoInAndOut) {
  config.check_references = false;  // some point at an example that is not in the set
  make_handler();
  std::size_t same = 0;
  for (const auto& [name, text] : codec::fhir::samples::examples()) {
    auto source = codec::json::parse(text);
    ASSERT_TRUE(source) << name;
    const std::string type(source->root().string_at("resourceType"));
    // AuditEvents are rendered, never written; and a few examples break R4's own rules, as the tests of codec/fhir say.
    if (type == "AuditEvent" || !codec::fhir::check(source->root()).empty()) continue;
    const auto created = post(type, text);
    if (created.status != 201) {
      ADD_FAILURE() << name << ' ' << created.content().substr(0, 400);
      continue;
    }
    auto stored = json(get(type + '/' + id_of(created)));
    strip(*source, source->root());
    strip(stored, stored.root());
    EXPECT_EQ(codec::json::compact(stored.root()), codec::json::compact(source->root())) << name;
    ++same;
  }
  std::printf("%zu examples\n", same);
  EXPECT_GT(same, 50u);
}

}  // namespace
}  // namespace careledger::edge::fhir
