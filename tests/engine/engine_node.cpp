// One node of a test network: a replica on disk, a signer, the engine as its child. All nodes of a seed share one founding document.
//
// Usage: engine_node FOLDER INDEX COUNT PORT CREATED_MS ENGINE. Nodes listen on 127.0.1.(INDEX + 1):PORT. Commands on standard input,
// one answer a line on standard output, in any order:
//   admit N      the founder's command with sequence number N  ->  "final N HEIGHT CODE" | "refused N CODE" | "unknown N"
//   state        "state HEIGHT APP_HASH CONNECTIONS_HAVE_QUORUM ENGINE_STARTS ENGINE_PID"
//   provable H   "provable H" once a header carries the app hash of H
//   header H     "header H APP_HASH" of the block that proves H, its commit verified | "header H -" and why
//   quit
#include <charconv>
#include <iostream>
#include <mutex>

#include "ordering/abci/engine_home.h"
#include "ordering/abci/engine_ordering.h"
#include "ordering/abci/engine_process.h"
#include "ordering/abci/rpc_client.h"
#include "ordering/abci/signer.h"
#include "ordering/test_founder.h"
#include "proof/simple_map.h"

namespace careledger::ordering::abci {
namespace {

using ordering::testing::Founder;

std::mutex output;
void say(const std::string& line) {
  const std::lock_guard lock(output);
  std::cout << line << std::endl;
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The same keys in every process.
crypto::SigningKey key_of(std::uint64_t index, std::uint64_t purpose) {
  SeededEntropy entropy(1000 * purpose + index);
  return crypto::SigningKey::generate(entropy);
}

struct Arguments {
  std::string folder;
  std::uint64_t index = 0, count = 0, port = 0;
  BlockTime created;
  std::string engine;
};

Genesis genesis_of(const Arguments& arguments, const replica::Replica& replica, const Bytes& app_hash) {
  Genesis genesis;
  genesis.chain_id = kernel::chain_id(replica.ledger());
  genesis.time = {arguments.created.value + 1};
  genesis.limits = {2 << 20, -1};
  genesis.app_hash = app_hash;
  for (std::uint64_t i = 0; i < arguments.count; ++i) genesis.validators.push_back({"node", key_of(i, 1).public_key(), 10});
  return genesis;
}

EngineSettings settings_of(const Arguments& arguments) {
  const auto address = [&](std::uint64_t i) { return "127.0.1." + std::to_string(i + 1) + ":" + std::to_string(arguments.port); };
  EngineSettings settings;
  settings.listen = address(arguments.index);
  for (std::uint64_t i = 0; i < arguments.count; ++i)
    if (i != arguments.index) settings.peers.push_back({node_id(key_of(i, 2).public_key()), address(i)});
  return settings;
}

struct Node {
  explicit Node(BlockTime when) : created(when), founder(when) {}
  const BlockTime created;  // of the ledger
  Founder founder;
  std::unique_ptr<replica::Replica> replica;
  std::unique_ptr<Signer> signer;
  std::unique_ptr<SignerLink> link;
  std::unique_ptr<RpcClient> rpc;
  std::unique_ptr<Ordering> ordering;
  std::unique_ptr<EngineProcess> engine;

  Result<void> start(const Arguments& arguments);
  void serve();
  void admit(std::uint64_t sequence);
  void header(Height height);
};

void tell_fault(const Error& error) { std::cerr << error.message << std::endl; }

Result<void> Node::start(const Arguments& arguments) {
  replica::LedgerStoreOptions options;
  options.folder = arguments.folder + "/ledger";
  CARELEDGER_CHECK(system_files().make_folder(arguments.folder));
  CARELEDGER_TRY(std::shared_ptr<storage::Store> store, replica::open_ledger_store(options));
  replica = founder.open(std::move(store));
  if (!replica) return fail(ErrorKind::corrupt, "the replica does not open");
  const Bytes app_hash = founder.open(replica::memory_ledger_store())->view().app_hash().bytes();  // of the genesis state
  const Genesis genesis = genesis_of(arguments, *replica, app_hash);
  const std::string home = arguments.folder + "/engine";
  CARELEDGER_CHECK(prepare(system_files(), home, genesis, key_of(arguments.index, 2), settings_of(arguments)));
  const EnginePaths paths(home);
  const std::string signed_file = arguments.folder + "/signed";
  const bool is_new = replica->view().height().value == 0 && !system_files().exists(home + "/data/blockstore.db");
  if (is_new && !system_files().exists(signed_file)) CARELEDGER_CHECK(Signer::create(system_files(), signed_file, genesis.chain_id));
  CARELEDGER_TRY(signer, Signer::open(system_files(), signed_file, genesis.chain_id, key_of(arguments.index, 1), replica->view().height()));
  link = std::make_unique<SignerLink>(*signer, paths.signer, tell_fault);
  rpc = std::make_unique<RpcClient>(paths.rpc);
  EngineConfig config;
  config.socket = paths.application;
  config.epoch_ms = 1;
  config.on_fault = tell_fault;
  for (const Peer& peer : settings_of(arguments).peers) config.application.peers.push_back(peer.id);
  CARELEDGER_TRY(ordering, abci::start(*replica, *rpc, system_clock(), config));
  ordering->host(founder.id(), founder.signer());
  ProcessConfig process{.program = arguments.engine, .home = home, .log = paths.log, .sockets = {paths.signer, paths.rpc}};
  process.on_event = [](const std::string& event) { std::cerr << event << std::endl; };
  CARELEDGER_TRY(engine, EngineProcess::start(std::move(process)));
  return {};
}

void Node::admit(std::uint64_t sequence) {
  const std::string id = std::to_string(sequence);
  const Bytes command = founder.admit(sequence, "Organisation " + id, created);
  ordering->submit(founder.id(), command, Lane::urgent, [id](const Answer& answer) {
    if (answer.outcome == Outcome::unknown || !answer.receipt) return say("unknown " + id);
    const std::string code = std::to_string(answer.receipt->code.number);
    if (answer.outcome == Outcome::final) say("final " + id + " " + std::to_string(answer.receipt->height.value) + " " + code);
    else say("refused " + id + " " + code);
  });
}

void Node::header(Height height) {
  const auto found = ordering->header(next(height));
  const auto validators = ordering->validators(next(height));
  const std::string id = "header " + std::to_string(height.value) + " ";
  if (!found || !validators) return say(id + "- " + (found ? validators.error() : found.error()).message);
  const auto verified = proof::verify_commit(*found, *validators);
  say(id + (verified ? to_hex(found->header.app_hash) : "- " + verified.error().message));
}

void Node::serve() {
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    const std::size_t space = line.find(' ');
    const std::string verb = line.substr(0, space);
    const std::uint64_t value = space == std::string::npos ? 0 : number(std::string_view(line).substr(space + 1));
    if (verb == "admit") admit(value);
    if (verb == "header") header({value});
    if (verb == "provable") ordering->when_provable({value}, [value] { say("provable " + std::to_string(value)); });
    if (verb == "state") {
      const replica::View view = replica->view();
      say("state " + std::to_string(view.height().value) + " " + view.app_hash().hex() + " " + std::to_string(ordering->has_quorum()) +
          " " + std::to_string(engine->starts()) + " " + std::to_string(engine->process_id()));
    }
  }
  engine->stop();
  ordering->stop();
}

}  // namespace
}  // namespace careledger::ordering::abci

int main(int argc, char** argv) {
  using namespace careledger;
  if (argc != 7) return 2;
  ordering::abci::Arguments arguments{argv[1],
                                      ordering::abci::number(argv[2]),
                                      ordering::abci::number(argv[3]),
                                      ordering::abci::number(argv[4]),
                                      {static_cast<std::int64_t>(ordering::abci::number(argv[5]))},
                                      argv[6]};
  ordering::abci::Node node(arguments.created);
  if (const auto started = node.start(arguments); !started) {
    std::cerr << started.error().message << std::endl;
    return 1;
  }
  ordering::abci::say("ready");
  node.serve();
  return 0;
}
