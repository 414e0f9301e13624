// Steps 1 and 2: a ledger that nobody owns, and whose records there are.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "apps/demo/acts.h"
#include "apps/demo/consortium/consortium.h"
#include "apps/network/member.h"
#include "base/descriptor.h"

namespace careledger::apps::demo::consortium {
namespace {

namespace json = codec::json;

constexpr const char* kEpochMs = "200";  // short, so that the demo does not wait; a real ledger takes an hour
constexpr const char* kKinds[] = {"hospital", "hospital", "laboratory", "regulator"};
constexpr std::size_t kFileMax = 1 << 20;

// As `serve` finds it; in a source tree also where ./dev puts it.
Result<std::string> find_program(const std::string& wished) {
  if (!wished.empty()) {
    CARELEDGER_TRY(const std::string program, network::find_engine(wished));
    return std::filesystem::absolute(program).string();
  }
  for (const char* name : {"cometbft", "build/tools/bin/cometbft"})
    if (const auto program = network::find_engine(name)) return std::filesystem::absolute(*program).string();
  return fail(ErrorKind::not_found,
              "the engine, cometbft, is neither beside this program nor in PATH: ./dev demo consortium installs it, "
              "--engine names another place");
}

// One that nobody listens on, and nobody gets while the socket is open.
Result<std::uint16_t> free_port(const Descriptor& socket, const std::string& address) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  socklen_t size = sizeof(name);
  auto* const general = reinterpret_cast<sockaddr*>(&name);  // NOLINT: the socket interface
  if (::inet_pton(AF_INET, address.c_str(), &name.sin_addr) != 1 || ::bind(socket.get(), general, size) != 0 ||
      ::getsockname(socket.get(), general, &size) != 0)
    return fail(ErrorKind::unavailable, "no free port at " + address);
  return ntohs(name.sin_port);
}

// The description that an organisation gives to the others; its file.
Result<std::string> describe(const Stage& stage, const Host& host, const char* kind) {
  const std::string& address = host.arguments[1];
  const Descriptor one(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CARELEDGER_TRY(const std::uint16_t listen, free_port(one, address));
  CARELEDGER_TRY(const std::uint16_t api, free_port(other, address));
  const std::string& name = host.organisations.front();
  const std::string file = fmt::format("{}/exchanged/{}.json", stage.scratch, slug_of(name));
  CARELEDGER_CHECK(run_json({"network", "describe", host.layout.folder, "--network", "Region", "--organisation", name, "--kind", kind,
                             "--epoch-ms", kEpochMs, "--listen", fmt::format("{}:{}", address, listen), "--api",
                             fmt::format("http://{}:{}", address, api), "-o", file}));
  return file;
}

// Somebody on the way gives the last of them another weight: what the first is told when it founds with it.
Result<std::string> refused_when_changed(const Stage& stage, std::vector<std::string> files) {
  CARELEDGER_TRY(std::string text, system_files().read_all(files.back(), kFileMax));
  const std::string before = "\"weight\": 10", after = "\"weight\": 11";
  const std::size_t at = text.find(before);
  if (at == std::string::npos) return fail(ErrorKind::malformed, "a description does not say its weight as it should");
  text.replace(at, before.size(), after);
  files.back() = stage.scratch + "/changed.json";
  CARELEDGER_CHECK(system_files().replace(files.back(), text));
  std::vector<std::string> arguments{"network", "found", stage.hosts.front().layout.folder};
  arguments.insert(arguments.end(), files.begin(), files.end());
  const auto founded = run_json(std::move(arguments));
  if (founded) return fail(ErrorKind::invalid, "a changed description was accepted");
  std::string words = founded.error().message;
  if (words.find("changed.json") == std::string::npos) return fail(ErrorKind::invalid, "the refusal does not name the file: " + words);
  return words.substr(words.find("changed.json"));
}

struct Founded {
  std::string ledger;
  std::string document;
};
Result<Founded> found_at(const Host& host, const std::vector<std::string>& files) {
  std::vector<std::string> arguments{"network", "found", host.layout.folder};
  arguments.insert(arguments.end(), files.begin(), files.end());
  CARELEDGER_TRY(const json::Document answer, run_json(std::move(arguments)));
  CARELEDGER_TRY(std::string document, system_files().read_all(host.layout.founding(), kFileMax));
  return Founded{std::string(answer.root().string_at("ledger")), std::move(document)};
}

// Each for itself, with the descriptions in another order: what comes out must be the same, byte for byte.
Result<Founded> found_everywhere(const Stage& stage, std::vector<std::string> files) {
  std::optional<Founded> first;
  for (const Host& host : stage.hosts) {
    CARELEDGER_TRY(Founded founded, found_at(host, files));
    if (!first) first = std::move(founded);
    else if (founded.ledger != first->ledger || founded.document != first->document)
      return fail(ErrorKind::invalid, host.organisations.front() + " founded another ledger than the first");
    std::rotate(files.begin(), files.begin() + 1, files.end());
  }
  return *first;
}

Result<void> serve_all(Stage& stage) {
  CARELEDGER_CHECK(stage.serve());
  for (const Host& host : stage.hosts) {
    const std::string& name = host.organisations.front();
    CARELEDGER_TRY(const std::string origin, host.access->origin_of(name));
    stage.say(fmt::format("{} serves at {}, process {} with engine {}", name, origin, host.process->pid(), host.process->engine()));
  }
  const auto holds = [&]() -> Result<bool> {
    for (const char* name : kOrganisations) {
      CARELEDGER_TRY(const std::uint64_t height, height_of(stage, name));
      if (height < 2) return false;
    }
    return true;
  };
  CARELEDGER_TRY(const double seconds, until("the first blocks at every member", holds));
  stage.say(fmt::format("the first blocks are at all four {:.1f} s later", seconds));
  return {};
}

Result<void> run_found(Stage& stage) {
  CARELEDGER_TRY(const std::string program, find_program(stage.options.engine));
  CARELEDGER_CHECK(system_files().make_folder(stage.scratch + "/exchanged"));
  std::vector<std::string> files;
  for (std::size_t i = 0; i < stage.hosts.size(); ++i) {
    stage.hosts[i].arguments.insert(stage.hosts[i].arguments.end(), {"--engine", program});
    CARELEDGER_TRY(files.emplace_back(), describe(stage, stage.hosts[i], kKinds[i]));
  }
  stage.say("four organisations make their keys, each its own, and describe themselves in files without a secret, which they exchange");
  CARELEDGER_TRY(const std::string words, refused_when_changed(stage, files));
  stage.say(fmt::format("with the vote of {} changed on the way, nothing is founded: {}", kRegulator, words));
  CARELEDGER_TRY(const Founded founded, found_everywhere(stage, files));
  stage.say(
      fmt::format("each founds from the four files: the same {} bytes at all of them, ledger {}", founded.document.size(), founded.ledger));
  stage.say("each has a quarter of the votes: any three decide, and any one of them may fail or lie");
  return serve_all(stage);
}

// What the ledger says of the patient's relationship, as soon as it is in force.
Result<void> until_active(const Host& host, const std::string& patient) {
  const std::string& name = host.organisations.front();
  const auto holds = [&]() -> Result<bool> {
    CARELEDGER_TRY(const json::Document answer,
                   run_json({"relationship", "list", host.layout.folder, "--organisation", name, "--patient", patient}));
    for (const json::Value& one : answer.root().items_at("relationships"))
      if (one.string_at("status") == "active") return true;
    return false;
  };
  CARELEDGER_CHECK(until("the relationship at " + name, holds));
  return {};
}

Result<std::uint64_t> bring_and_anchor(Stage& stage, const char* organisation, std::vector<std::string> files, std::size_t patients) {
  CARELEDGER_TRY(const ImportReport report, bring(stage, organisation, std::move(files)));
  CARELEDGER_TRY(const double seconds, until_anchored(stage, organisation));
  stage.say(fmt::format("{}: {} patients, {} resources stored in {:.1f} s; {:.1f} s later the ledger has all of their anchors",
                        organisation, patients, report.resources, report.seconds, seconds));
  return report.resources;
}

Result<void> run_bring_patients(Stage& stage) {
  const std::string& samples = stage.options.samples;
  const std::vector<std::string> newer = files_of(samples + "/2021"), older = files_of(samples + "/2019");
  if (newer.size() < 2 || older.empty()) return fail(ErrorKind::not_found, samples + " holds too few patients");
  stage.shared_patient = newer[0];
  std::vector<std::string> north = files_of(samples + "/2021-infrastructure");
  std::vector<std::string> south = north;
  north.insert(north.end(), {newer[0], newer[1]});
  south.insert(south.end(), {newer[0], older[0]});
  CARELEDGER_TRY(const std::uint64_t at_north, bring_and_anchor(stage, kNorth, north, 2));
  CARELEDGER_TRY(const std::uint64_t at_south, bring_and_anchor(stage, kSouth, south, 2));
  stage.table.push_back({"resources stored, each encrypted, indexed, audited and anchored", std::to_string(at_north + at_south)});

  CARELEDGER_CHECK(find_shared_patient(stage));
  CARELEDGER_CHECK(wallet(stage.wallet(), "create", {}));
  for (const auto& [organisation, patient] : {std::pair(kNorth, stage.north_patient), std::pair(kSouth, stage.south_patient)}) {
    CARELEDGER_CHECK(enrol(stage, stage.wallet(), organisation, patient));
    CARELEDGER_CHECK(until_active(stage.host(organisation), patient));
  }
  stage.say("a patient of both accepted their relationships from a wallet: one person, two pseudonyms that nothing on the ledger links");
  return {};
}

}  // namespace

Step found() {
  return {"Four organisations found a ledger",
          "nobody holds a key of another and nobody has more rights than the others: all begin with the same bytes, or are told whose file "
          "is not as it was signed",
          run_found};
}

Step bring_patients() {
  return {"Patients come in",
          "records stay with their hospital, encrypted one by one; what all four have is salted commitments and pseudonyms",
          run_bring_patients};
}

}  // namespace careledger::apps::demo::consortium
