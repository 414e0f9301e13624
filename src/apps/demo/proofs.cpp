// Steps 6 and 7: what an outsider checks without a node, and what an amendment leaves provable.

#include <fmt/format.h>

#include "apps/demo/acts.h"
#include "apps/demo/demo.h"

namespace careledger::apps::demo {
namespace {

namespace http = edge::http;
namespace json = codec::json;

struct Exported {
  std::string what;
  std::string file;
  std::string trust_file;
};

// Records of both hospitals, and the list of accesses that the patient exported.
Result<std::vector<Exported>> export_proofs(Stage& stage) {
  const std::string trust = trust_of(stage);
  const std::vector<Exported> proofs{
      {"a Patient of North, nothing shown but its id", stage.scratch + "/patient.clpb", trust},
      {"a laboratory result of North, its status shown", stage.scratch + "/observation.clpb", trust},
      {"a Patient of South, name and birth date shown", stage.scratch + "/south-patient.clpb", trust},
      {"the patient's list of accesses, every entry opened", stage.scratch + "/list.clpb", stage.scratch + "/wallet-trust.json"}};
  CARELEDGER_CHECK(prove_to(stage, kNorth, "Patient/" + stage.north_patient, proofs[0].file));
  CARELEDGER_CHECK(prove_to(stage, kNorth, "Observation/" + stage.north_observation, proofs[1].file, {"--show", "status"}));
  CARELEDGER_CHECK(prove_to(stage, kSouth, "Patient/" + stage.south_patient, proofs[2].file, {"--show", "name", "--show", "birthDate"}));
  return proofs;
}

Result<void> run_verify_offline(Stage& stage) {
  CARELEDGER_TRY(const std::vector<Exported> proofs, export_proofs(stage));
  CARELEDGER_TRY(const proof::Report report, verify_files(proofs[0].file, proofs[0].trust_file));
  for (const std::string& line : report.lines()) stage.say(line);
  for (const Exported& one : proofs) {
    CARELEDGER_TRY(const std::size_t size, verify_and_flip(one.what, one.file, one.trust_file));
    stage.say(fmt::format("{}: accepted; each of its {} bytes changed, one at a time: refused every time", one.what, size));
    if (&one == &proofs[0]) stage.table.push_back({"proof of one record with currency", fmt::format("{} bytes", size)});
  }
  return {};
}

Result<void> run_amend(Stage& stage) {
  const std::string record = "Observation/" + stage.north_observation;
  CARELEDGER_TRY(json::Document observation, stage.fhir(kNorth, edge::auth::Role::clinician, http::Method::get, "/" + record));
  observation.set(observation.root(), "status", observation.string("amended"));
  CARELEDGER_CHECK(stage.fhir(kNorth, edge::auth::Role::clinician, http::Method::put, "/" + record, json::compact(observation.root())));
  const std::string before = stage.scratch + "/before.clpb";
  const std::string after = stage.scratch + "/after.clpb";
  CARELEDGER_CHECK(prove_to(stage, kNorth, record, before, {"--record-version", "1", "--show", "status"}));
  CARELEDGER_CHECK(prove_to(stage, kNorth, record, after, {"--show", "status"}));
  CARELEDGER_TRY(const proof::Report old_one, verify_files(before, trust_of(stage)));
  CARELEDGER_TRY(const proof::Report new_one, verify_files(after, trust_of(stage)));
  if (old_one.currency != proof::Currency::superseded || new_one.currency != proof::Currency::current)
    return fail(ErrorKind::invalid, "the amended versions do not prove as superseded and current");
  stage.say(
      fmt::format("a laboratory result was amended: version 1 verifies and is superseded since block {}; version 2 verifies and is current",
                  old_one.excepted.value));
  return {};
}

}  // namespace

Step verify_offline() {
  return {"An auditor verifies proofs offline",
          "an outsider needs no node, no network and no trust in the hospital; one changed byte is refused, whichever it is",
          run_verify_offline};
}

Step amend() {
  return {"A record is amended", "an amendment never overwrites: both versions stay provable, and which one is current as well", run_amend};
}

}  // namespace careledger::apps::demo
