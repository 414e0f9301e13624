// Steps 6 and 7: what an outsider checks without a node, and what an amendment leaves provable.

#include <fmt/format.h>

#include "apps/demo/demo.h"
#include "proof/verify.h"

namespace careledger::apps::demo {
namespace {

namespace http = edge::http;
namespace json = codec::json;

Result<proof::Report> verify_files(const std::string& bundle, const std::string& trust_file) {
  CARELEDGER_TRY(const Bytes trust_text, system_files().read_all(trust_file, proof::kMaxTrustFile));
  CARELEDGER_TRY(const proof::Trust trust, proof::parse_trust(trust_text));
  CARELEDGER_TRY(const Bytes bytes, system_files().read_all(bundle, proof::kMaxBundle));
  return proof::verify(bytes, trust);
}

Result<void> prove_to(Stage& stage, const char* organisation, const std::string& record, const std::string& file,
                      const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"prove",       stage.layout.folder,          record, "--organisation", organisation, "-o", file,
                                     "--trust-out", stage.scratch + "/trust.json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  CARELEDGER_TRY(const Finished finished, run_self(arguments));
  if (finished.exit != 0) return fail(ErrorKind::unavailable, "careledger prove ended with exit code " + std::to_string(finished.exit));
  return {};
}

struct Exported {
  std::string what;
  std::string file;
  std::string trust_file;
};

// Records of both hospitals, and the list of accesses that the patient exported.
Result<std::vector<Exported>> export_proofs(Stage& stage) {
  const std::string trust = stage.scratch + "/trust.json";
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

// Verifies the file with each of its bytes changed, one at a time; how many there are.
Result<std::size_t> flip_every_byte(const Exported& exported) {
  CARELEDGER_TRY(const Bytes trust_text, system_files().read_all(exported.trust_file, proof::kMaxTrustFile));
  CARELEDGER_TRY(const proof::Trust trust, proof::parse_trust(trust_text));
  CARELEDGER_TRY(Bytes bytes, system_files().read_all(exported.file, proof::kMaxBundle));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    if (proof::verify(bytes, trust))
      return fail(ErrorKind::invalid, exported.what + ": the proof was accepted with byte " + std::to_string(at) + " changed");
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
  }
  if (!proof::verify(bytes, trust)) return fail(ErrorKind::invalid, exported.what + ": the unchanged proof was refused");
  return bytes.size();
}

Result<void> run_verify_offline(Stage& stage) {
  CARELEDGER_TRY(const std::vector<Exported> proofs, export_proofs(stage));
  CARELEDGER_TRY(const proof::Report report, verify_files(proofs[0].file, proofs[0].trust_file));
  for (const std::string& line : report.lines()) stage.say(line);
  for (const Exported& one : proofs) {
    CARELEDGER_TRY(const Finished finished, run_self({"verify", one.file, "--trust", one.trust_file}));
    if (finished.exit != 0) return fail(ErrorKind::invalid, "careledger verify refused a good proof of " + one.what + ": " + finished.out);
    CARELEDGER_TRY(const std::size_t size, flip_every_byte(one));
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
  CARELEDGER_TRY(const proof::Report old_one, verify_files(before, stage.scratch + "/trust.json"));
  CARELEDGER_TRY(const proof::Report new_one, verify_files(after, stage.scratch + "/trust.json"));
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
