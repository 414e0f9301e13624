#include "apps/demo/stage.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "apps/terminal.h"
#include "base/assert.h"

namespace careledger::apps::demo {
namespace {

namespace http = edge::http;
namespace json = codec::json;

constexpr int kWide = 100;

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

bool play_step(Stage& stage, std::size_t number, const Step& step) {
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
  fmt::print(stage.out(), "    {} {}  {}\n\n", green("proves:"), wrapped(step.proves, 12), dim(in_seconds(seconds)));
  stage.table.push_back({fmt::format("step {:2}, {}", number, step.title), in_seconds(seconds), true});
  return true;
}

void print_table(const Stage& stage) {
  std::size_t wide = 0;
  for (const Row& row : stage.table) wide = std::max(wide, row.what.size());
  fmt::print(stage.out(), "{}\n", bold("Figures"));
  for (const Row& row : stage.table) fmt::print(stage.out(), "    {:<{}}  {:>14}\n", row.what, wide, row.figure);
}

// Where to go on, of nodes that are left serving.
struct Endpoint {
  std::string organisation;
  std::string folder;
  std::string fhir;
  std::string token;
  int pid = 0;
};
std::vector<Endpoint> endpoints(Stage& stage) {
  std::vector<Endpoint> out;
  for (Host& host : stage.hosts) {
    for (const std::string& name : host.organisations) {
      const auto origin = host.access->origin_of(name);
      const auto token = host.access->token_for(name, edge::auth::Role::clinician);
      if (origin && token) out.push_back({name, host.layout.folder, *origin + "/fhir", *token, host.process->pid()});
    }
  }
  return out;
}

void print_keep(const Stage& stage, const std::vector<Endpoint>& left) {
  fmt::print(stage.out(), "\n{}\n", bold("Left serving"));
  for (const Endpoint& one : left) fmt::print(stage.out(), "    {}\n      {}\n      token {}\n", one.organisation, one.fhir, one.token);
  for (const Endpoint& one : left)
    if (one.organisation == kNorth)
      fmt::print(stage.out(), "\n    curl -H \"Authorization: Bearer $(careledger token {} --organisation '{}')\" {}/Patient/{}\n",
                 one.folder, kNorth, one.fhir, stage.north_patient);
  std::string processes;
  for (const Host& host : stage.hosts) processes += " " + std::to_string(host.process->pid());
  fmt::print(stage.out(), "    kill{}   # ends it\n", processes);
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

json::Value left_json(json::Document& document, const std::vector<Endpoint>& left) {
  json::Value list = document.array();
  for (const Endpoint& one : left) {
    json::Value value = document.object();
    document.set(value, "organisation", document.string(one.organisation));
    document.set(value, "fhir", document.string(one.fhir));
    document.set(value, "token", document.string(one.token));
    document.set(value, "pid", document.number(std::int64_t{one.pid}));
    document.append(list, value);
  }
  return list;
}

// {"done","steps":[{"name","result","milliseconds"}…],"figures":{…}}, with "left" when nodes are left serving, "folder" when files are.
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
  if (!left.empty()) document.set(root, "left", left_json(document, left));
  if (failed || !left.empty() || !stage.options.folder.empty()) document.set(root, "folder", document.string(stage.scratch));
  fmt::print("{}\n", json::compact(root));
}

Result<Stage> prepare(const Options& options, const Story& story) {
  Stage stage;
  stage.options = options;
  CARELEDGER_TRY(stage.options.samples, samples_folder(options));
  CARELEDGER_TRY(stage.scratch, scratch_folder(options));
  story.set(stage);
  return stage;
}

int fail_at(Stage& stage, std::size_t number) {
  stage.stop();
  fmt::print(stage.out(), "\n{} at step {}: {}. Everything of this run is in {}\n", red("The demo failed"), number,
             stage.played.back().title, stage.scratch);
  if (stage.options.json) print_json(stage, {});
  return static_cast<int>(Exit::failed);
}

int end_well(Stage& stage) {
  print_table(stage);
  const std::vector<Endpoint> left = stage.options.keep ? endpoints(stage) : std::vector<Endpoint>();
  if (stage.options.keep) print_keep(stage, left);
  if (stage.options.json) print_json(stage, left);
  if (stage.options.keep) {
    for (Host& host : stage.hosts) host.process->leave();
    return 0;
  }
  stage.stop();
  std::error_code ignored;
  if (stage.options.folder.empty()) std::filesystem::remove_all(stage.scratch, ignored);
  return 0;
}

}  // namespace

double seconds_since(std::uint64_t start_ns) { return static_cast<double>(system_clock().monotonic_ns() - start_ns) / 1e9; }
std::string in_seconds(double seconds) { return fmt::format("{:.2f} s", seconds); }
std::string megabytes(std::uint64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

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

std::uint64_t bytes_held(const Layout& layout) {
  std::error_code none;
  const auto held = std::filesystem::file_size(layout.reserve(), none);
  return none ? 0 : held;
}

Result<void> Host::serve(Life life) {
  CARELEDGER_CHECK(system_files().make_folder(logs));
  std::vector<std::string> more{"--log-file", logs + "/node.log"};
  more.insert(more.end(), arguments.begin(), arguments.end());
  CARELEDGER_TRY(Served served, Served::start(layout.folder, logs, more, life));
  process = std::make_unique<Served>(std::move(served));
  CARELEDGER_TRY(access, NodeAccess::open(layout, {}));
  if (access->in_process()) return fail(ErrorKind::unavailable, "the node does not hold its folder");
  return {};
}

void Host::kill_hard() {
  access.reset();
  if (process) process->kill_hard();
}

void Host::stop() {
  access.reset();
  process.reset();
}

Host& Stage::host(const std::string& organisation) {
  const auto found = std::ranges::find_if(hosts, [&](const Host& one) { return std::ranges::count(one.organisations, organisation) > 0; });
  CARELEDGER_ASSERT(found != hosts.end());
  return *found;
}

Result<void> Stage::serve() {
  for (Host& one : hosts) CARELEDGER_CHECK(one.serve(life()));
  return {};
}

void Stage::stop() {
  for (Host& one : hosts)
    if (one.process) one.process->begin_to_stop();
  for (Host& one : hosts) one.stop();
}

Result<codec::json::Document> Stage::fhir(const std::string& organisation, edge::auth::Role role, http::Method method,
                                          const std::string& target, std::string body) {
  http::Request request = http::make_request(method, "/fhir" + target, std::move(body), "application/fhir+json");
  CARELEDGER_TRY(const http::Response response, access(organisation).need(organisation, role, std::move(request)));
  return json::parse(response.content());
}

Result<codec::json::Document> Stage::status(const std::string& organisation) {
  http::Request ask = http::make_request(http::Method::get, "/admin/v1/status");
  CARELEDGER_TRY(const http::Response response, access(organisation).need(organisation, edge::auth::Role::administrator, std::move(ask)));
  return json::parse(response.content());
}

int play(const Options& options, const Story& story) {
  auto stage = prepare(options, story);
  if (!stage) return report(stage.error(), options.json);
  const std::uint64_t start = system_clock().monotonic_ns();
  std::size_t number = 0;
  for (const Step& step : story.steps)
    if (!play_step(*stage, ++number, step)) return fail_at(*stage, number);
  stage->table.push_back({"all of it", fmt::format("{:.1f} s", seconds_since(start))});
  if (const auto added = story.add_totals(*stage); !added) return report(added.error(), options.json);
  return end_well(*stage);
}

}  // namespace careledger::apps::demo
