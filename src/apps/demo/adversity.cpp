// Steps 10 and 11: a process that is killed, and a thief who reads every byte on the disk.

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <numeric>
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
constexpr std::size_t kClients = 3;
constexpr std::size_t kRecordsATransaction = 20;
constexpr std::size_t kAcknowledgedBeforeTheKill = 40;
constexpr const char* kLoadSystem = "urn:careledger:demo:load";
constexpr std::size_t kNeedlesMax = 5000;
constexpr std::size_t kTextMax = 64;  // of a text: as much as a careless program would certainly leave together

// A transaction whose records can be found together.
std::string transaction_of(std::size_t number) {
  const std::string entry =
      fmt::format(R"({{"resource":{{"resourceType":"Observation","status":"final","code":{{"coding":[{{"system":"{}","code":"{}"}}]}}}},)"
                  R"("request":{{"method":"POST","url":"Observation"}}}})",
                  kLoadSystem, number);
  std::string entries = entry;
  for (std::size_t i = 1; i < kRecordsATransaction; ++i) entries += ',' + entry;
  return R"({"resourceType":"Bundle","type":"transaction","entry":[)" + entries + "]}";
}

// Clients who send one transaction after the other until the node dies under them.
class LoadUntilDead {
 public:
  LoadUntilDead(const std::string& origin, std::string token) : origin_(origin), token_(std::move(token)) {
    for (std::size_t i = 0; i < kClients; ++i) clients_.emplace_back([this, i] { write(i); });
  }
  ~LoadUntilDead() { join(); }
  LoadUntilDead(const LoadUntilDead&) = delete;
  LoadUntilDead& operator=(const LoadUntilDead&) = delete;

  void wait_for(std::size_t acknowledged) {  // or until a client has nobody to talk to any more
    for (std::size_t seen = 0; seen < acknowledged && !ended_; seen = all_acknowledged_) all_acknowledged_.wait(seen);
  }
  void join() {
    for (std::thread& client : clients_)
      if (client.joinable()) client.join();
  }
  // A client's transactions in order; the one after the last acknowledged was on its way.
  static std::size_t number(std::size_t client, std::size_t nth) { return client * 1'000'000 + nth; }
  std::size_t acknowledged(std::size_t client) const { return acknowledged_[client]; }
  std::size_t all_acknowledged() const { return std::accumulate(acknowledged_.begin(), acknowledged_.end(), std::size_t{0}); }

 private:
  void write(std::size_t client) {
    auto connection = http::Client::make({.origin = origin_, .trust_file = {}});
    while (connection) {
      http::Request request =
          http::make_request(http::Method::post, "/fhir", transaction_of(number(client, acknowledged_[client])), "application/fhir+json");
      request.headers.set("Authorization", "Bearer " + token_);
      const auto answer = (*connection)->call(request);
      if (!answer || answer->status != 200) break;
      ++acknowledged_[client];
      ++all_acknowledged_;
      all_acknowledged_.notify_all();
    }
    ended_ = true;
    ++all_acknowledged_;  // wakes who waits
    all_acknowledged_.notify_all();
  }

  const std::string origin_;
  const std::string token_;
  std::array<std::size_t, kClients> acknowledged_{};  // of each, its own thread's until it has ended
  std::atomic<std::size_t> all_acknowledged_{0};
  std::atomic<bool> ended_{false};
  std::vector<std::thread> clients_;
};

// How many records of a transaction are there, each read and decrypted.
Result<std::size_t> records_of(Stage& stage, std::size_t number) {
  CARELEDGER_TRY(const json::Document found,
                 stage.fhir(kLaboratory, edge::auth::Role::clinician, http::Method::get,
                            fmt::format("/Observation?code={}%7C{}&_count={}", kLoadSystem, number, 2 * kRecordsATransaction)));
  return found.root().items_at("entry").size();
}

// Every acknowledged transaction in full, and what was on its way in full or not at all; how many of the latter are there.
Result<std::size_t> check_whole(Stage& stage, const LoadUntilDead& load) {
  std::size_t more = 0;
  for (std::size_t client = 0; client < kClients; ++client) {
    for (std::size_t nth = 0; nth <= load.acknowledged(client); ++nth) {
      CARELEDGER_TRY(const std::size_t there, records_of(stage, LoadUntilDead::number(client, nth)));
      const bool on_its_way = nth == load.acknowledged(client);
      if (there != kRecordsATransaction && !(on_its_way && there == 0))
        return fail(ErrorKind::corrupt, fmt::format("{} of the {} records of a transaction are there", there, kRecordsATransaction));
      more += on_its_way && there > 0 ? 1 : 0;
    }
  }
  return more;
}

Result<void> run_kill(Stage& stage) {
  CARELEDGER_TRY(const std::string token, stage.access(kLaboratory).token_for(kLaboratory, edge::auth::Role::system));
  CARELEDGER_TRY(const std::string origin, stage.origin_of(kLaboratory));
  LoadUntilDead load(origin, token);
  load.wait_for(kAcknowledgedBeforeTheKill);
  stage.host(kLaboratory).kill_hard();
  load.join();
  const std::uint64_t start = system_clock().monotonic_ns();
  CARELEDGER_CHECK(stage.serve());
  const double seconds = static_cast<double>(system_clock().monotonic_ns() - start) / 1e9;
  const std::size_t acknowledged = load.all_acknowledged();
  if (acknowledged < kAcknowledgedBeforeTheKill)
    return fail(ErrorKind::unavailable, "the laboratory's writes were refused before the kill");
  CARELEDGER_TRY(const std::size_t more, check_whole(stage, load));
  stage.say(fmt::format("{} clients sent transactions of {} records each; killed (SIGKILL) after {} were acknowledged", kClients,
                        kRecordsATransaction, acknowledged));
  stage.say(
      fmt::format("started again in {:.2f} s: all {} are there with every record; of the {} that were on their way {} with every record "
                  "and {} not at all",
                  seconds, acknowledged, kClients, more, kClients - more));
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

  const std::string folder = stage.host(kNorth).layout.folder;
  const std::string planted = folder + "/planted";
  CARELEDGER_CHECK(system_files().replace(planted, vault::Needles::planted(*wanted.begin())));
  CARELEDGER_TRY(const auto found, needles.search_folder(folder));
  CARELEDGER_CHECK(system_files().remove(planted));
  std::set<std::string> encodings;
  for (const vault::NeedleHit& hit : found)
    if (hit.file == planted) encodings.insert(hit.encoding);
  if (encodings.size() != vault::Needles::encodings())
    return fail(ErrorKind::invalid, fmt::format("the search missed a planted text in {} of {} encodings",
                                                vault::Needles::encodings() - encodings.size(), vault::Needles::encodings()));
  stage.say(fmt::format("a text planted in {} encodings was found in each of them, so the search works", encodings.size()));

  const std::uint64_t planted_bytes = needles.bytes_searched();
  for (const std::string& searched : {folder, stage.logs()}) {
    CARELEDGER_TRY(const auto hits, needles.search_folder(searched));
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
  return {"The power fails in the middle of a load", "what was acknowledged is there, and no transaction is half there", run_kill};
}

Step search_the_disk() {
  return {"A thief reads every byte on the disk", "database, journals, logs and temporary files hold nothing readable about a patient",
          run_search};
}

}  // namespace careledger::apps::demo
