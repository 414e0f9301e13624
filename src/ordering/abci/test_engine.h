// For tests and benchmarks: a real engine of one of several nodes on loopback, whose keys follow from their numbers, so that the nodes need
// to tell each other nothing.
#pragma once

#include <algorithm>

#include "ordering/abci/engine_home.h"
#include "ordering/abci/engine_process.h"
#include "ordering/abci/engine_rpc.h"
#include "ordering/abci/peer_filter.h"
#include "ordering/abci/rpc_client.h"
#include "ordering/abci/signer.h"

namespace careledger::ordering::abci {

struct TestNetwork {
  std::uint64_t count = 1;  // validators
  std::uint64_t nodes = 1;  // node i has the key of validator i % count: one above count is another's twin
  std::uint64_t port = 0;   // of all
  std::string program;      // the engine
  std::string chain_id;
  BlockTime time;                  // of the first block
  Bytes app_hash;                  // of the state that the chain begins with
  std::uint32_t look_ms = 30'000;  // how often a hanging engine is looked for
  std::string host = "127.0.1.";   // node i listens on host(i + 1)
  std::optional<SnapshotStart> start{};
};

class TestEngine {
 public:
  TestEngine(TestNetwork network, std::uint64_t index, const std::string& folder)
      : network_(std::move(network)), index_(index), folder_(folder), paths_(folder + "/engine") {}

  // Before anything listens or is asked. `height`: of this node's ledger.
  Result<void> prepare(Height height) {
    Genesis genesis;
    genesis.chain_id = network_.chain_id;
    genesis.time = network_.time;
    genesis.limits = {2 << 20, -1};
    genesis.app_hash = network_.app_hash;
    for (std::uint64_t i = 0; i < network_.count; ++i) genesis.validators.push_back({"node", key_of(i, kValidator).public_key(), 10});
    const std::string home = folder_ + "/engine", signed_file = folder_ + "/signed";
    CARELEDGER_CHECK(abci::prepare(system_files(), home, genesis, key_of(index_, kNode), settings()));
    const bool is_new = height.value == 0 && !system_files().exists(home + "/data/blockstore.db");
    if (is_new && !system_files().exists(signed_file)) CARELEDGER_CHECK(Signer::create(system_files(), signed_file, genesis.chain_id));
    CARELEDGER_TRY(signer_,
                   Signer::open(system_files(), signed_file, genesis.chain_id, key_of(index_ % network_.count, kValidator), height));
    link_ = std::make_unique<SignerLink>(*signer_, paths_.signer, [](const Error& error) { tell(error.message); });
    return {};
  }

  // When an application listens on paths().application.
  Result<void> run() {
    ProcessConfig process{
        .program = network_.program, .home = folder_ + "/engine", .log = paths_.log, .sockets = {paths_.signer, paths_.rpc}};
    process.on_event = tell;
    process.look_ms = network_.look_ms;
    process.answers = [socket = paths_.rpc] {
      RpcClient rpc(socket, std::chrono::seconds(3));
      return EngineRpc(rpc).status().has_value();
    };
    CARELEDGER_TRY(process_, EngineProcess::start(std::move(process)));
    return {};
  }

  EngineSettings settings() const {
    const auto address = [this](std::uint64_t i) { return network_.host + std::to_string(i + 1) + ":" + std::to_string(network_.port); };
    EngineSettings settings;
    settings.listen = address(index_);
    settings.start = network_.start;
    for (std::uint64_t i = 0; i < network_.nodes; ++i)
      if (i != index_) settings.peers.push_back({node_id(key_of(i, kNode).public_key()), address(i)});
    return settings;
  }
  IsPeer is_peer() const {
    return [peers = settings().peers](const std::string& node) { return std::ranges::find(peers, node, &Peer::id) != peers.end(); };
  }

  const EnginePaths& paths() const { return paths_; }
  RpcClient& rpc() { return rpc_; }
  EngineProcess& process() { return *process_; }
  static void tell(const std::string& what) { std::fprintf(stderr, "%s\n", what.c_str()); }

 private:
  static constexpr std::uint64_t kValidator = 1, kNode = 2;
  static crypto::SigningKey key_of(std::uint64_t index, std::uint64_t purpose) {
    SeededEntropy entropy(1000 * purpose + index);
    return crypto::SigningKey::generate(entropy);
  }

  const TestNetwork network_;
  const std::uint64_t index_;
  const std::string folder_;
  const EnginePaths paths_;
  RpcClient rpc_{paths_.rpc};
  std::unique_ptr<Signer> signer_;
  std::unique_ptr<SignerLink> link_;
  std::unique_ptr<EngineProcess> process_;
};

}  // namespace careledger::ordering::abci
