// Steps 3, 4, 5 and 8: no record without consent, what a grant releases, who saw what, and what a withdrawal ends. The patient acts through
// the wallet command, the clinicians through FHIR.

#include <fmt/format.h>

#include <algorithm>

#include "apps/demo/acts.h"
#include "apps/demo/demo.h"
#include "apps/demo/insider.h"

namespace careledger::apps::demo {
namespace {

Result<void> run_refuse(Stage& stage) {
  CARELEDGER_CHECK(expect_refusal(stage, "no_consent"));
  CARELEDGER_TRY(const std::string origin, stage.origin_of(kNorth));
  CARELEDGER_TRY(const std::string log, wallet(stage.wallet(), "log", {"--node", origin}));
  if (log.find("no_consent") == std::string::npos && log.find("refus") == std::string::npos)
    return fail(ErrorKind::invalid, "the refusal does not stand in the patient's log");
  stage.say("the attempt stands in the patient's log");
  return {};
}

Result<void> run_release(Stage& stage) {
  CARELEDGER_TRY(const std::string said, grant_laboratory(stage));
  stage.say("the patient: " + said);
  CARELEDGER_TRY(const Released released, take_released(stage));
  say_released(stage, released);
  return {};
}

// `careledger convict` of the newest promise that South holds against a list; its exit code.
Result<int> convict(const Stage& stage, const std::string& list, const std::string& out) {
  const std::string folder = stage.scratch + "/promises";
  CARELEDGER_TRY(std::vector<std::string> promises, system_files().list(folder));
  if (promises.empty()) return fail(ErrorKind::not_found, "the requester keeps no promise");
  std::sort(promises.begin(), promises.end());  // names end in time and number
  CARELEDGER_TRY(const Finished judged,
                 run_self({"convict", folder + "/" + promises.back(), list, "--trust", stage.scratch + "/wallet-trust.json", "-o", out}));
  return judged.exit;
}

// A second book of accesses at North, with the release left out, from which the patient is served a list that is complete by its head.
Result<void> serve_short_list(Stage& stage, const std::string& list) {
  const Layout second = layout_of(stage.scratch + "/second-book");
  stage.stop();
  CARELEDGER_CHECK(copy_node(stage.host(kNorth).layout, second));
  CARELEDGER_CHECK(stage.serve());
  CARELEDGER_TRY(const Config config, read_config(system_files(), second.config()));
  CARELEDGER_CHECK(leave_out_release(second, *config.find(kNorth)));
  CARELEDGER_TRY(const auto node, NodeAccess::open(second, {}));
  CARELEDGER_TRY(const std::string origin, node->origin_of(kNorth));
  const std::string wallet_copy = stage.scratch + "/second.wallet";  // the patient's own does not follow this branch
  for (const char* ending : {"", ".key"}) CARELEDGER_CHECK(copy_over(stage.wallet() + ending, wallet_copy + ending));
  CARELEDGER_TRY(const Finished read, run_self({"wallet", "log", wallet_copy, "--node", origin, "-o", list}));
  if (read.exit != 0) return fail(ErrorKind::invalid, "the short list does not pass for complete");
  return {};
}

Result<void> show_promises(Stage& stage) {
  const std::string trust = stage.scratch + "/wallet-trust.json";
  const std::string broken = stage.scratch + "/broken.clpb";
  CARELEDGER_CHECK(wallet(stage.wallet(), "checkpoint", {"--trust-out", trust}));
  CARELEDGER_TRY(const Finished written, run_self({"promises", stage.host(kSouth).layout.folder, "--organisation", kSouth, "--custodian",
                                                   kNorth, "-o", stage.scratch + "/promises"}));
  if (written.exit != 0) return fail(ErrorKind::invalid, "careledger promises ended with exit code " + std::to_string(written.exit));
  CARELEDGER_TRY(const int honest, convict(stage, stage.scratch + "/list.clpb", broken));
  if (honest != 1) return fail(ErrorKind::invalid, "an honest custodian was convicted");
  stage.say(fmt::format("{} keeps {}'s signed promise of the entry: held against this list it convicts nobody", kSouth, kNorth));

  const std::string short_list = stage.scratch + "/short-list.clpb";
  CARELEDGER_CHECK(serve_short_list(stage, short_list));
  CARELEDGER_TRY(const int dishonest, convict(stage, short_list, broken));
  CARELEDGER_TRY(const Finished verified, run_self({"verify", broken, "--trust", trust}));
  if (dishonest != 0 || verified.exit != 0) return fail(ErrorKind::invalid, "a custodian that left a release out was not convicted");
  stage.say(fmt::format("a copy of {} keeps a second book without the release and proves a list from it; the promise convicts it, offline",
                        kNorth));
  const std::size_t verdict = verified.out.find("Conviction:");
  if (verdict == std::string::npos) return fail(ErrorKind::invalid, "the proof of the breach does not say so: " + verified.out);
  stage.say(verified.out.substr(verdict, verified.out.find('\n', verdict) - verdict));
  return {};
}

Result<void> run_list(Stage& stage) {
  CARELEDGER_TRY(const std::string origin, stage.origin_of(kNorth));
  CARELEDGER_TRY(const std::string log, wallet(stage.wallet(), "log", {"--node", origin, "-o", stage.scratch + "/list.clpb"}));
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < log.size();) {
    const std::size_t end = std::min(log.find('\n', at), log.size());
    lines.push_back(log.substr(at, end - at));
    at = end + 1;
  }
  const std::size_t shown = 4;
  if (lines.size() > shown + 1) stage.say(fmt::format("({} earlier entries)", lines.size() - shown - 1));
  for (std::size_t i = lines.size() > shown + 1 ? lines.size() - shown - 1 : 0; i < lines.size(); ++i) stage.say(lines[i]);
  return show_promises(stage);
}

Result<void> run_withdraw(Stage& stage) {
  CARELEDGER_TRY(const std::string origin, stage.origin_of(kNorth));
  CARELEDGER_TRY(const std::string said, wallet(stage.wallet(), "revoke", {"--node", origin}));
  stage.say("the patient: " + said);
  return expect_refusal(stage, "consent_revoked");
}

}  // namespace

Step refuse_without_consent() {
  return {"A clinician asks without consent", "no consent, no record: the refusal has a typed reason, is recorded, and the patient sees it",
          run_refuse};
}

Step release_with_consent() {
  return {"The patient grants, the same request succeeds",
          "exactly what was granted is released, sealed to who asked, and verified before it is shown", run_release};
}

Step list_accesses() {
  return {"The patient reads who saw what",
          "the list is complete by a head on the ledger, and whoever keeps two books is convicted by the promise it signed", run_list};
}

Step withdraw() { return {"The patient withdraws the grant", "a withdrawal holds from the next request on", run_withdraw}; }

}  // namespace careledger::apps::demo
