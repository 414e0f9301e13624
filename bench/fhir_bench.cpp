// The FHIR interface under load, over HTTP with TLS 1.3, against a whole node (embedded ledger, vault, audit) in a process of its own:
// import of Synthea's patients, reads of one resource, reads beside a transaction of 25,000 entries, memory and disk.
//
// Uses the large sets in ../shared/data/synthea when they are there, else the samples of the project. CARELEDGER_BENCH_SECONDS (10) is how
// long the reads run.
#include <zlib.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "bench/common.h"
#include "bench/figures.h"
#include "bench/limits.h"
#include "bench/node_process.h"
#include "codec/json/json.h"

namespace careledger::bench {
namespace {

namespace http = edge::http;
namespace fs = std::filesystem;

constexpr std::size_t kResources = 100'000;  // that memory and restart are measured with

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

struct Imported {
  std::size_t resources = 0;
  double seconds = 0;
  double rate() const { return static_cast<double>(resources) / seconds; }
};

// Over `connections`, the files in turn and again from the first until there are `least` resources; each entry answered is on the ledger.
Imported import(const NodeProcess& node, const std::vector<fs::path>& paths, unsigned connections, std::size_t least = 0) {
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> stored{0};
  const double start = seconds_now();
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < connections; ++i) {
    threads.emplace_back([&] {
      const auto client = node.client();
      for (std::size_t at = next++; at < paths.size() || stored < least; at = next++) {
        stored += entries_of(node.call(*client, http::Method::post, "/fhir", read_gzip(paths[at % paths.size()])));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return {stored, seconds_now() - start};
}

std::vector<std::string> ids_of(const NodeProcess& node, const std::string& type, int count) {
  const auto client = node.client();
  const auto answer = node.call(*client, http::Method::get, "/fhir/" + type + "?_count=" + std::to_string(count));
  const auto page = codec::json::parse(answer.body);
  std::vector<std::string> ids;
  if (page)
    for (const auto& entry : page->root().items_at("entry")) ids.emplace_back(entry.find("resource")->string_at("id"));
  if (ids.empty()) give_up("no " + type + " was stored");
  return ids;
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
    if (entry.is_regular_file() && entry.path().filename() != "reserve") bytes += entry.file_size();  // held back, not used
  return bytes;
}

// --- the figures --------------------------------------------------------------------------------

double seconds_of_load() {
  const char* given = std::getenv("CARELEDGER_BENCH_SECONDS");
  return given == nullptr ? 10 : std::atof(given);
}

// Of the resources stored in `place`, whose node has stopped.
double bytes_a_resource(const Place& place, std::size_t resources) {
  return static_cast<double>(bytes_under(place.data())) / static_cast<double>(resources);
}

void import_2021(const Limits& limits, std::vector<Figure>& figures) {
  const Place place = make_place();
  Imported first, done;
  {
    NodeProcess node(place);
    first = import(node, bundles("2021-infrastructure", "2021-infrastructure"), 1);
    done = import(node, bundles("2021-conditional-refs", "2021"), 4);
  }
  figures.push_back(judged("fhir: import with conditional references (Synthea 2021)", done.rate(), "resources/s", Better::higher, 6000,
                           limits.written_bytes / bytes_a_resource(place, first.resources + done.resources)));
  figures.push_back({"fhir: resources of that import", static_cast<double>(done.resources), "resources", {}, {}});
  fs::remove_all(place.folder);
}

// What the server and the loader can do without the node's work: the same connections, asking whether it is healthy.
LoadResult bare_load(const NodeProcess& node, unsigned connections) {
  return load_fully(node.target({"/healthz"}), connections, std::min(3.0, seconds_of_load()));
}

void reads(const NodeProcess& node, const std::string& patient, std::vector<Figure>& figures) {
  const LoadResult limit = bare_load(node, 16);
  const auto load = load_fully(node.target({"/fhir/Patient/" + patient}), 16, seconds_of_load());
  if (load.failed > 0) give_up("a read failed");
  figures.push_back(
      judged("fhir: read of one resource, 16 connections, TLS 1.3", load.per_second(), "1/s", Better::higher, 20'000, limit.per_second()));
  figures.push_back({"fhir: read, p50", load.percentile(0.5), "ms", {}, {}});
  figures.push_back(judged("fhir: read, p99", load.percentile(0.99), "ms", Better::lower, 3, limit.percentile(0.99)));
}

// Every element of the resource shown, with the proof of each and of the version's currency.
void reads_with_proof(const NodeProcess& node, std::vector<Figure>& figures) {
  std::vector<std::string> paths;
  for (const std::string& id : ids_of(node, "Observation", 200)) paths.push_back("/admin/v1/prove?type=Observation&id=" + id + "&show=*");
  const double limit = bare_load(node, 8).per_second();
  const auto load = load_fully(node.target(paths), 8, seconds_of_load());
  if (load.failed > 0) give_up("a read with proof failed");
  figures.push_back(judged("fhir: read with proof, 8 connections, TLS 1.3", load.per_second(), "1/s", Better::higher, 8'000, limit));
  figures.push_back({"fhir: read with proof, p50", load.percentile(0.5), "ms", {}, {}});
  figures.push_back({"fhir: read with proof, p99", load.percentile(0.99), "ms", {}, {}});
}

// Five times: `load` from the first byte of a transaction of 25,000 entries to its answer; all that it saw, and the longest transaction.
template <typename Load>
LoadResult beside_transactions(const NodeProcess& node, const std::string& patient, double& longest, const Load& load) {
  LoadResult all;
  for (int run = 0; run < 5; ++run) {
    std::atomic<bool> stop{false};
    std::string body = large_transaction(patient);
    std::thread writer([&] {
      const auto client = node.client();
      const double start = seconds_now();
      node.call(*client, http::Method::post, "/fhir", std::move(body));
      longest = std::max(longest, seconds_now() - start);
      stop = true;
    });
    const LoadResult seen = load(stop);
    writer.join();
    if (seen.failed > 0) give_up("a read failed beside the transaction");
    all.milliseconds.insert(all.milliseconds.end(), seen.milliseconds.begin(), seen.milliseconds.end());
  }
  std::sort(all.milliseconds.begin(), all.milliseconds.end());
  return all;
}

// The limit: instead of a read, one small write and its sync at the same rate beside the same transactions, since no read is answered
// before its entry in the audit file is durable.
void reads_beside_a_transaction(const NodeProcess& node, const Place& place, const std::string& patient, std::vector<Figure>& figures) {
  double longest = 0;
  const auto target = node.target({"/fhir/Patient/" + patient});
  const auto reads = beside_transactions(node, patient, longest, [&](const auto& stop) { return load_at_rate(target, 200, stop); });
  const auto syncs = beside_transactions(node, patient, longest, [&](const auto& stop) { return sync_at_rate(place.folder, 200, stop); });
  const std::string name = "fhir: read beside a transaction of 25,000, ";
  figures.push_back(judged(name + "worst of five runs", reads.percentile(1), "ms", Better::lower, 50, syncs.percentile(1)));
  figures.push_back(judged(name + "p99.9", reads.percentile(0.999), "ms", Better::lower, 20, syncs.percentile(0.999)));
  figures.push_back({name + "p50", reads.percentile(0.5), "ms", {}, syncs.percentile(0.5)});
  figures.push_back({"fhir: transaction of 25,000 entries, longest", longest, "s", {}, {}});
}

// One process, from its start: an import of 100,000 resources, then one transaction of 25,000 entries.
void memory_under_import(const NodeProcess& node, const std::vector<fs::path>& paths, std::vector<Figure>& figures) {
  const double started = node.peak_mebibytes();
  const Imported done = import(node, paths, 4, kResources);
  const auto client = node.client();
  node.call(*client, http::Method::post, "/fhir", large_transaction(ids_of(node, "Patient", 1).front()));
  figures.push_back({"fhir: resources imported for the memory's peak", static_cast<double>(done.resources), "resources", {}, {}});
  figures.push_back(judged("fhir: peak memory of the node, that import and a transaction of 25,000", node.peak_mebibytes(), "MiB",
                           Better::lower, 600, started));
}

// Kills the node in the middle of an import.
void kill_under_load(NodeProcess& node, const std::vector<fs::path>& paths) {
  std::atomic<bool> killed{false};
  std::atomic<std::size_t> answered{0};
  std::thread loader([&] {
    const auto client = node.client();
    for (std::size_t at = 0; !killed; ++at) {
      if (!node.try_call(*client, http::Method::post, "/fhir", read_gzip(paths[at % paths.size()]))) continue;
      ++answered;
      answered.notify_one();
    }
  });
  for (std::size_t seen = 0; seen < 5; seen = answered) answered.wait(seen);
  node.kill();
  killed = true;
  loader.join();
}

// Reads so many bytes of the files of a folder, in the state in which the system's cache has them after a kill.
double seconds_to_read(const std::string& folder, double bytes) {
  std::vector<char> piece(1 << 20);
  const double start = seconds_now();
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    while (bytes > 0 && file.read(piece.data(), static_cast<std::streamsize>(piece.size())).gcount() > 0)
      bytes -= static_cast<double>(file.gcount());
  }
  if (bytes > 0) give_up("the node read more than its folder holds");
  return seconds_now() - start;
}

// From exec to the first answer of each kind, the node having been killed under load; the worst of three.
void restarts(std::unique_ptr<NodeProcess> node, const Place& place, const std::vector<fs::path>& paths, std::vector<Figure>& figures) {
  const std::string patient = ids_of(*node, "Patient", 1).front();
  double read = 0, write = 0, bytes = 0;
  for (int run = 0; run < 3; ++run) {
    kill_under_load(*node, paths);
    const double start = seconds_now();
    node = std::make_unique<NodeProcess>(place);
    const auto client = node->client();
    node->call(*client, http::Method::get, "/fhir/Patient/" + patient);
    bytes = node->bytes_read();
    read = std::max(read, seconds_now() - start);
    node->call(*client, http::Method::post, "/fhir/Patient", R"({"resourceType":"Patient"})");
    write = std::max(write, seconds_now() - start);
  }
  const double limit = seconds_to_read(place.data(), bytes);
  figures.push_back(judged("fhir: killed under load, from exec to the first read, worst of three", read, "s", Better::lower, 3, limit));
  figures.push_back(judged("fhir: killed under load, from exec to the first write, worst of three", write, "s", Better::lower, 3, limit));
}

void import_2019_and_read(const Place& place, const Limits& limits, std::vector<Figure>& figures) {
  const std::vector<fs::path> paths = bundles("2019-self-contained", "2019");
  Imported done;
  {
    NodeProcess node(place);
    done = import(node, paths, 4);
  }
  const double bytes = bytes_a_resource(place, done.resources);
  double compressed = 0;
  for (const fs::path& path : paths) compressed += static_cast<double>(fs::file_size(path));
  figures.push_back(
      judged("fhir: import over HTTP (Synthea 2019)", done.rate(), "resources/s", Better::higher, 8000, limits.written_bytes / bytes));
  figures.push_back({"fhir: resources of the import of 2019", static_cast<double>(done.resources), "resources", {}, {}});
  figures.push_back(judged("fhir: disk a resource, body, index, audit and ledger", bytes, "bytes", Better::lower, 3000,
                           compressed / static_cast<double>(done.resources)));
  auto node = std::make_unique<NodeProcess>(place);
  memory_under_import(*node, paths, figures);
  const std::string patient = ids_of(*node, "Patient", 1).front();
  reads(*node, patient, figures);
  reads_with_proof(*node, figures);
  reads_beside_a_transaction(*node, place, patient, figures);
  restarts(std::move(node), place, paths, figures);
}

int run(int argc, char** argv) {
  std::vector<Figure> figures;
  const Place place = make_place();
  const Limits limits = measure_limits(place.folder, 0.5);
  import_2019_and_read(place, limits, figures);
  fs::remove_all(place.folder);
  import_2021(limits, figures);
  return report(figures, argc, argv);
}

}  // namespace
}  // namespace careledger::bench

int main(int argc, char** argv) {
  namespace bench = careledger::bench;
  return bench::is_node_process(argc, argv) ? bench::run_node_process(argv) : bench::run(argc, argv);
}
