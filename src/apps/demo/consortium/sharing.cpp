// Steps 3 and 4: a record goes from one organisation's process to another's under the patient's consent, and a stranger verifies it.

#include <fmt/format.h>

#include "apps/demo/acts.h"
#include "apps/demo/consortium/consortium.h"

namespace careledger::apps::demo::consortium {
namespace {

Result<void> run_share(Stage& stage) {
  CARELEDGER_CHECK(expect_refusal(stage, "no_consent"));
  CARELEDGER_TRY(const std::string said, grant_laboratory(stage));
  stage.say("the patient: " + said);
  Released released;
  const auto holds = [&]() -> Result<bool> {
    CARELEDGER_TRY(released, take_released(stage));
    return true;
  };
  CARELEDGER_CHECK(until("the record", holds));  // a member's copy of the ledger may be a block behind
  say_released(stage, released);
  return {};
}

Result<void> run_verify(Stage& stage) {
  const std::string file = stage.scratch + "/observation.clpb";
  CARELEDGER_TRY(const Proven proven, prove_at_north(stage, "Observation/" + stage.north_observation, file));
  for (const std::string& line : proven.report.lines()) stage.say(line);
  CARELEDGER_TRY(const std::size_t size, verify_and_flip("a laboratory result", file, trust_of(stage)));
  stage.say(
      fmt::format("careledger verify accepts it with nothing but a trust file; each of its {} bytes changed, one at a time: refused "
                  "every time",
                  size));
  stage.table.push_back({fmt::format("proof of one record, signed by {} of {} members", proven.report.signers, proven.report.validators),
                         fmt::format("{} bytes", size)});
  return {};
}

}  // namespace

Step share() {
  return {"A clinician asks another organisation for a record",
          "no consent, no record; with it exactly what was granted crosses from one organisation to the other, sealed to who asked",
          run_share};
}

Step verify_offline() {
  return {"An outsider verifies a record offline",
          "more than two thirds of the members vouch for it with keys of their own: no single one could have made it up", run_verify};
}

}  // namespace careledger::apps::demo::consortium
