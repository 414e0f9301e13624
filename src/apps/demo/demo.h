// The demo: the whole story on sample patients, step by step, through the same commands and interfaces that a user has.
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
  bool keep = false;    // leave it serving at the end
  bool json = false;    // one JSON object on standard output at the end, and what people read on standard error
};

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

// What the steps share.
struct Stage {
  Options options;
  Layout layout;        // of the data folder, inside `scratch`
  std::string scratch;  // everything of this run
  std::unique_ptr<Served> node;
  std::unique_ptr<NodeAccess> access;  // to `node`
  std::vector<std::string> lines;      // what the current step has to say
  std::vector<Row> table;
  std::vector<Played> played;
  std::string shared_patient;                // file of the patient whom both hospitals know
  std::string north_patient, south_patient;  // the ids that both gave that patient
  std::string north_observation;             // id of a laboratory result of that patient at North

  std::string logs() const { return scratch + "/logs"; }              // of the node
  std::string wallet() const { return scratch + "/patient.wallet"; }  // of the shared patient
  std::FILE* out() const { return options.json ? stderr : stdout; }   // for people
  void say(std::string line) { lines.push_back(std::move(line)); }
  Result<void> serve();  // starts the node and connects to it
  void stop();           // as an operator would
  Result<codec::json::Document> fhir(const std::string& organisation, edge::auth::Role role, edge::http::Method method,
                                     const std::string& target, std::string body = {});
};

struct Step {
  std::string title;
  std::string proves;
  std::function<Result<void>(Stage&)> run;
};

// In order; each file beside this one has a few.
std::vector<Step> steps();
Step found();                   // 1
Step bring_patients();          // 2
Step refuse_without_consent();  // 3
Step release_with_consent();    // 4
Step list_accesses();           // 5
Step verify_offline();          // 6
Step amend();                   // 7
Step withdraw();                // 8
Step attack_and_restore();      // 9
Step kill_and_recover();        // 10
Step search_the_disk();         // 11

inline constexpr const char* kNorth = "North Hospital";
inline constexpr const char* kSouth = "South Hospital";
inline constexpr const char* kLaboratory = "City Laboratory";
inline constexpr const char* kRegulator = "Health Regulator";

int run(const Options& options);

}  // namespace careledger::apps::demo
