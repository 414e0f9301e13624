// Step 9: somebody edits one member's copy of the shared state on its disk.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apps/demo/acts.h"
#include "apps/demo/consortium/consortium.h"
#include "apps/demo/insider.h"
#include "apps/network/trusted_headers.h"
#include "apps/wallet_node.h"
#include "base/assert.h"
#include "base/clock.h"
#include "ordering/abci/engine_rpc.h"

namespace careledger::apps::demo::consortium {
namespace {

namespace json = codec::json;

constexpr std::uint64_t kWeight = 10, kWeightOfAll = 40, kEditedWeight = 81;  // of 111: enough to decide alone
constexpr std::size_t kWordsMax = 1 << 20;

// It must not start; what it says.
Result<std::string> refuses_to_serve(const Stage& stage, Host& host) {
  if (host.serve(stage.life())) return fail(ErrorKind::invalid, "a state that was edited is served");
  CARELEDGER_TRY(std::string words, system_files().read_all(host.logs + "/node.out", kWordsMax));
  while (words.ends_with('\n')) words.pop_back();
  std::string last = words.substr(words.rfind('\n') + 1);
  if (last.find("do not give the root of height") == std::string::npos)
    return fail(ErrorKind::invalid, "the node does not say that its state was edited, but: " + last);
  return last;
}

// A second copy of a member's folder, with its validator's key: gone when the step is over, also where the demo's own folder is kept.
class Copy {
 public:
  explicit Copy(const std::string& folder) : layout_(layout_of(folder)) {}
  ~Copy() {
    std::error_code gone;
    std::filesystem::remove_all(layout_.folder, gone);
    std::filesystem::remove(layout_.default_key_file(), gone);
  }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  const Layout& layout() const { return layout_; }

 private:
  const Layout layout_;
};

// With the root replaced as well the folder opens, and the headers that the others signed are against it. Of a copy: an audit writes down
// that it was made.
Result<std::string> audit_of_copy(const Stage& stage, const Host& host) {
  const Copy of_host(stage.scratch + "/edited");
  const Layout& copy = of_host.layout();
  CARELEDGER_CHECK(copy_node(host.layout, copy));
  CARELEDGER_CHECK(replace_root(copy));
  const auto engine = std::ranges::find(host.arguments, "--engine");
  CARELEDGER_ASSERT(engine != host.arguments.end());
  CARELEDGER_TRY(const std::string audit, audit_finds(copy.folder, {engine, engine + 2}));
  return finding(stage, audit, "do not give the app hash that was signed");
}

// Of a member's read-only RPC, as the member tells it.
Result<std::string> rpc_of(const Host& host) {
  CARELEDGER_TRY(const std::string text, system_files().read_all(host.layout.running(), kWordsMax));
  CARELEDGER_TRY(const json::Document addresses, json::parse(text));
  const auto origins = addresses.root().items_at("rpc");
  if (origins.empty()) return fail(ErrorKind::not_found, host.organisations.front() + " names no address of its RPC");
  return std::string(origins.front().text());
}

// What people at two other members read to those at this one.
Result<std::vector<std::string>> told_by_others(Stage& stage) {
  CARELEDGER_TRY(const std::string north, rpc_of(stage.host(kNorth)));
  CARELEDGER_TRY(const std::string south, rpc_of(stage.host(kSouth)));
  CARELEDGER_TRY(const std::uint64_t height, height_of(stage, kNorth));
  const Height block{(height - kSnapshotEvery / 2) / kSnapshotEvery * kSnapshotEvery - 1};  // a little below a snapshot that is on offer
  CARELEDGER_TRY(const network::HeaderServer server, network::header_server(north, ""));
  CARELEDGER_TRY(const proof::SignedHeader header, ordering::abci::EngineRpc(*server.rpc).header(block));
  return std::vector<std::string>{"--rpc", north,     "--rpc",
                                  south,   "--trust", fmt::format("{}:{}", block.value, to_hex(proof::hash_of(header.header)))};
}

struct Fetched {
  double seconds = 0;  // until there is a ledger that goes on by itself
  double caught_up = 0;
  std::uint64_t first_block = 0;
};

// Everything that members share comes back from the others; what is the member's own was not touched.
Result<Fetched> fetch_again(Stage& stage, Host& host) {
  for (const std::string& folder : {host.layout.ledger(), host.layout.engine()}) {
    std::error_code failed;
    std::filesystem::remove_all(folder, failed);
    if (failed) return fail(ErrorKind::storage, "cannot remove " + folder + ": " + failed.message());
  }
  std::vector<std::string> arguments{"network", "recover", host.layout.folder};
  const auto engine = std::ranges::find(host.arguments, "--engine");
  arguments.insert(arguments.end(), engine, engine + 2);
  CARELEDGER_TRY(const std::vector<std::string> told, told_by_others(stage));
  arguments.insert(arguments.end(), told.begin(), told.end());
  const std::uint64_t start = system_clock().monotonic_ns();
  CARELEDGER_CHECK(run_json(std::move(arguments)));
  Fetched fetched{seconds_since(start), 0, 0};
  CARELEDGER_CHECK(host.serve(stage.life()));
  CARELEDGER_TRY(fetched.caught_up, until_caught_up(stage, host.organisations.front(), kNorth));
  CARELEDGER_TRY(const json::Document status, stage.status(host.organisations.front()));
  fetched.first_block = number_at(status.root(), "first_block");
  if (fetched.first_block < 2) return fail(ErrorKind::invalid, "the ledger came with all blocks, not by a snapshot");
  return fetched;
}

// What it counts, and what it has of the step before.
Result<void> expect_true_state(Stage& stage) {
  CARELEDGER_TRY(const json::Document answer,
                 run_json({"network", "proposals", stage.host(kRegulator).layout.folder, "--organisation", kRegulator}));
  if (const std::uint64_t votes = number_at(answer.root(), "votes"); votes != kWeightOfAll)
    return fail(ErrorKind::invalid, fmt::format("{} counts {} votes", kRegulator, votes));
  if (answer.root().items_at("evidence").empty()) return fail(ErrorKind::invalid, "the evidence did not come back");
  return {};
}

// Nothing of its own is on the way to the ledger: no record, and no access, of which its own start is one.
Result<bool> owes_nothing(Stage& stage, const std::string& organisation) {
  using edge::http::Method;
  CARELEDGER_TRY(
      const auto answer,
      stage.access(organisation).need(organisation, edge::auth::Role::administrator, edge::http::make_request(Method::get, "/metrics")));
  const auto is_zero = [&](const std::string& gauge) {
    return answer.content().find(fmt::format("\n{}{{organisation=\"{}\"}} 0\n", gauge, slug_of(organisation))) != std::string_view::npos;
  };
  return is_zero("careledger_waiting_for_anchor") && is_zero("careledger_audit_entries_without_head");
}

Result<bool> newest_is_empty(const std::string& origin) {
  CARELEDGER_TRY(const network::HeaderServer server, network::header_server(origin, ""));
  ordering::abci::EngineRpc rpc(*server.rpc);
  CARELEDGER_TRY(const ordering::abci::EngineStatus status, rpc.status());
  CARELEDGER_TRY(const proof::SignedHeader found, rpc.header(status.height));
  return found.header.data_hash == proof::data_hash({}) && found.header.evidence_hash == proof::empty_evidence_hash();
}

Result<void> until_it_rests(Stage& stage, const Host& regulator) {
  CARELEDGER_TRY(const std::string origin, rpc_of(regulator));
  return until("an empty block behind all commands of " + regulator.organisations.front(),
               [&]() -> Result<bool> {
                 CARELEDGER_TRY(const bool nothing, owes_nothing(stage, regulator.organisations.front()));
                 if (!nothing) return false;
                 return newest_is_empty(origin);
               })
      .map([](double) {});
}

// What a newest block changed stands in no header yet: an audit has to hold the state against one that changed nothing, which follows when
// nobody commands anything for a moment.
Result<void> stop_after_empty_block(Stage& stage, Host& regulator) {
  constexpr int kTries = 10;  // a command of another member may still come while it stops
  for (int tried = 1;; ++tried) {
    CARELEDGER_CHECK(until_caught_up(stage, kRegulator, kNorth));
    CARELEDGER_CHECK(until_it_rests(stage, regulator));
    regulator.stop();
    CARELEDGER_TRY(const bool rests, ends_with_empty_block(regulator.layout));
    if (rests) return {};
    if (tried == kTries) return fail(ErrorKind::cancelled, "the members' commands do not pause for one block");
    CARELEDGER_CHECK(regulator.serve(stage.life()));
  }
}

Result<void> run_edit(Stage& stage) {
  Host& regulator = stage.host(kRegulator);
  CARELEDGER_CHECK(stop_after_empty_block(stage, regulator));
  CARELEDGER_TRY(const Config config, read_config(system_files(), regulator.layout.config()));
  CARELEDGER_CHECK(edit_vote(regulator.layout, config.organisations.front(), kEditedWeight));
  stage.say(fmt::format("{} is stopped, and in its copy of the ledger somebody makes its vote weigh {} instead of {}: more than two thirds",
                        kRegulator, kEditedWeight, kWeight));
  CARELEDGER_TRY(const std::string words, refuses_to_serve(stage, regulator));
  stage.say("it does not start: " + words);
  CARELEDGER_TRY(const std::string found, audit_of_copy(stage, regulator));
  stage.say("with the root that it is held against replaced as well, careledger audit says: " + found);
  CARELEDGER_TRY(const Fetched fetched, fetch_again(stage, regulator));
  CARELEDGER_TRY(const std::uint64_t height, height_of(stage, kRegulator));
  CARELEDGER_CHECK(expect_true_state(stage));
  stage.say(fmt::format(
      "the edited ledger is removed, and careledger network recover takes a snapshot of block {} from the others, every piece of "
      "it held against a header that two of them show: {:.2f} s, most of which the engine looks for offers",
      fetched.first_block - 1, fetched.seconds));
  stage.say(fmt::format("{:.2f} s after it serves again it has all {} blocks' effects, and counts {} votes in all", fetched.caught_up,
                        height, kWeightOfAll));
  stage.table.push_back({fmt::format("a member's ledger recovered by a snapshot, block {} of {}", fetched.first_block - 1, height),
                         in_seconds(fetched.seconds + fetched.caught_up)});
  return {};
}

}  // namespace

Step edit_one() {
  return {"One member's state is edited on its disk",
          "no member goes on with a state that is not the one that was signed, whoever wrote it there; the others give the true one back",
          run_edit};
}

}  // namespace careledger::apps::demo::consortium
