#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/ledger.h"
#include "apps/network/growing.h"
#include "apps/network/joining.h"
#include "apps/network/peers.h"
#include "apps/network/retention.h"
#include "apps/network/rollback.h"
#include "apps/node_access.h"
#include "apps/terminal.h"
#include "base/printable.h"
#include "codec/json/json.h"

namespace careledger::apps::commands {
namespace {

namespace http = edge::http;
namespace json = codec::json;

struct Options {
  FolderOptions folder;
  std::string ledger;  // hex
  std::string grown;   // file that the members of a network keep which was an embedded ledger
  std::string number;  // of it, hex
  std::vector<std::string> files;
  std::string engine = "cometbft";
  std::uint16_t rpc_port = 0;
  std::string trust;  // HEIGHT:HASH
  std::vector<std::string> rpc;
  std::string members_certificates;
  std::string member;  // name
  bool anyway = false;
};

Result<Config> prepare_late(const Options& options, const Layout& layout) {
  const auto number = Digest::from(from_hex(options.number).value_or(Bytes()));
  if (!number) return fail(ErrorKind::invalid, "--number: expected the number in founding.txt of a member, 64 hex digits");
  CARELEDGER_TRY(auto members, network::read_files(options.files));
  const network::LateOrder late{options.grown, *number, std::move(members), network::rpc_ports_from(options.rpc_port)};
  return network::prepare_to_join_grown(layout, late, system_clock());
}

Result<Config> prepare(const Options& options, const Layout& layout) {
  if (!options.grown.empty()) return prepare_late(options, layout);
  if (options.files.size() < 2)
    return fail(ErrorKind::invalid, "name a member's founding.pb, and the description of one member at least; or --grown");
  CARELEDGER_TRY(const Bytes founding, system_files().read_all(options.files.front(), kFoundingBytesMax));
  CARELEDGER_TRY(const auto files, network::read_files({options.files.begin() + 1, options.files.end()}));
  const auto ledger = LedgerId::from(from_hex(options.ledger).value_or(Bytes()));
  if (!ledger) return fail(ErrorKind::invalid, "--ledger: expected the ledger's number, 64 hex digits");
  return network::prepare_to_join(layout, *ledger, founding, files, network::rpc_ports_from(options.rpc_port));
}

Result<std::optional<network::SnapshotOrder>> snapshot_order(const Options& options) {
  if (options.trust.empty() && options.rpc.empty()) return std::optional<network::SnapshotOrder>();
  if (options.trust.empty() || options.rpc.size() < 2)
    return fail(ErrorKind::invalid,
                "a snapshot needs --trust, and --rpc of two members at least: one alone could show a ledger of its own");
  CARELEDGER_TRY(const auto trusted, network::parse_trust(options.trust));
  return std::optional(network::SnapshotOrder{trusted.first, trusted.second, options.rpc, options.members_certificates});
}

network::JoinOrder order_of(const Options& options, std::optional<network::SnapshotOrder> snapshot) {
  network::JoinOrder order;
  order.snapshot = std::move(snapshot);
  order.seal = options.folder.seal;
  order.engine = options.engine;
  order.on_event = [](const std::string& what) { fmt::print(stderr, "careledger: {}\n", printable(what)); };
  return order;
}

// On a terminal one line that is written over; elsewhere a line each time that there is something new to say.
class Steps {
 public:
  explicit Steps(const char* state) : state_(state) {}
  ~Steps() {
    if (terminal_ && shown_) fmt::print(stderr, "\n");
  }
  void show(const network::Joining& joining) {
    if (terminal_) {
      if (joining.snapshot)
        fmt::print(stderr, "\r  snapshot of block {}: {} of {} pieces", joining.snapshot->height.value, joining.snapshot->added,
                   joining.snapshot->chunks);
      else fmt::print(stderr, "\r  block {}: {}          ", joining.height.value, state_);
      shown_ = true;
    }
    if (!joining.waits_long || told_) return;
    fmt::print(stderr, "\n  No {} has come for half a minute. Have the members voted, and let this engine in (network peer)?\n{}",
               joining.snapshot ? "snapshot" : "block", joining.snapshot ? std::string_view() : network::kOldBlocksHint);
    told_ = true;
  }

 private:
  const char* const state_;
  const bool terminal_ = stderr_is_terminal();
  bool shown_ = false;
  bool told_ = false;
};

int join(const Options& options, bool as_json) {
  const Layout layout = layout_of(options.folder.folder);
  auto snapshot = snapshot_order(options);
  if (!snapshot) return report(snapshot.error(), as_json);
  const auto config = prepare(options, layout);
  if (!config) return report(config.error(), as_json);
  if (!as_json) fmt::print("Joining {}, ledger {}.\n", printable(config->name), config->ledger.hex());
  network::JoinOrder order = order_of(options, std::move(*snapshot));
  network::Joining last;
  {
    Steps steps("not admitted yet");
    order.step = [&](const network::Joining& joining) {
      last = joining;
      steps.show(joining);
    };
    if (const auto joined = network::await_admission(layout, order, system_clock(), system_entropy()); !joined)
      return report(joined.error(), as_json);
  }
  if (as_json) fmt::print("{{\"ledger\":\"{}\",\"height\":{}}}\n", config->ledger.hex(), last.height.value);
  else fmt::print("Admitted, as of block {}. Next: careledger serve {}\n", last.height.value, options.folder.folder);
  return 0;
}

int recover(const Options& options, bool as_json) {
  auto snapshot = snapshot_order(options);
  if (!snapshot) return report(snapshot.error(), as_json);
  network::JoinOrder order = order_of(options, std::move(*snapshot));
  network::Joining last;
  {
    Steps steps("fetched");
    order.step = [&](const network::Joining& joining) {
      last = joining;
      steps.show(joining);
    };
    const auto recovered = network::recover_ledger(layout_of(options.folder.folder), order, system_clock(), system_entropy());
    if (!recovered) return report(recovered.error(), as_json);
  }
  if (as_json) fmt::print("{{\"height\":{}}}\n", last.height.value);
  else fmt::print("The ledger is here, up to block {}. Next: careledger serve {}\n", last.height.value, options.folder.folder);
  return 0;
}

int roll_back(const Options& options, bool as_json) {
  const auto block =
      network::roll_back(layout_of(options.folder.folder), options.folder.seal, options.engine, system_clock(), system_entropy());
  if (!block) return report(block.error(), as_json);
  if (as_json) fmt::print("{{\"taken_back\":{},\"height\":{}}}\n", block->value, block->value - 1);
  else
    fmt::print("Block {} is taken back. Next: careledger serve {}, of a program that is mended; it executes the block again.\n",
               block->value, options.folder.folder);
  return 0;
}

int peer(const Options& options, bool as_json) {
  json::Document document;
  json::Value names = document.array();
  const auto files = network::read_files(options.files);
  if (!files) return report(files.error(), as_json);
  for (const network::DescriptionFile& file : *files) {
    const auto written = network::set_peer(layout_of(options.folder.folder), file);
    if (!written) return report(written.error(), as_json);
    const PeerConfig& one = written->peer;
    document.append(names, document.string(one.name));
    if (!as_json)
      fmt::print("{} {}, account {}: engine {}@{}, endpoint {}\n", written->moved ? "Moved:" : "New:", printable(one.name), one.id.hex(),
                 one.node, one.listen, one.api);
  }
  json::Value root = document.object();
  document.set(root, "peers", names);
  if (as_json) fmt::print("{}\n", json::compact(root));
  else fmt::print("They are let in from now on, by a running node too, which dials them itself from its next start on.\n");
  return 0;
}

// Whoever has a vote is needed to make blocks: an engine that nobody lets in any more is one that is away.
Result<void> check_has_no_vote(const Options& options) {
  const Layout layout = layout_of(options.folder.folder);
  CARELEDGER_TRY(const PeerConfig peer, network::find_peer(layout, options.member));
  CARELEDGER_TRY(const auto access, NodeAccess::open_at_rest(layout, options.folder.seal));
  CARELEDGER_TRY(const http::Response answer, access->need(access->config().organisations.front().name, edge::auth::Role::administrator,
                                                           http::make_request(http::Method::get, "/admin/v1/network")));
  CARELEDGER_TRY(const json::Document seen, json::parse(answer.content()));
  for (const json::Value& one : seen.root().items_at("members")) {
    const json::Value* weight = one.find("weight");
    if (one.string_at("id") != peer.id.hex() || one.string_at("status") != "active" || weight == nullptr || weight->text() == "0") continue;
    return fail(ErrorKind::conflict, peer.name +
                                         " still has a vote: without its engine one more that is away could stop this network. Wait "
                                         "until it has left or is suspended, or say --anyway");
  }
  return {};
}

int forget(const Options& options, bool as_json) {
  const auto looked = options.anyway ? Result<void>() : check_has_no_vote(options);
  if (!looked) return report(looked.error(), as_json);
  const auto gone = network::forget_peer(layout_of(options.folder.folder), options.member);
  if (!gone) return report(gone.error(), as_json);
  if (as_json) fmt::print("{{\"forgotten\":\"{}\"}}\n", gone->id.hex());
  else
    fmt::print("Forgotten: {}, account {}. Its engine is not let in any more; a connection that stands ends with this node's next start.\n",
               printable(gone->name), gone->id.hex());
  return 0;
}

// How the ledger comes here.
void add_fetching(CLI::App& command, Options& options) {
  command.add_option("--engine", options.engine, "program that orders the ledger: a file, or a name beside this program or in PATH");
  command.add_option("--trust", options.trust,
                     "HEIGHT:HASH of a block, as members read it to you: begin with a snapshot, without older blocks");
  command.add_option("--rpc", options.rpc, "read-only RPC of a member, for --trust: https://HOST:PORT; give two or more")
      ->allow_extra_args(false);
  command.add_option("--members-certificates", options.members_certificates,
                     "PEM file with the authorities, or certificates, of the members' endpoints, for --rpc");
}

void add_join(CLI::App& network, Context& context) {
  auto options = std::make_shared<Options>();
  auto* command = network.add_subcommand(
      "join", "come into a network that is there: fetch its ledger, and wait until the members have admitted this organisation");
  add_folder(*command, options->folder);
  command->add_option("FILES", options->files,
                      "a member's founding.pb, then descriptions of members, old ones too: where their engines are. With --grown only "
                      "descriptions, of members that came or moved since");
  auto* ledger = command->add_option("--ledger", options->ledger, "the ledger's number, as a member read it to you");
  auto* number = command->add_option("--number", options->number, "with --grown: the number, as a member read it to you");
  auto* grown = command->add_option("--grown", options->grown,
                                    "of a network that was an embedded ledger: grown.careledger, as every member keeps it, in the place of "
                                    "founding.pb");
  grown->needs(number)->excludes(ledger);
  number->needs(grown);
  command->add_option("--rpc-port", options->rpc_port, "of the read-only RPC; the next one is taken too; 0: chosen at each start");
  add_fetching(*command, *options);
  example(*command, "careledger network join /srv/care founding.pb north.json south.json --ledger 8d…41");
  command->callback([options, &context] { context.chosen = [options, &context] { return join(*options, context.json); }; });
}

void add_recover(CLI::App& network, Context& context) {
  auto options = std::make_shared<Options>();
  auto* command = network.add_subcommand(
      "recover", "fetch the ledger of this member again, founder or not, after DIR/ledger and DIR/engine were lost or moved away");
  add_folder(*command, options->folder);
  add_fetching(*command, *options);
  example(*command, "careledger network recover /srv/care --trust 41999:8d…41 --rpc https://north:26671 --rpc https://south:26671");
  command->callback([options, &context] { context.chosen = [options, &context] { return recover(*options, context.json); }; });
}

void add_rollback(CLI::App& network, Context& context) {
  auto options = std::make_shared<Options>();
  auto* command = network.add_subcommand(
      "rollback", "take the newest block back at a stopped node that executed it wrong, so that a mended program executes it again");
  add_folder(*command, options->folder);
  command->add_option("--engine", options->engine, "program that orders the ledger: a file, or a name beside this program or in PATH");
  example(*command, "careledger network rollback /srv/care");
  command->callback([options, &context] { context.chosen = [options, &context] { return roll_back(*options, context.json); }; });
}

}  // namespace

void add_joining(CLI::App& network, Context& context) {
  add_join(network, context);
  add_recover(network, context);
  add_rollback(network, context);

  auto options = std::make_shared<Options>();
  auto* command = network.add_subcommand("peer", "let the engine of another member in, or write down that it moved");
  add_folder(*command, options->folder);
  command->add_option("FILES", options->files, "the member's description, or several")->required();
  example(*command, "careledger network peer /srv/care east.json");
  command->callback([options, &context] { context.chosen = [options, &context] { return peer(*options, context.json); }; });

  options = std::make_shared<Options>();
  command = network.add_subcommand("forget", "let the engine of a member in no more, such as one that left");
  add_folder(*command, options->folder);
  command->add_option("NAME", options->member, "of the member")->required();
  command->add_flag("--anyway", options->anyway, "also a member that has a vote, and without a look at the ledger");
  example(*command, "careledger network forget /srv/care \"East Hospital\"");
  command->callback([options, &context] { context.chosen = [options, &context] { return forget(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
