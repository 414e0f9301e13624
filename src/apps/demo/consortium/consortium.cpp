#include "apps/demo/consortium/consortium.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "apps/demo/acts.h"
#include "apps/wallet_node.h"

namespace careledger::apps::demo::consortium {
namespace {

namespace http = edge::http;
namespace json = codec::json;

constexpr double kPatienceSeconds = 60;
constexpr std::chrono::milliseconds kAskedApart{50};

// A network address of this machine for each: to the members they are as far apart as hosts are.
void set(Stage& stage) {
  std::size_t number = 0;
  for (const char* name : kOrganisations) {
    const std::string slug = slug_of(name);
    Host host;
    host.organisations = {name};
    host.layout = layout_of(stage.scratch + "/" + slug);
    host.logs = stage.logs() + "/" + slug;
    host.arguments = {"--address", fmt::format("127.0.1.{}", ++number), "--snapshot-every", std::to_string(kSnapshotEvery)};
    stage.hosts.push_back(std::move(host));
  }
}

Result<void> add_totals(Stage& stage) {
  std::uint64_t versions = 0;
  for (const char* name : kOrganisations) {
    CARELEDGER_TRY(const json::Document status, stage.status(name));
    versions += number_at(status.root(), "versions");
  }
  CARELEDGER_TRY(const json::Document status, stage.status(kNorth));
  stage.table.push_back({"blocks", std::to_string(number_at(status.root(), "height"))});
  stage.table.push_back({"commands on the ledger", std::to_string(number_at(status.root(), "commands"))});
  stage.table.push_back({"versions of records stored", std::to_string(versions)});
  for (const Host& host : stage.hosts) {
    const std::uint64_t all = bytes_below(host.layout.folder) - bytes_held(host.layout);
    stage.table.push_back(
        {fmt::format("on disk at {} (of it the engine {})", host.organisations.front(), megabytes(bytes_below(host.layout.engine()))),
         megabytes(all)});
  }
  return {};
}

}  // namespace

int run(const Options& options) {
  return play(options, {.set = set,
                        .steps = {found(), bring_patients(), share(), verify_offline(), kill_one(), freeze_one(), cut_one_off(),
                                  run_one_twice(), edit_one(), decide()},
                        .add_totals = add_totals});
}

Result<double> until(const std::string& what, const std::function<Result<bool>()>& holds) {
  const std::uint64_t start = system_clock().monotonic_ns();
  std::string last = "not yet";
  for (;;) {
    const auto answer = holds();
    const double seconds = seconds_since(start);
    if (answer && *answer) return seconds;
    if (!answer) last = answer.error().message;
    if (seconds > kPatienceSeconds)
      return fail(ErrorKind::cancelled, fmt::format("waited {:.0f} s for {}: {}", kPatienceSeconds, what, last));
    std::this_thread::sleep_for(kAskedApart);
  }
}

Result<std::uint64_t> height_of(Stage& stage, const std::string& organisation) {
  CARELEDGER_TRY(const json::Document status, stage.status(organisation));
  return number_at(status.root(), "height");
}

Result<double> until_caught_up(Stage& stage, const std::string& behind, const std::string& ahead) {
  CARELEDGER_TRY(const std::uint64_t wanted, height_of(stage, ahead));
  return until(fmt::format("block {} at {}", wanted, behind), [&]() -> Result<bool> {
    CARELEDGER_TRY(const std::uint64_t height, height_of(stage, behind));
    return height >= wanted;
  });
}

Result<double> until_anchored(Stage& stage, const std::string& organisation) {
  return until("the anchors of " + organisation, [&]() -> Result<bool> {
    CARELEDGER_TRY(const json::Document status, stage.status(organisation));
    if (const std::uint64_t refused = number_at(status.root(), "anchors_refused"); refused > 0)
      return fail(ErrorKind::conflict, fmt::format("{} anchors were refused", refused));
    return number_at(status.root(), "waiting_for_anchor") == 0;
  });
}

Result<std::string> store_note(Stage& stage, const std::string& id) {
  const std::string place = "Basic/" + id;
  CARELEDGER_CHECK(stage.fhir(kNorth, edge::auth::Role::clinician, http::Method::put, "/" + place,
                              R"({"resourceType":"Basic","id":")" + id + R"(","code":{"text":"a note of the demo"}})"));
  return place;
}

Result<Proven> prove_at_north(Stage& stage, const std::string& record, const std::string& file) {
  const auto holds = [&]() -> Result<bool> {
    CARELEDGER_CHECK(prove_to(stage, kNorth, record, file));
    return true;
  };
  Proven proven;
  CARELEDGER_TRY(proven.seconds, until("a proof of " + record, holds));
  CARELEDGER_TRY(proven.report, verify_files(file, trust_of(stage)));
  if (proven.report.signers < kQuorum)
    return fail(ErrorKind::invalid, fmt::format("only {} of {} members signed", proven.report.signers, proven.report.validators));
  return proven;
}

}  // namespace careledger::apps::demo::consortium
