// The FHIR interface under load, over HTTP with TLS 1.3, against a whole node (embedded ledger, vault, audit) in a process of its own:
// import of Synthea's patients, reads of one resource, reads beside a transaction of 25,000 entries, memory and disk.
//
// Uses the large sets in ../shared/data/synthea when they are there, else the samples of the project. CARELEDGER_BENCH_SECONDS (10) is how
// long the reads run.
#include <fmt/core.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "apps/founding.h"
#include "apps/node.h"
#include "base/assert.h"
#include "bench/figures.h"
#include "bench/load.h"
#include "codec/json/json.h"
#include "edge/http/certificate.h"
#include "edge/http/client.h"

namespace careledger::bench {
namespace {

namespace http = edge::http;
namespace fs = std::filesystem;

double now() { return static_cast<double>(system_clock().monotonic_ns()) * 1e-9; }

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "fhir_bench: {}\n", why);
  std::exit(1);
}

struct Place {  // a folder with a certificate and a node's data
  std::string folder;
  std::string data() const { return folder + "/data"; }
  std::string certificate() const { return folder + "/certificate.pem"; }
  std::string key() const { return folder + "/key.pem"; }
};

Place make_place() {
  const char* root = std::getenv("TMPDIR");
  std::string name = std::string(root == nullptr ? "." : root) + "/careledger-fhir-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) give_up("no folder for the data");
  Place place{fs::absolute(name).string()};
  const auto pair = http::self_signed({"127.0.0.1"}, std::chrono::days(1), system_clock().now());
  if (!pair) give_up(pair.error().message);
  std::ofstream(place.certificate()) << pair->certificate;
  std::ofstream(place.key()) << pair->key;
  return place;
}

// --- the node's process -------------------------------------------------------------------------

int serve(const Place& place, int ready) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const apps::Layout layout = apps::layout_of(place.data());
  if (!fs::exists(layout.config())) {
    apps::NewLedger order;
    order.organisations = {{"North Hospital", "hospital", 0}};
    if (const auto made = apps::found_ledger(layout, order, system_clock(), system_entropy(), {}); !made) give_up(made.error().message);
  }
  auto node = apps::Node::open(layout, {}, system_clock(), system_entropy());
  if (!node) give_up(node.error().message);
  apps::ServeConfig config;
  config.certificate_file = place.certificate();
  config.key_file = place.key();
  config.any_port = true;
  if (const auto serving = (*node)->serve(config); !serving) give_up(serving.error().message);
  apps::Organisation& north = *(*node)->organisations().front();
  const auto key = north.keys().signing(vault::Purpose::access_token);
  if (!key) give_up(key.error().message);
  edge::auth::Principal principal;
  principal.organisation = north.config().id;
  principal.actor = "Device/loader";
  principal.role = edge::auth::Role::system;
  const auto token = edge::auth::issue_token(*key, principal, std::chrono::seconds(3600), system_clock(), system_entropy());
  if (!token) give_up(token.error().message);
  const std::string line = north.origin() + ' ' + *token + '\n';
  CARELEDGER_ASSERT(::write(ready, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
  int signal = 0;
  ::sigwait(&signals, &signal);
  (*node)->stop();
  return 0;
}

class Server {
 public:
  explicit Server(const Place& place) : place_(place) {
    int pipe[2];
    CARELEDGER_ASSERT(::pipe(pipe) == 0);
    const std::string ready = std::to_string(pipe[1]);
    child_ = ::fork();
    if (child_ == 0) {  // a program of its own, so that nothing of this process's memory counts as the node's
      ::close(pipe[0]);
      ::execl("/proc/self/exe", "fhir_bench", "--serve", place.folder.c_str(), ready.c_str(), static_cast<char*>(nullptr));
      ::_exit(1);
    }
    ::close(pipe[1]);
    std::string line;
    for (char c = 0; ::read(pipe[0], &c, 1) == 1 && c != '\n';) line += c;
    ::close(pipe[0]);
    const auto blank = line.find(' ');
    if (blank == std::string::npos) give_up("the node did not start");
    origin_ = line.substr(0, blank);
    token_ = line.substr(blank + 1);
  }
  ~Server() { stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void stop() {
    if (child_ == 0) return;
    ::kill(child_, SIGTERM);
    ::waitpid(child_, nullptr, 0);
    child_ = 0;
  }
  double peak_mebibytes() const {
    std::ifstream status("/proc/" + std::to_string(child_) + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmHWM:")) return std::atof(line.c_str() + 6) / 1024;
    return 0;
  }
  std::unique_ptr<http::Client> client() const {
    http::ClientConfig config;
    config.origin = origin_;
    config.trust_file = place_.certificate();
    config.answer_time = std::chrono::minutes(5);
    auto made = http::Client::make(config);
    if (!made) give_up(made.error().message);
    return std::move(*made);
  }
  http::Response call(http::Client& client, http::Method method, const std::string& target, std::string body = {}) const {
    auto request = http::make_request(method, target, std::move(body), "application/fhir+json");
    request.headers.set("Authorization", "Bearer " + token_);
    auto answer = client.call(request);
    if (!answer) give_up(answer.error().message);
    if (answer->status >= 300) give_up(std::to_string(answer->status) + ' ' + answer->body.substr(0, 500));
    return std::move(*answer);
  }
  LoadTarget target(const std::string& path) const {
    return {static_cast<std::uint16_t>(std::atoi(origin_.c_str() + origin_.rfind(':') + 1)), path,
            "Authorization: Bearer " + token_ + "\r\n"};
  }

 private:
  const Place& place_;
  pid_t child_ = 0;
  std::string origin_;
  std::string token_;
};

// --- the data -----------------------------------------------------------------------------------

Bytes read_gzip(const fs::path& path) {
  Bytes all;
  gzFile file = ::gzopen(path.c_str(), "rb");
  if (file == nullptr) give_up("cannot read " + path.string());
  char block[1 << 16];
  for (int got = ::gzread(file, block, sizeof block); got > 0; got = ::gzread(file, block, sizeof block))
    all.append(block, static_cast<std::size_t>(got));
  ::gzclose(file);
  return all;
}

std::vector<fs::path> bundles(const char* large, const char* small) {
  const fs::path root = CARELEDGER_SOURCE_DIR;
  fs::path folder = root / "../shared/data/synthea" / large;
  if (!fs::exists(folder)) folder = root / "samples/synthea" / small;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".gz") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::size_t entries_of(const http::Response& answer) {
  std::size_t count = 0;
  for (std::size_t at = answer.body.find("\"response\":{"); at != std::string::npos; at = answer.body.find("\"response\":{", at + 1))
    ++count;
  return count;
}

// Resources a second, over `connections`; each entry answered is on the ledger.
double import(const Server& server, const std::vector<fs::path>& paths, unsigned connections, std::size_t& resources) {
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> stored{0};
  const double start = now();
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < connections; ++i) {
    threads.emplace_back([&] {
      const auto client = server.client();
      for (std::size_t at = next++; at < paths.size(); at = next++) {
        stored += entries_of(server.call(*client, http::Method::post, "/fhir", read_gzip(paths[at])));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  resources += stored;
  return static_cast<double>(stored) / (now() - start);
}

std::string a_patient(const Server& server) {
  const auto client = server.client();
  const auto answer = server.call(*client, http::Method::get, "/fhir/Patient?_count=1");
  const auto page = codec::json::parse(answer.body);
  if (!page || page->root().items_at("entry").empty()) give_up("no patient was stored");
  return std::string(page->root().items_at("entry")[0].find("resource")->string_at("id"));
}

// One transaction of 25,000 observations about one patient.
std::string large_transaction(const std::string& patient) {
  std::string out = R"({"resourceType":"Bundle","type":"transaction","entry":[)";
  for (int i = 0; i < 25'000; ++i) {
    if (i > 0) out += ',';
    out += R"({"resource":{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":)"
           R"("http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":)"
           R"([{"system":"http://loinc.org",)"
           R"("code":"2339-0","display":"Glucose"}]},"subject":{"reference":"Patient/)" +
           patient + R"("},"effectiveDateTime":"2024-05-)" + fmt::format("{:02}", i % 28 + 1) + R"(T08:00:00Z","valueQuantity":{"value":)" +
           fmt::format("{}.{:02}", 60 + i % 90, i % 100) +
           R"(,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}},"request":{"method":"POST","url":"Observation"}})";
  }
  return out + "]}";
}

std::uintmax_t bytes_under(const std::string& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) bytes += entry.file_size();
  return bytes;
}

// --- the figures --------------------------------------------------------------------------------

void import_2021(std::vector<Figure>& figures) {
  const Place place = make_place();
  {
    Server server(place);
    std::size_t resources = 0;
    import(server, bundles("2021-infrastructure", "2021-infrastructure"), 1, resources);
    resources = 0;
    const double rate = import(server, bundles("2021-conditional-refs", "2021"), 4, resources);
    figures.push_back(judged("fhir: import with conditional references (Synthea 2021)", rate, "resources/s", Better::higher, 6000));
    figures.push_back({"fhir: resources of that import", static_cast<double>(resources), "resources", {}, {}});
  }
  fs::remove_all(place.folder);
}

void reads(const Server& server, const std::string& path, std::vector<Figure>& figures) {
  const char* given = std::getenv("CARELEDGER_BENCH_SECONDS");
  const auto load = load_fully(server.target(path), 16, given == nullptr ? 10 : std::atof(given));
  if (load.failed > 0) give_up("a read failed");
  figures.push_back(judged("fhir: read of one resource, 16 connections, TLS 1.3", load.per_second(), "1/s", Better::higher, 20'000));
  figures.push_back({"fhir: read, p50", load.percentile(0.5), "ms", {}, {}});
  figures.push_back(judged("fhir: read, p99", load.percentile(0.99), "ms", Better::lower, 3));
}

void reads_beside_a_transaction(const Server& server, const std::string& patient, std::vector<Figure>& figures) {
  LoadResult all;
  double longest = 0;
  for (int run = 0; run < 5; ++run) {
    std::atomic<bool> stop{false};
    std::string body = large_transaction(patient);
    std::thread writer([&] {
      const auto client = server.client();
      const double start = now();
      server.call(*client, http::Method::post, "/fhir", std::move(body));
      longest = std::max(longest, now() - start);
      stop = true;
    });
    const auto load = load_at_rate(server.target("/fhir/Patient/" + patient), 200, stop);
    writer.join();
    if (load.failed > 0) give_up("a read failed beside the transaction");
    all.milliseconds.insert(all.milliseconds.end(), load.milliseconds.begin(), load.milliseconds.end());
  }
  std::sort(all.milliseconds.begin(), all.milliseconds.end());
  figures.push_back(judged("fhir: read beside a transaction of 25,000, worst of five runs", all.percentile(1), "ms", Better::lower, 50));
  figures.push_back(judged("fhir: read beside a transaction of 25,000, p99.9", all.percentile(0.999), "ms", Better::lower, 20));
  figures.push_back({"fhir: transaction of 25,000 entries, longest", longest, "s", {}, {}});
}

void import_2019_and_read(std::vector<Figure>& figures) {
  const Place place = make_place();
  std::size_t resources = 0;
  double peak = 0;  // of the process that imported and the one that answered afterwards
  {
    Server server(place);
    const double rate = import(server, bundles("2019-self-contained", "2019"), 4, resources);
    peak = server.peak_mebibytes();
    figures.push_back(judged("fhir: import over HTTP (Synthea 2019)", rate, "resources/s", Better::higher, 8000));
  }
  figures.push_back(judged("fhir: disk a resource, body, index, audit and ledger",
                           static_cast<double>(bytes_under(place.data())) / static_cast<double>(resources), "bytes", Better::lower, 3000));
  {
    Server server(place);
    const std::string patient = a_patient(server);
    reads(server, "/fhir/Patient/" + patient, figures);
    reads_beside_a_transaction(server, patient, figures);
    figures.push_back(judged("fhir: peak memory of the node, import and transactions of 25,000 included",
                             std::max(peak, server.peak_mebibytes()), "MiB", Better::lower, 600));
  }
  fs::remove_all(place.folder);
}

}  // namespace

int run(int argc, char** argv) {
  if (argc == 4 && std::string(argv[1]) == "--serve") return serve({argv[2]}, std::atoi(argv[3]));
  std::vector<Figure> figures;
  import_2019_and_read(figures);
  import_2021(figures);
  return report(figures, argc, argv);
}

}  // namespace careledger::bench

int main(int argc, char** argv) { return careledger::bench::run(argc, argv); }
