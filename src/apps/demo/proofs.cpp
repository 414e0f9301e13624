// Steps 6 and 7: what an outsider checks without a node, and what an amendment leaves provable.

#include <fmt/format.h>

#include "apps/demo/demo.h"
#include "proof/verify.h"

namespace careledger::apps::demo {
namespace {

namespace http = edge::http;
namespace json = codec::json;

constexpr std::size_t kFlipsMax = 20'000;  // of the bytes of a bundle: all of them, unless it is far larger than here

Result<proof::Report> verify_files(const std::string& bundle, const std::string& trust_file) {
  CARELEDGER_TRY(const Bytes trust_text, system_files().read_all(trust_file, proof::kMaxTrustFile));
  CARELEDGER_TRY(const proof::Trust trust, proof::parse_trust(trust_text));
  CARELEDGER_TRY(const Bytes bytes, system_files().read_all(bundle, proof::kMaxBundle));
  return proof::verify(bytes, trust);
}

Result<void> prove_to(Stage& stage, const std::string& record, const std::string& file, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"prove",       stage.layout.folder,          record, "--organisation", kNorth, "-o", file,
                                     "--trust-out", stage.scratch + "/trust.json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  CARELEDGER_TRY(const Finished finished, run_self(arguments));
  if (finished.exit != 0) return fail(ErrorKind::unavailable, "careledger prove ended with exit code " + std::to_string(finished.exit));
  return {};
}

Result<void> run_verify_offline(Stage& stage) {
  const std::string file = stage.scratch + "/patient.clpb";
  const std::string trust_file = stage.scratch + "/trust.json";
  CARELEDGER_CHECK(prove_to(stage, "Patient/" + stage.north_patient, file));
  CARELEDGER_TRY(const Finished finished, run_self({"verify", file, "--trust", trust_file}));
  if (finished.exit != 0) return fail(ErrorKind::invalid, "careledger verify refused a good proof: " + finished.out);
  CARELEDGER_TRY(const proof::Report report, verify_files(file, trust_file));
  for (const std::string& line : report.lines()) stage.say(line);

  CARELEDGER_TRY(const Bytes trust_text, system_files().read_all(trust_file, proof::kMaxTrustFile));
  CARELEDGER_TRY(const proof::Trust trust, proof::parse_trust(trust_text));
  CARELEDGER_TRY(const Bytes good, system_files().read_all(file, proof::kMaxBundle));
  const std::size_t stride = good.size() / kFlipsMax + 1;
  std::size_t refused = 0;
  for (std::size_t at = 0; at < good.size(); at += stride) {
    Bytes bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    if (proof::verify(bad, trust)) return fail(ErrorKind::invalid, "a proof with byte " + std::to_string(at) + " changed was accepted");
    ++refused;
  }
  stage.say(fmt::format("{} bytes; one bit flipped in {} of them, one at a time: refused every time", good.size(), refused));
  stage.table.push_back({"proof of one record with currency", fmt::format("{} bytes", good.size())});
  return {};
}

Result<void> run_amend(Stage& stage) {
  const std::string record = "Observation/" + stage.north_observation;
  CARELEDGER_TRY(json::Document observation, stage.fhir(kNorth, edge::auth::Role::clinician, http::Method::get, "/" + record));
  observation.set(observation.root(), "status", observation.string("amended"));
  CARELEDGER_CHECK(stage.fhir(kNorth, edge::auth::Role::clinician, http::Method::put, "/" + record, json::compact(observation.root())));
  const std::string before = stage.scratch + "/before.clpb";
  const std::string after = stage.scratch + "/after.clpb";
  CARELEDGER_CHECK(prove_to(stage, record, before, {"--record-version", "1", "--show", "status"}));
  CARELEDGER_CHECK(prove_to(stage, record, after, {"--show", "status"}));
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
  return {"An auditor verifies a proof offline",
          "an outsider needs no node, no network and no trust in the hospital; one flipped bit is refused, whichever it is",
          run_verify_offline};
}

Step amend() {
  return {"A record is amended", "an amendment never overwrites: both versions stay provable, and which one is current as well", run_amend};
}

}  // namespace careledger::apps::demo
