// One node of a test network: a replica on disk, a signer, the engine as its child. All nodes of a seed share one founding document.
//
// Usage: engine_node FOLDER INDEX COUNT NODES PORT CREATED_MS ENGINE HOST LOOK_MS. Nodes listen on HOST(INDEX + 1):PORT, HOST being
// 127.0.1. or the like; one whose INDEX is above COUNT has the validator's key of another. Commands on standard input, one answer a line on
// standard output, in any order, and unasked "misbehaved HEIGHT ADDRESS" when a block holds evidence against a validator:
//   admit N      the founder's command with sequence number N  ->  "final N HEIGHT CODE" | "refused N CODE" | "unknown N"
//   state        "state HEIGHT APP_HASH CONNECTIONS_HAVE_QUORUM ENGINE_STARTS ENGINE_PID"
//   evidence     "evidence COUNT", and of the first row "ADDRESS KIND HEIGHT WRITTEN_HEIGHT"
//   provable H   "provable H" once a header carries the app hash of H
//   header H     "header H APP_HASH" of the block that proves H, its commit verified | "header H -" and why
//   quit
#include <charconv>
#include <iostream>
#include <mutex>

#include "contracts/governance/governance.h"
#include "ordering/abci/engine_ordering.h"
#include "ordering/abci/test_engine.h"
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

struct Arguments {
  std::string folder;
  std::uint64_t index = 0, count = 0, nodes = 0, port = 0;
  BlockTime created;
  std::string engine, host;
  std::uint32_t look_ms = 0;
};

struct Node {
  explicit Node(BlockTime when) : created(when), founder(when) {}
  const BlockTime created;  // of the ledger
  Founder founder;
  std::unique_ptr<replica::Replica> replica;
  std::unique_ptr<TestEngine> engine;
  std::unique_ptr<Ordering> ordering;

  Result<void> start(const Arguments& arguments);
  void serve();
  void admit(std::uint64_t sequence);
  void header(Height height);
  void evidence();
};

Result<void> Node::start(const Arguments& arguments) {
  replica::LedgerStoreOptions options;
  options.folder = arguments.folder + "/ledger";
  CARELEDGER_CHECK(system_files().make_folder(arguments.folder));
  CARELEDGER_TRY(std::shared_ptr<storage::Store> store, replica::open_ledger_store(options));
  replica = founder.open(std::move(store));
  if (!replica) return fail(ErrorKind::corrupt, "the replica does not open");
  TestNetwork network{
      arguments.count,   arguments.nodes, arguments.port, arguments.engine, kernel::chain_id(replica->ledger()), {created.value + 1}, {},
      arguments.look_ms, arguments.host};
  network.app_hash = founder.open(replica::memory_ledger_store())->view().app_hash().bytes();  // of the genesis state
  engine = std::make_unique<TestEngine>(std::move(network), arguments.index, arguments.folder);
  CARELEDGER_CHECK(engine->prepare(replica->view().height()));
  EngineConfig config;
  config.socket = engine->paths().application;
  config.epoch_ms = 1;
  config.on_fault = [](const Error& error) { TestEngine::tell(error.message); };
  config.application.is_peer = engine->is_peer();
  config.application.on_misbehaviour = [](const kernel::Misbehaviour& what) {
    say("misbehaved " + std::to_string(what.height) + " " + to_hex(what.validator));
  };
  CARELEDGER_TRY(ordering, abci::start(*replica, engine->rpc(), system_clock(), config));
  ordering->host(founder.id(), founder.signer());
  return engine->run();
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

void Node::evidence() {
  const auto rows = replica->view().state().scan(contracts::governance::kEvidence, Limit{1000});
  std::string line = "evidence " + std::to_string(rows.size());
  if (!rows.empty()) {
    const auto& row = rows.front().second;
    line += " " + to_hex(row.validator()) + " " + std::to_string(row.kind()) + " " + std::to_string(row.height()) + " " +
            std::to_string(row.written_height());
  }
  say(line);
}

void Node::serve() {
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    const std::size_t space = line.find(' ');
    const std::string verb = line.substr(0, space);
    const std::uint64_t value = space == std::string::npos ? 0 : number(std::string_view(line).substr(space + 1));
    if (verb == "admit") admit(value);
    if (verb == "header") header({value});
    if (verb == "evidence") evidence();
    if (verb == "provable") ordering->when_provable({value}, [value] { say("provable " + std::to_string(value)); });
    if (verb == "state") {
      const replica::View view = replica->view();
      say("state " + std::to_string(view.height().value) + " " + view.app_hash().hex() + " " + std::to_string(ordering->has_quorum()) +
          " " + std::to_string(engine->process().starts()) + " " + std::to_string(engine->process().process_id()));
    }
  }
  engine->process().stop();
  ordering->stop();
}

}  // namespace
}  // namespace careledger::ordering::abci

int main(int argc, char** argv) {
  using namespace careledger;
  if (argc != 10) return 2;
  ordering::abci::Arguments arguments{argv[1],
                                      ordering::abci::number(argv[2]),
                                      ordering::abci::number(argv[3]),
                                      ordering::abci::number(argv[4]),
                                      ordering::abci::number(argv[5]),
                                      {static_cast<std::int64_t>(ordering::abci::number(argv[6]))},
                                      argv[7],
                                      argv[8],
                                      static_cast<std::uint32_t>(ordering::abci::number(argv[9]))};
  ordering::abci::Node node(arguments.created);
  if (const auto started = node.start(arguments); !started) {
    std::cerr << started.error().message << std::endl;
    return 1;
  }
  ordering::abci::say("ready");
  node.serve();
  return 0;
}
