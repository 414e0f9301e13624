// Steps 5, 6 and 7: one of four is dead, one hangs, and one is cut off. Each is back before the next one goes.

#include <fmt/format.h>

#include "apps/demo/acts.h"
#include "apps/demo/consortium/consortium.h"
#include "apps/wallet_node.h"

namespace careledger::apps::demo::consortium {
namespace {

namespace json = codec::json;

std::string processes_of(const Host& host) { return fmt::format("process {} and engine {}", host.process->pid(), host.process->engine()); }

Result<void> run_kill(Stage& stage) {
  Host& city = stage.host(kLaboratory);
  stage.say(fmt::format("{} is killed (SIGKILL): {}", kLaboratory, processes_of(city)));
  city.kill_hard();
  CARELEDGER_TRY(const std::string origin, stage.origin_of(kNorth));
  const std::uint64_t start = system_clock().monotonic_ns();
  CARELEDGER_TRY(const std::string said, wallet(stage.wallet(), "revoke", {"--node", origin}));
  const double revoked = seconds_since(start);
  stage.say(fmt::format("the patient, {:.2f} s later by the other three: {}", revoked, said));
  CARELEDGER_CHECK(expect_refusal(stage, "consent_revoked"));
  CARELEDGER_CHECK(city.serve(stage.life()));
  CARELEDGER_TRY(const double caught_up, until_caught_up(stage, kLaboratory, kNorth));
  stage.say(fmt::format("{} is started again, and {:.2f} s after it serves it has every block that it missed", kLaboratory, caught_up));
  stage.table.push_back({"a withdrawal with one member dead, final", in_seconds(revoked)});
  stage.table.push_back({"catching up after SIGKILL", in_seconds(caught_up)});
  return {};
}

Result<void> run_freeze(Stage& stage) {
  Host& regulator = stage.host(kRegulator);
  CARELEDGER_TRY(const std::uint64_t before, height_of(stage, kNorth));
  stage.say(fmt::format("{} is stopped where it stands (SIGSTOP): {}. Its connections stay open and nothing answers on them", kRegulator,
                        processes_of(regulator)));
  regulator.process->freeze();
  CARELEDGER_TRY(const std::string note, store_note(stage, "while-one-hangs"));
  CARELEDGER_TRY(const Proven proven, prove_at_north(stage, note, stage.scratch + "/while-one-hangs.clpb"));
  CARELEDGER_TRY(const std::uint64_t after, height_of(stage, kNorth));
  stage.say(fmt::format("a record stored at {} meanwhile is provable {:.2f} s later, signed by {} of {}; blocks went on from {} to {}",
                        kNorth, proven.seconds, proven.report.signers, proven.report.validators, before, after));
  regulator.process->thaw();
  CARELEDGER_TRY(const double caught_up, until_caught_up(stage, kRegulator, kNorth));
  stage.say(fmt::format("{} goes on (SIGCONT), and {:.2f} s later it has every block that it missed", kRegulator, caught_up));
  stage.table.push_back({"stored to provable with one member stopped", in_seconds(proven.seconds)});
  stage.table.push_back({"catching up after SIGSTOP", in_seconds(caught_up)});
  return {};
}

// The node of North says so by itself, once what it sent has waited for longer than any block takes.
Result<void> until_without_quorum(Stage& stage) {
  const auto holds = [&]() -> Result<bool> {
    CARELEDGER_TRY(const json::Document status, stage.status(kNorth));
    const json::Value* accepting = status.root().find("accepting");
    return accepting != nullptr && accepting->is_boolean() && !accepting->boolean();
  };
  CARELEDGER_TRY(const double seconds, until("the word that there is no quorum", holds));
  stage.say(fmt::format("{:.1f} s later {} says that there is no quorum: what it is given waits in its outbox", seconds, kNorth));
  return {};
}

Result<void> expect_pending(Stage& stage, const std::string& note) {
  CARELEDGER_CHECK(stage.fhir(kNorth, edge::auth::Role::clinician, edge::http::Method::get, "/" + note));
  CARELEDGER_TRY(const json::Document status, stage.status(kNorth));
  const std::uint64_t waiting = number_at(status.root(), "waiting_for_anchor");
  if (waiting == 0) return fail(ErrorKind::invalid, "a record was anchored without a quorum");
  if (const auto proven = prove_to(stage, kNorth, note, stage.scratch + "/alone.clpb"); proven)
    return fail(ErrorKind::invalid, "a record was proven without a quorum");
  stage.say(fmt::format("{} takes a record and reads it back; its anchor is pending, and nobody gets a proof of it", kNorth));
  return {};
}

// The others, meanwhile.
Result<void> expect_others_go_on(Stage& stage) {
  CARELEDGER_CHECK(stage.fhir(kSouth, edge::auth::Role::clinician, edge::http::Method::put, "/Basic/without-north",
                              R"({"resourceType":"Basic","id":"without-north","code":{"text":"a note of the demo"}})"));
  CARELEDGER_TRY(const double seconds, until_anchored(stage, kSouth));
  stage.say(fmt::format("the other three go on: a record of {} is anchored {:.2f} s later", kSouth, seconds));
  return {};
}

Result<void> run_cut_off(Stage& stage) {
  Host& north = stage.host(kNorth);
  stage.say(fmt::format("the engine of {} stands still (SIGSTOP to process {}): the node hears of nobody and nobody of it", kNorth,
                        north.process->engine()));
  north.process->cut_off();
  CARELEDGER_TRY(const std::string note, store_note(stage, "while-cut-off"));
  CARELEDGER_CHECK(expect_pending(stage, note));
  CARELEDGER_CHECK(until_without_quorum(stage));
  CARELEDGER_CHECK(expect_others_go_on(stage));
  north.process->thaw();
  CARELEDGER_TRY(const Proven proven, prove_at_north(stage, note, stage.scratch + "/after.clpb"));
  stage.say(fmt::format("{} is connected again (SIGCONT): {:.2f} s later the same record is provable, signed by {} of {}", kNorth,
                        proven.seconds, proven.report.signers, proven.report.validators));
  stage.table.push_back({"connected again to provable", in_seconds(proven.seconds)});
  return {};
}

}  // namespace

Step kill_one() {
  return {"One member is killed",
          "with one of four dead nothing waits and a withdrawal holds at once; started again, it fetches what it missed by itself",
          run_kill};
}

Step freeze_one() {
  return {"One member hangs", "one of four that answers nothing stops nobody, and needs no help to come back", run_freeze};
}

Step cut_one_off() {
  return {"One member is cut off",
          "a hospital that reaches nobody takes records and reads them all the same, and gives no proof that it cannot give; the others go "
          "on, and it loses nothing and catches up",
          run_cut_off};
}

}  // namespace careledger::apps::demo::consortium
