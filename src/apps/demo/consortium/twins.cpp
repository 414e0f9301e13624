// Step 8: one member contradicts itself, because a copy of it runs as well.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apps/demo/consortium/consortium.h"
#include "apps/demo/insider.h"
#include "apps/wallet_node.h"

namespace careledger::apps::demo::consortium {
namespace {

namespace json = codec::json;

constexpr const char* kElsewhere = "127.0.1.5";  // the machine on which the copy runs

// A node that talks to some of the others alone. Engines know a member by its key and speak to one of two that show the same: which of them
// a member speaks to shall not be left to chance.
Result<Config> talks_to(const Config& config, const std::vector<std::string>& members) {
  Config out = config;
  std::erase_if(out.network->peers, [&](const PeerConfig& peer) { return std::ranges::find(members, peer.name) == members.end(); });
  if (out.network->peers.size() != members.size()) return fail(ErrorKind::invalid, "a member's configuration does not name the others");
  return out;
}

// Its folder and key file, copied to another machine.
Result<Host> copy_of(const Stage& stage, const Host& city, const Config& config) {
  Host twin;
  twin.organisations = city.organisations;
  twin.layout = layout_of(stage.scratch + "/twin");
  twin.logs = stage.logs() + "/twin";
  twin.arguments = city.arguments;
  twin.arguments[1] = kElsewhere;
  CARELEDGER_CHECK(copy_node(city.layout, twin.layout));
  CARELEDGER_TRY(Config moved, talks_to(config, {kNorth}));
  moved.network->listen = kElsewhere + moved.network->listen.substr(moved.network->listen.find(':'));
  CARELEDGER_CHECK(write_config(system_files(), twin.layout.config(), moved));
  return twin;
}

// `careledger network evidence` at a member, as soon as there is some; `meanwhile` is done whenever there is none.
Result<json::Document> evidence_at(Stage& stage, const std::string& member, const std::function<Result<void>()>& meanwhile) {
  json::Document answer;
  const auto holds = [&]() -> Result<bool> {
    CARELEDGER_TRY(answer, run_json({"network", "evidence", stage.host(member).layout.folder, "--organisation", member}));
    if (!answer.root().items_at("evidence").empty()) return true;
    CARELEDGER_CHECK(meanwhile());
    return false;
  };
  CARELEDGER_CHECK(until("evidence on the ledger of " + member, holds));
  return answer;
}

// Records at North keep blocks coming, until one of them is the contradicting member's turn.
Result<double> until_named(Stage& stage) {
  const std::uint64_t start = system_clock().monotonic_ns();
  std::size_t notes = 0;
  const auto store_one = [&]() -> Result<void> {
    CARELEDGER_TRY(const std::string note, store_note(stage, fmt::format("while-one-runs-twice-{}", ++notes)));
    return {};
  };
  CARELEDGER_TRY(const json::Document answer, evidence_at(stage, kSouth, store_one));
  return seconds_since(start);
}

// The first row, at every member but the one that it names: all must have the same.
Result<void> expect_named_everywhere(Stage& stage) {
  std::string first;
  for (const char* member : {kSouth, kNorth, kRegulator}) {
    CARELEDGER_TRY(const json::Document answer, evidence_at(stage, member, [] { return Result<void>(); }));
    const json::Value& one = answer.root().items_at("evidence").front();
    const std::string row = json::compact(one);
    if (one.string_at("organisation") != kLaboratory) return fail(ErrorKind::invalid, "the evidence names another member: " + row);
    if (first.empty())
      stage.say(fmt::format("{} reads on its own ledger: {}, {} at block {}, with {} of {} votes, written by block {}; state key {}…",
                            member, kLaboratory, one.string_at("kind"), number_at(one, "height"), number_at(one, "power"),
                            number_at(one, "total_power"), number_at(one, "written"), one.string_at("key").substr(0, 16)));
    else if (row != first) return fail(ErrorKind::invalid, fmt::format("{} has another row than {}: {}", member, kSouth, row));
    first = row;
  }
  stage.say(fmt::format("{} and {} have the same row, byte for byte", kNorth, kRegulator));
  return {};
}

// The copy is ended and gone; the member talks to everybody again.
Result<double> one_again(Stage& stage, Host& city, Host& twin, const Config& config) {
  for (const Host* host : {&city, &twin}) host->process->begin_to_stop();
  twin.stop();
  city.stop();
  std::error_code failed;
  std::filesystem::remove_all(twin.layout.folder, failed);
  if (!failed) std::filesystem::remove(twin.layout.default_key_file(), failed);
  if (failed) return fail(ErrorKind::storage, "cannot remove " + twin.layout.folder + ": " + failed.message());
  CARELEDGER_CHECK(write_config(system_files(), city.layout.config(), config));
  CARELEDGER_CHECK(city.serve(stage.life()));
  return until_caught_up(stage, kLaboratory, kNorth);
}

Result<void> run_twice(Stage& stage) {
  Host& city = stage.host(kLaboratory);
  city.stop();
  CARELEDGER_TRY(const Config config, read_config(system_files(), city.layout.config()));
  CARELEDGER_TRY(Host twin, copy_of(stage, city, config));
  CARELEDGER_TRY(const Config parted, talks_to(config, {kSouth, kRegulator}));
  CARELEDGER_CHECK(write_config(system_files(), city.layout.config(), parted));
  CARELEDGER_CHECK(twin.serve(Life::with_us));
  CARELEDGER_CHECK(city.serve(stage.life()));
  stage.say(
      fmt::format("somebody starts a copy of {}'s folder on another machine: one validator key in two processes, {} and {}. One "
                  "reaches {}, the other the rest",
                  kLaboratory, twin.process->pid(), city.process->pid(), kNorth));
  CARELEDGER_TRY(const double named, until_named(stage));
  CARELEDGER_CHECK(expect_named_everywhere(stage));
  CARELEDGER_TRY(const std::string note, store_note(stage, "beside-one-that-runs-twice"));
  CARELEDGER_TRY(const Proven proven, prove_at_north(stage, note, stage.scratch + "/twice.clpb"));
  stage.say(fmt::format("a record stored at {} meanwhile is provable {:.2f} s later, signed by {} of {}", kNorth, proven.seconds,
                        proven.report.signers, proven.report.validators));
  CARELEDGER_TRY(const double caught_up, one_again(stage, city, twin, config));
  stage.say(fmt::format("the copy is ended; {} alone has every block {:.2f} s after it serves again. What it did stays written",
                        kLaboratory, caught_up));
  stage.table.push_back({"a key that runs twice, until the ledger names it", in_seconds(named)});
  stage.table.push_back({"stored to provable with one member contradicting itself", in_seconds(proven.seconds)});
  return {};
}

}  // namespace

Step run_one_twice() {
  return {
      "One member contradicts itself",
      "a validator that says two things at once is named by a row of the ledger, the same at everybody; it neither forks the ledger nor "
      "stops it",
      run_twice};
}

}  // namespace careledger::apps::demo::consortium
