#include "apps/demo/demo.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "apps/terminal.h"
#include "codec/json/json.h"

namespace careledger::apps::demo {
namespace {

namespace http = edge::http;
namespace json = codec::json;

constexpr int kWide = 100;

double seconds_since(std::uint64_t start_ns) { return static_cast<double>(system_clock().monotonic_ns() - start_ns) / 1e9; }

Result<std::string> samples_folder(const Options& options) {
  for (const std::string& candidate : {options.samples, std::string("samples/synthea"), std::string(CARELEDGER_SAMPLES)})
    if (!candidate.empty() && std::filesystem::is_directory(candidate)) return candidate;
  return fail(ErrorKind::not_found, "the sample patients are not here; say where with --samples FOLDER");
}

Result<std::string> scratch_folder(const Options& options) {
  if (!options.folder.empty()) {
    CARELEDGER_CHECK(system_files().make_folder(options.folder));
    return layout_of(options.folder).folder;
  }
  std::string pattern = std::filesystem::temp_directory_path().string() + "/careledger-demo-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) return fail(ErrorKind::storage, "cannot make a folder for temporary files");
  return pattern;
}

std::string wrapped(const std::string& text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (column + (end - at) > kWide && column > indent) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    }
    out += text.substr(at, end - at) + " ";
    column += end - at + 1;
    at = end + 1;
  }
  return out;
}

bool play(Stage& stage, std::size_t number, const Step& step) {
  fmt::print(stage.out(), "{}\n", bold(fmt::format("{:2}. {}", number, step.title)));
  std::fflush(stage.out());
  stage.lines.clear();
  const std::uint64_t start = system_clock().monotonic_ns();
  const auto done = step.run(stage);
  const double seconds = seconds_since(start);
  stage.played.push_back({step.title, seconds, done ? std::nullopt : std::optional(done.error())});
  for (const std::string& line : stage.lines) fmt::print(stage.out(), "    {}\n", wrapped(line, 4));
  if (!done) {
    fmt::print(stage.out(), "    {} {}\n", red("failed:"), wrapped(done.error().message, 4));
    return false;
  }
  fmt::print(stage.out(), "    {} {}  {}\n\n", green("proves:"), wrapped(step.proves, 12), dim(fmt::format("{:.2f} s", seconds)));
  stage.table.push_back({fmt::format("step {:2}, {}", number, step.title), fmt::format("{:.2f} s", seconds), true});
  return true;
}

void print_table(const Stage& stage) {
  std::size_t wide = 0;
  for (const Row& row : stage.table) wide = std::max(wide, row.what.size());
  fmt::print(stage.out(), "{}\n", bold("Figures"));
  for (const Row& row : stage.table) fmt::print(stage.out(), "    {:<{}}  {:>14}\n", row.what, wide, row.figure);
}

std::uint64_t bytes_below(const std::string& folder) {
  std::uint64_t bytes = 0;
  std::error_code end;  // a file that is gone meanwhile is no fault: the node serves
  for (auto at = std::filesystem::recursive_directory_iterator(folder, end); !end && at != std::filesystem::end(at); at.increment(end)) {
    std::error_code gone;
    const auto size = at->is_regular_file(gone) ? at->file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  return bytes;
}

std::string megabytes(std::uint64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

// What stands on ledger and disk at the end. The reserve is disk held back, and holds nothing.
Result<void> add_totals(Stage& stage) {
  const http::Request ask = http::make_request(http::Method::get, "/admin/v1/status");
  CARELEDGER_TRY(const http::Response response, stage.access->need(kNorth, edge::auth::Role::administrator, ask));
  CARELEDGER_TRY(const codec::json::Document status, codec::json::parse(response.content()));
  for (const auto& [what, name] : {std::pair("commands on the ledger", "commands"), {"blocks", "height"}}) {
    const codec::json::Value* number = status.root().find(name);
    stage.table.push_back({what, number == nullptr ? "" : std::string(number->text())});
  }
  std::error_code none;
  const auto held = std::filesystem::file_size(stage.layout.reserve(), none);
  const std::uint64_t reserve = none ? 0 : held;
  stage.table.push_back({"on disk, four organisations and the ledger", megabytes(bytes_below(stage.layout.folder) - reserve)});
  stage.table.push_back({"of it the ledger", megabytes(bytes_below(stage.layout.ledger()))});
  return {};
}

// Where to go on, of a node that is left serving.
struct Endpoint {
  std::string organisation;
  std::string fhir;
  std::string token;
};
std::vector<Endpoint> endpoints(Stage& stage) {
  std::vector<Endpoint> out;
  for (const char* name : {kNorth, kSouth, kLaboratory, kRegulator}) {
    const auto origin = stage.access->origin_of(name);
    const auto token = stage.access->token_for(name, edge::auth::Role::clinician);
    if (origin && token) out.push_back({name, *origin + "/fhir", *token});
  }
  return out;
}

void print_keep(Stage& stage, const std::vector<Endpoint>& left) {
  fmt::print(stage.out(), "\n{}\n", bold("Left serving"));
  for (const Endpoint& one : left) fmt::print(stage.out(), "    {}\n      {}\n      token {}\n", one.organisation, one.fhir, one.token);
  for (const Endpoint& one : left)
    if (one.organisation == kNorth)
      fmt::print(
          stage.out(),
          "\n    curl -H \"Authorization: Bearer $(careledger token {} --organisation '{}')\" {}/Patient/{}\n    kill {}   # ends it\n",
          stage.layout.folder, kNorth, one.fhir, stage.north_patient, stage.node->pid());
}

json::Value steps_json(json::Document& document, const std::vector<Played>& played) {
  json::Value list = document.array();
  for (const Played& step : played) {
    json::Value value = document.object();
    document.set(value, "name", document.string(step.title));
    document.set(value, "result", document.string(step.failed ? "failed" : "done"));
    if (step.failed) document.set(value, "error", document.string(step.failed->message));
    document.set(value, "milliseconds", document.number(static_cast<std::int64_t>(step.seconds * 1e3)));
    document.append(list, value);
  }
  return list;
}

// {"done","steps":[{"name","result","milliseconds"}…],"figures":{…}}, with "left" when a node is left serving, "folder" when files are.
void print_json(const Stage& stage, const std::vector<Endpoint>& left) {
  json::Document document;
  json::Value root = document.object();
  const bool failed = stage.played.empty() || stage.played.back().failed;
  document.set(root, "done", document.boolean(!failed));
  document.set(root, "steps", steps_json(document, stage.played));
  json::Value figures = document.object();
  for (const Row& row : stage.table)
    if (!row.of_step) document.set(figures, row.what, document.string(row.figure));
  document.set(root, "figures", figures);
  json::Value serving = document.array();
  for (const Endpoint& one : left) {
    json::Value value = document.object();
    document.set(value, "organisation", document.string(one.organisation));
    document.set(value, "fhir", document.string(one.fhir));
    document.set(value, "token", document.string(one.token));
    document.append(serving, value);
  }
  if (!left.empty()) document.set(root, "left", serving);
  if (!left.empty()) document.set(root, "pid", document.number(std::int64_t{stage.node->pid()}));
  if (failed || !left.empty() || !stage.options.folder.empty()) document.set(root, "folder", document.string(stage.scratch));
  fmt::print("{}\n", json::compact(root));
}

}  // namespace

Result<void> Stage::serve() {
  CARELEDGER_CHECK(system_files().make_folder(logs()));
  CARELEDGER_TRY(Served served, Served::start(layout.folder, logs(), {"--log-file", logs() + "/node.log"}));
  node = std::make_unique<Served>(std::move(served));
  CARELEDGER_TRY(access, NodeAccess::open(layout, {}));
  if (access->in_process()) return fail(ErrorKind::unavailable, "the node does not hold its folder");
  return {};
}

void Stage::stop() {
  access.reset();
  node.reset();
}

Result<codec::json::Document> Stage::fhir(const std::string& organisation, edge::auth::Role role, http::Method method,
                                          const std::string& target, std::string body) {
  CARELEDGER_TRY(const http::Response response,
                 access->need(organisation, role, http::make_request(method, "/fhir" + target, std::move(body), "application/fhir+json")));
  return codec::json::parse(response.content());
}

std::vector<Step> steps() {
  return {found(), bring_patients(), refuse_without_consent(), release_with_consent(), list_accesses(),  verify_offline(),
          amend(), withdraw(),       attack_and_restore(),     kill_and_recover(),     search_the_disk()};
}

int run(const Options& options) {
  Stage stage;
  stage.options = options;
  const auto samples = samples_folder(options);
  const auto scratch = scratch_folder(options);
  if (!samples) return report(samples.error(), options.json);
  if (!scratch) return report(scratch.error(), options.json);
  stage.options.samples = *samples;
  stage.scratch = *scratch;
  stage.layout = layout_of(*scratch + "/node");
  const std::uint64_t start = system_clock().monotonic_ns();
  std::size_t number = 0;
  for (const Step& step : steps()) {
    if (play(stage, ++number, step)) continue;
    stage.stop();
    fmt::print(stage.out(), "\n{} at step {}: {}. Everything of this run is in {}\n", red("The demo failed"), number, step.title,
               stage.scratch);
    if (options.json) print_json(stage, {});
    return static_cast<int>(Exit::failed);
  }
  stage.table.push_back({"all of it", fmt::format("{:.1f} s", seconds_since(start))});
  if (const auto added = add_totals(stage); !added) return report(added.error(), options.json);
  print_table(stage);
  const std::vector<Endpoint> left = options.keep ? endpoints(stage) : std::vector<Endpoint>();
  if (options.keep) print_keep(stage, left);
  if (options.json) print_json(stage, left);
  if (options.keep) {
    stage.node->leave();
    return 0;
  }
  stage.stop();
  std::error_code ignored;
  if (options.folder.empty()) std::filesystem::remove_all(stage.scratch, ignored);
  return 0;
}

}  // namespace careledger::apps::demo
