// What every demo is made of: nodes that serve, steps that are played one after the other, and what is told of them.
//
// Each step says what happened, what that proves and how long it took. A step that fails ends the demo with its name. Thread-safety: one
// thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/demo/process.h"
#include "apps/node_access.h"
#include "codec/json/json.h"

namespace careledger::apps::demo {

struct Options {
  std::string folder;   // empty: a fresh one below the system's folder for temporary files, removed at the end
  std::string samples;  // folder of the sample patients; empty: where the source tree has them
  std::string engine;   // of a consortium: as `serve --engine`; empty: as `serve` finds it, or where the source tree has it
  bool keep = false;    // leave it serving at the end
  bool json = false;    // one JSON object on standard output at the end, and what people read on standard error
};

inline constexpr const char* kNorth = "North Hospital";
inline constexpr const char* kSouth = "South Hospital";
inline constexpr const char* kLaboratory = "City Laboratory";
inline constexpr const char* kRegulator = "Health Regulator";
inline constexpr const char* kOrganisations[] = {kNorth, kSouth, kLaboratory, kRegulator};

struct Row {  // of the closing table
  std::string what;
  std::string figure;
  bool of_step = false;  // how long a step took
};

struct Played {
  std::string title;
  double seconds = 0;
  std::optional<Error> failed{};
};

// A data folder, and the process that serves it.
struct Host {
  std::vector<std::string> organisations;
  Layout layout;
  std::string logs;                      // folder of what it says
  std::vector<std::string> arguments{};  // of `careledger serve`, after the folder
  std::unique_ptr<Served> process{};     // none: nobody serves it
  std::unique_ptr<NodeAccess> access{};  // to it, while somebody does

  Result<void> serve(Life life);  // starts the node and connects to it
  void kill_hard();
  void stop();  // as an operator would
};

// What the steps share.
struct Stage {
  Options options;
  std::string scratch;  // everything of this run
  std::vector<Host> hosts;
  std::vector<std::string> lines;  // what the current step has to say
  std::vector<Row> table;
  std::vector<Played> played;
  std::string shared_patient;                // file of the patient whom both hospitals know
  std::string north_patient, south_patient;  // the ids that both gave that patient
  std::string north_observation;             // id of a laboratory result of that patient at North

  std::string logs() const { return scratch + "/logs"; }              // of all nodes
  std::string wallet() const { return scratch + "/patient.wallet"; }  // of the shared patient
  std::FILE* out() const { return options.json ? stderr : stdout; }   // for people
  void say(std::string line) { lines.push_back(std::move(line)); }

  Life life() const { return options.keep ? Life::its_own : Life::with_us; }  // of what serves

  Host& host(const std::string& organisation);  // which one serves it
  NodeAccess& access(const std::string& organisation) { return *host(organisation).access; }
  Result<std::string> origin_of(const std::string& organisation) { return access(organisation).origin_of(organisation); }
  Result<void> serve();  // every host
  void stop();           // every host, all at the same time
  Result<codec::json::Document> fhir(const std::string& organisation, edge::auth::Role role, edge::http::Method method,
                                     const std::string& target, std::string body = {});
  Result<codec::json::Document> status(const std::string& organisation);  // what `careledger status` shows
};

struct Step {
  std::string title;
  std::string proves;
  std::function<Result<void>(Stage&)> run;
};

struct Story {
  std::function<void(Stage&)> set;                 // says which hosts there will be; `scratch` and `options` are there
  std::vector<Step> steps;                         // in order
  std::function<Result<void>(Stage&)> add_totals;  // to the table, at the end
};

// Plays it; the exit code.
int play(const Options& options, const Story& story);

double seconds_since(std::uint64_t start_ns);
std::string in_seconds(double seconds);                // "0.25 s"
std::string megabytes(std::uint64_t bytes);            // "1.5 MB"
std::uint64_t bytes_below(const std::string& folder);  // while others may write there
std::uint64_t bytes_held(const Layout& layout);        // of the reserve: disk held back, which holds nothing

}  // namespace careledger::apps::demo
