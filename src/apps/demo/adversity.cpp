// Steps 10 and 11: a process that is killed, and a thief who reads every byte on the disk.

#include <fmt/format.h>

#include <atomic>
#include <set>
#include <thread>

#include "apps/demo/demo.h"
#include "apps/import.h"
#include "vault/needles.h"

namespace careledger::apps::demo {
namespace {

namespace http = edge::http;
namespace json = codec::json;

constexpr std::size_t kUnpackedMax = 64u << 20;
constexpr std::size_t kAcknowledgedBeforeTheKill = 40;
constexpr std::size_t kNeedlesMax = 5000;
constexpr std::size_t kTextMax = 64;  // of a text: as much as a careless program would certainly leave together

// Creates small records, one after the other, until the node dies under it; keeps what was acknowledged.
std::vector<std::string> write_until_dead(Stage& stage, const std::string& token, std::atomic<std::size_t>& acknowledged) {
  std::vector<std::string> ids;
  const auto origin = stage.access->origin_of(kLaboratory);
  auto client = http::Client::make({.origin = origin ? *origin : std::string(), .trust_file = {}});
  while (client) {
    http::Request request =
        http::make_request(http::Method::post, "/fhir/Basic", R"({"resourceType":"Basic","code":{"text":"written while the power fails"}})",
                           "application/fhir+json");
    request.headers.set("Authorization", "Bearer " + token);
    const auto answer = (*client)->call(request);
    if (!answer || answer->status != 201) break;
    const auto document = json::parse(answer->content());
    std::string id = document ? std::string(document->root().string_at("id")) : std::string();
    if (id.empty()) {  // Prefer: return=minimal is the server's choice: the id stands in Location
      const std::string location(answer->headers.get("Location"));
      const auto at = location.find("/Basic/");
      if (at != std::string::npos) id = location.substr(at + 7, location.find("/_history") - at - 7);
    }
    ids.push_back(id);
    ++acknowledged;
    acknowledged.notify_all();
  }
  acknowledged = ~std::size_t{0};
  acknowledged.notify_all();
  return ids;
}

Result<void> run_kill(Stage& stage) {
  CARELEDGER_TRY(const std::string token, stage.access->token_for(kLaboratory, edge::auth::Role::system));
  std::atomic<std::size_t> acknowledged{0};
  std::vector<std::string> ids;
  std::thread writer([&] { ids = write_until_dead(stage, token, acknowledged); });
  for (std::size_t seen = 0; seen < kAcknowledgedBeforeTheKill; seen = acknowledged) acknowledged.wait(seen);
  stage.node->kill_hard();
  writer.join();
  stage.access.reset();
  const std::uint64_t start = system_clock().monotonic_ns();
  CARELEDGER_CHECK(stage.serve());
  const double seconds = static_cast<double>(system_clock().monotonic_ns() - start) / 1e9;
  if (ids.size() < kAcknowledgedBeforeTheKill) return fail(ErrorKind::unavailable, "the laboratory's writes were refused before the kill");
  for (const std::string& id : ids)
    CARELEDGER_CHECK(stage.fhir(kLaboratory, edge::auth::Role::clinician, http::Method::get, "/Basic/" + id));
  CARELEDGER_TRY(const json::Document all,
                 stage.fhir(kLaboratory, edge::auth::Role::clinician, http::Method::get, "/Basic?_count=1000&_total=accurate"));
  const std::size_t there = all.root().items_at("entry").size();
  if (there > ids.size() + 1) return fail(ErrorKind::corrupt, "more records are there than were ever sent");
  stage.say(
      fmt::format("killed (SIGKILL) after {} acknowledged writes; started again in {:.2f} s: all {} are there, {} more that was on its way",
                  ids.size(), seconds, ids.size(), there - ids.size()));
  stage.table.push_back({"SIGKILL to serving again", fmt::format("{:.2f} s", seconds)});
  return {};
}

void add_needle(std::set<std::string>& needles, std::string_view text) {
  if (text.size() >= 8 && needles.size() < kNeedlesMax) needles.emplace(text);
}

// The longest piece of a narrative between its mark-up.
std::string_view words_of(std::string_view div) {
  std::string_view longest;
  for (auto at = div.find('>'); at != std::string_view::npos; at = div.find('>', at + 1)) {
    const auto piece = div.substr(at + 1, div.find('<', at) - at - 1);
    if (piece.size() > longest.size()) longest = piece;
  }
  return longest.substr(0, kTextMax);
}

// Names, identifiers, dates of birth, addresses, phone numbers and narrative texts of one Bundle's patient.
Result<void> add_needles(const std::string& file, std::set<std::string>& needles) {
  CARELEDGER_TRY(const Bytes text, read_source(file, kUnpackedMax));
  CARELEDGER_TRY(const json::Document bundle, json::parse(text));
  for (const json::Value& entry : bundle.root().items_at("entry")) {
    const json::Value* resource = entry.find("resource");
    if (resource == nullptr) continue;
    if (const json::Value* narrative = resource->find("text")) add_needle(needles, words_of(narrative->string_at("div")));
    for (const json::Value& note : resource->items_at("note")) add_needle(needles, note.string_at("text").substr(0, kTextMax));
    if (resource->string_at("resourceType") != "Patient") continue;
    add_needle(needles, resource->string_at("birthDate"));
    for (const json::Value& name : resource->items_at("name")) {
      add_needle(needles, name.string_at("family"));
      for (const json::Value& given : name.items_at("given")) add_needle(needles, given.text());
    }
    for (const json::Value& identifier : resource->items_at("identifier")) add_needle(needles, identifier.string_at("value"));
    for (const json::Value& telecom : resource->items_at("telecom")) add_needle(needles, telecom.string_at("value"));
    for (const json::Value& address : resource->items_at("address"))
      for (const json::Value& line : address.items_at("line")) add_needle(needles, line.text());
  }
  return {};
}

Result<void> run_search(Stage& stage) {
  std::set<std::string> wanted;
  CARELEDGER_TRY(const std::vector<std::string> files, sources_of({stage.options.samples + "/2021", stage.options.samples + "/2019"}));
  for (const std::string& file : files) CARELEDGER_CHECK(add_needles(file, wanted));
  CARELEDGER_TRY(const vault::Needles needles, vault::Needles::of({wanted.begin(), wanted.end()}));

  const std::string planted = stage.layout.folder + "/planted";
  CARELEDGER_CHECK(system_files().replace(planted, vault::Needles::planted(*wanted.begin())));
  CARELEDGER_TRY(const auto found, needles.search_folder(stage.layout.folder));
  CARELEDGER_CHECK(system_files().remove(planted));
  std::set<std::string> encodings;
  for (const vault::NeedleHit& hit : found)
    if (hit.file == planted) encodings.insert(hit.encoding);
  if (encodings.size() != vault::Needles::encodings())
    return fail(ErrorKind::invalid, fmt::format("the search missed a planted text in {} of {} encodings",
                                                vault::Needles::encodings() - encodings.size(), vault::Needles::encodings()));
  stage.say(fmt::format("a text planted in {} encodings was found in each of them, so the search works", encodings.size()));

  const std::uint64_t planted_bytes = needles.bytes_searched();
  for (const std::string& folder : {stage.layout.folder, stage.logs()}) {
    CARELEDGER_TRY(const auto hits, needles.search_folder(folder));
    if (!hits.empty())
      return fail(ErrorKind::corrupt,
                  fmt::format("{} holds a patient's text in {} at byte {}", hits[0].file, hits[0].encoding, hits[0].offset));
  }
  const char* all = wanted.size() < kNeedlesMax ? "all" : "the first";
  stage.say(fmt::format(
      "{} {} names, identifiers, dates of birth and texts of the patients: none of them in {} MB on disk, the node's log included", all,
      wanted.size(), (needles.bytes_searched() - planted_bytes) / 1'000'000));
  return {};
}

}  // namespace

Step kill_and_recover() {
  return {"The power fails in the middle of a load", "what was acknowledged is there, and nothing is half there", run_kill};
}

Step search_the_disk() {
  return {"A thief reads every byte on the disk", "database, journals, logs and temporary files hold nothing readable about a patient",
          run_search};
}

}  // namespace careledger::apps::demo
