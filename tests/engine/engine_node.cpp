// One node of a test network: a replica on disk, a signer, the engine as its child. All nodes of a seed share one founding document.
//
// Usage: engine_node FOLDER INDEX COUNT NODES PORT CREATED_MS ENGINE HOST LOOK_MS [newer] [liar]. Nodes listen on HOST(INDEX + 1):PORT,
// HOST being 127.0.1. or the like; one whose INDEX is above COUNT has the validator's key of another. "newer": a program that knows the
// protocol after the newest one too; "liar": one whose application can lie (liar.h). Commands on standard input, one answer a line on
// standard output, in any order, and unasked "misbehaved HEIGHT ADDRESS" when a block holds evidence against a validator, "lied WHAT":
//   admit N      the founder's command with sequence number N  ->  "final N HEIGHT CODE" | "refused N CODE" | "unknown N"
//   activate N H the same of a command that the protocol after the newest one holds from block H on
//   lie WHAT     from now on: none, hash, garbage, twice, refuse
//   state        "state HEIGHT APP_HASH CONNECTIONS_HAVE_QUORUM ENGINE_STARTS ENGINE_PID LOG_SIZE"
//   evidence     "evidence COUNT", and of the first row "ADDRESS KIND HEIGHT WRITTEN_HEIGHT"
//   provable H   "provable H" once a header carries the app hash of H
//   header H     "header H APP_HASH HASH" of the header that proves H, its commit verified | "header H -" and why
//   quit
#include <charconv>
#include <iostream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>

#include "contracts/all.h"
#include "contracts/governance/governance.h"
#include "liar.h"
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
  std::set<std::string> more;
};

constexpr ProtocolVersion kNext{kernel::kProtocolNewest.value + 1};

// Those of this program; of a newer one, also a contract that begins with the next protocol, and refuses whatever it is asked.
std::span<const kernel::Contract> contracts_of(bool newer) {
  static const std::vector<kernel::Contract> both = [] {
    const auto known = contracts::all();
    std::vector<kernel::Contract> out(known.begin(), known.end());
    static constexpr std::array codes{kernel::CodeName{0, "ok"}};
    const auto decode = [](ByteView) -> Result<std::unique_ptr<const kernel::Prepared>, kernel::DecodeError> {
      return tl::make_unexpected(kernel::DecodeError{});
    };
    out.push_back({ContractId{static_cast<std::uint16_t>(known.back().id.value + 1)}, "next", kNext, decode, {}, codes});
    return out;
  }();
  return newer ? std::span<const kernel::Contract>(both) : contracts::all();
}

struct Node {
  explicit Node(BlockTime when) : created(when), founder(when) {}
  const BlockTime created;  // of the ledger
  Founder founder;
  std::unique_ptr<replica::Replica> replica;
  std::unique_ptr<TestEngine> engine;
  std::unique_ptr<Ordering> ordering;
  std::unique_ptr<Liar> liar;

  Result<void> open(const Arguments& arguments);
  Result<void> start(const Arguments& arguments);
  void serve();
  void answer(const std::string& verb, std::istream& words);
  void submit(std::uint64_t sequence, const Bytes& command, Lane lane = Lane::urgent);
  void lie(const std::string& what);
  void header(Height height);
  void evidence();
};

Result<void> Node::open(const Arguments& arguments) {
  replica::LedgerStoreOptions options;
  options.folder = arguments.folder + "/ledger";
  CARELEDGER_CHECK(system_files().make_folder(arguments.folder));
  CARELEDGER_TRY(std::shared_ptr<storage::Store> store, replica::open_ledger_store(options));
  replica::Config config;
  config.founding = founder.founding();
  CARELEDGER_TRY(replica, replica::Replica::open(config, std::move(store), contracts_of(arguments.more.contains("newer"))));
  return {};
}

Result<void> Node::start(const Arguments& arguments) {
  CARELEDGER_CHECK(open(arguments));
  TestNetwork network{
      arguments.count,   arguments.nodes, arguments.port, arguments.engine, kernel::chain_id(replica->ledger()), {created.value + 1}, {},
      arguments.look_ms, arguments.host};
  network.app_hash = founder.open(replica::memory_ledger_store())->view().app_hash().bytes();  // of the genesis state
  engine = std::make_unique<TestEngine>(std::move(network), arguments.index, arguments.folder);
  CARELEDGER_CHECK(engine->prepare(replica->view().height()));
  EngineConfig config;
  config.socket = engine->paths().application;
  if (arguments.more.contains("liar")) {
    config.socket += ".true";
    const auto tell = [](const std::string& what) { say("lied " + what); };
    const auto with_one_twice = [this](const Bytes& envelope) { return founder.with_one_twice(envelope); };
    CARELEDGER_TRY(liar, Liar::start(engine->paths().application, config.socket, tell, with_one_twice));
  }
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

void Node::submit(std::uint64_t sequence, const Bytes& command, Lane lane) {
  ordering->submit(founder.id(), command, lane, [this, sequence, command, lane](const Answer& answer) {
    // What waits too long on a busy machine is to be given again.
    if (answer.outcome == Outcome::busy && lane == Lane::urgent) return submit(sequence, command, Lane::owed);
    const std::string id = std::to_string(sequence);
    if (answer.outcome == Outcome::unknown || !answer.receipt) return say("unknown " + id);
    const std::string code = std::to_string(answer.receipt->code.number);
    if (answer.outcome == Outcome::final) say("final " + id + " " + std::to_string(answer.receipt->height.value) + " " + code);
    else say("refused " + id + " " + code);
  });
}

void Node::lie(const std::string& what) {
  using enum Liar::Lie;
  const std::map<std::string, Liar::Lie> known{{"hash", hash}, {"garbage", garbage}, {"twice", twice}, {"refuse", refuse}};
  const auto found = known.find(what);
  liar->tell_lies(found == known.end() ? none : found->second);
}

void Node::header(Height height) {
  const auto found = ordering->header(next(height));
  const auto validators = ordering->validators(next(height));
  const std::string id = "header " + std::to_string(height.value) + " ";
  if (!found || !validators) return say(id + "- " + (found ? validators.error() : found.error()).message);
  const auto verified = proof::verify_commit(*found, *validators);
  say(id + (verified ? to_hex(found->header.app_hash) + " " + to_hex(proof::hash_of(found->header)) : "- " + verified.error().message));
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

void Node::answer(const std::string& verb, std::istream& words) {
  std::string what;
  if (verb == "lie" && words >> what) return lie(what);
  std::uint64_t value = 0, second = 0;
  words >> value >> second;
  const std::string name = "Organisation " + std::to_string(value);
  if (verb == "admit") submit(value, founder.admit(value, name, created));
  if (verb == "activate") submit(value, founder.activate(value, kNext, {second}, created));
  if (verb == "header") header({value});
  if (verb == "evidence") evidence();
  if (verb == "provable") ordering->when_provable({value}, [value] { say("provable " + std::to_string(value)); });
  if (verb == "state") {
    const replica::View view = replica->view();
    say("state " + std::to_string(view.height().value) + " " + view.app_hash().hex() + " " + std::to_string(ordering->has_quorum()) + " " +
        std::to_string(engine->process().starts()) + " " + std::to_string(engine->process().process_id()) + " " +
        std::to_string(view.log_size()));
  }
}

void Node::serve() {
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    answer(verb, words);
  }
  engine->process().stop();
  if (liar) liar->stop();
  ordering->stop();
}

}  // namespace
}  // namespace careledger::ordering::abci

int main(int argc, char** argv) {
  using namespace careledger;
  if (argc < 10) return 2;
  ordering::abci::Arguments arguments{argv[1],
                                      ordering::abci::number(argv[2]),
                                      ordering::abci::number(argv[3]),
                                      ordering::abci::number(argv[4]),
                                      ordering::abci::number(argv[5]),
                                      {static_cast<std::int64_t>(ordering::abci::number(argv[6]))},
                                      argv[7],
                                      argv[8],
                                      static_cast<std::uint32_t>(ordering::abci::number(argv[9])),
                                      {argv + 10, argv + argc}};
  ordering::abci::Node node(arguments.created);
  if (const auto started = node.start(arguments); !started) {
    std::cerr << started.error().message << std::endl;
    return 1;
  }
  ordering::abci::say("ready");
  node.serve();
  return 0;
}
