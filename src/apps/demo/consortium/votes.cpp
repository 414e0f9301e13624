// Step 10: the members decide about one of them.

#include <fmt/format.h>

#include "apps/demo/consortium/consortium.h"
#include "apps/wallet_node.h"

namespace careledger::apps::demo::consortium {
namespace {

namespace json = codec::json;

constexpr const char* kVoters[] = {kNorth, kSouth, kRegulator};

// `careledger network WHAT` at a member.
Result<json::Document> act(Stage& stage, const std::string& member, const std::string& what, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"network", what, stage.host(member).layout.folder, "--organisation", member};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_json(std::move(arguments));
}

// A member's vote, once its copy of the ledger has the proposal; what became of the proposal.
Result<std::string> vote(Stage& stage, const std::string& member, const std::string& proposal) {
  std::string status;
  const auto holds = [&]() -> Result<bool> {
    CARELEDGER_TRY(const json::Document answer, act(stage, member, "vote", {"--yes", proposal}));
    status = answer.root().string_at("status");
    return true;
  };
  CARELEDGER_CHECK(until("the vote of " + member, holds));
  return status;
}

// Proposed by the first, voted for by all three; the third vote must decide.
Result<void> decide_about_city(Stage& stage, const std::string& what) {
  CARELEDGER_TRY(const json::Document proposed, act(stage, kVoters[0], "propose", {"--" + what, kLaboratory}));
  const std::string proposal(proposed.root().string_at("proposal"));
  std::string told;
  for (const char* member : kVoters) {
    CARELEDGER_TRY(const std::string status, vote(stage, member, proposal));
    if ((member == kVoters[2]) != (status == "carried out"))
      return fail(ErrorKind::invalid, fmt::format("after the vote of {} the proposal is {}", member, status));
    told += fmt::format("{}{}: {}", told.empty() ? "" : ", ", member, status);
  }
  stage.say(fmt::format("{} proposes to {} {}; each votes yes. {}", kVoters[0], what, kLaboratory, told));
  return {};
}

// Until a member's own copy of the ledger counts so many votes in all.
Result<void> until_votes(Stage& stage, const std::string& member, std::uint64_t votes) {
  const auto holds = [&]() -> Result<bool> {
    CARELEDGER_TRY(const json::Document answer, act(stage, member, "proposals"));
    return number_at(answer.root(), "votes") == votes;
  };
  CARELEDGER_CHECK(until(fmt::format("{} votes in all at {}", votes, member), holds));
  return {};
}

Result<void> run_decide(Stage& stage) {
  CARELEDGER_CHECK(decide_about_city(stage, "suspend"));
  for (const char* name : kOrganisations) CARELEDGER_CHECK(until_votes(stage, name, 30));
  const auto proposed = act(stage, kLaboratory, "propose", {"--suspend", kNorth});
  if (proposed) return fail(ErrorKind::invalid, "a suspended member could propose something");
  stage.say(
      fmt::format("{} has none of the 30 votes that are left, and commands nothing. It tries: {}", kLaboratory, proposed.error().message));
  CARELEDGER_CHECK(decide_about_city(stage, "reinstate"));
  for (const char* name : kOrganisations) CARELEDGER_CHECK(until_votes(stage, name, 40));
  stage.say("it has its vote again: 40 in all, as every member counts");
  return {};
}

}  // namespace

Step decide() {
  return {
      "The members vote",
      "there is no administrator above them: more than two thirds of the votes suspend a member and take it back, and everybody's ledger "
      "shows who voted how",
      run_decide};
}

}  // namespace careledger::apps::demo::consortium
