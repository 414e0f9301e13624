#include "bench/snapshot_node.h"

#include <future>

#include "apps/network/trusted_headers.h"
#include "bench/common.h"
#include "bench/loaded_ledger.h"
#include "ordering/abci/socket_server.h"
#include "ordering/abci/state_sync.h"
#include "proof/chain.h"

namespace careledger::bench {
namespace {

namespace abci = ordering::abci;

constexpr std::chrono::seconds kLongest{120};
constexpr const char* kScheme = "unix://";

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0, end = 0; at <= text.size(); at = end + 1) {
    end = std::min(text.find(',', at), text.size());
    out.push_back(text.substr(at, end - at));
  }
  return out;
}

std::unique_ptr<abci::Transport> rpc_of(const std::string& server) {
  return std::make_unique<abci::RpcClient>(server.substr(std::string(kScheme).size()));
}

}  // namespace

abci::TestNetwork network_of(const NodeOrder& order, const std::string& chain_id) {
  const auto app_hash = from_hex(order.app_hash);
  return {order.count, order.count, order.port, order.engine, chain_id, {order.created.value + 1}, app_hash.value_or(Bytes())};
}

void begin_with_snapshot(const NodeOrder& order) {
  const replica::test::World world(1, order.created);
  const std::vector<std::string> servers = split(order.servers);
  const auto rpc = rpc_of(servers.front());
  const proof::SignedHeader first = need(abci::EngineRpc(*rpc).header({1}));
  const Digest hash = Digest::from(proof::hash_of(first.header)).value_or(Digest());
  std::vector<apps::network::HeaderServer> header_servers;
  for (const std::string& server : servers) header_servers.push_back({server, rpc_of(server)});
  const apps::network::TrustedHeaders headers(kernel::ledger_id(world.founding()), {1}, hash, std::move(header_servers), system_clock());

  abci::TestNetwork network = network_of(order, first.header.chain_id);
  network.start = abci::SnapshotStart{servers, {1}, hash};
  abci::TestEngine engine(network, order.index, order.folder);
  need(engine.prepare({0}));
  std::promise<void> done;
  std::once_flag once;
  abci::StateSyncConfig config;
  config.application.is_peer = engine.is_peer();
  config.application.on_commit = [&](const replica::View&, const std::vector<abci::Ordered>&) {
    std::call_once(once, [&] { done.set_value(); });
  };
  config.store = open_ledger(order.folder + "/ledger");
  config.trusted = [&](Height height) { return headers.at(height); };
  config.open = [&](std::shared_ptr<storage::Store> store) {
    return Result<std::unique_ptr<replica::Replica>>(replica::test::open_replica(world, std::move(store), 1));
  };
  config.on_refusal = [](const Error& error) { abci::TestEngine::tell(error.message); };
  abci::StateSync sync(std::move(config));
  const auto server = need(abci::SocketServer::listen({.path = engine.paths().application}, sync));
  need(engine.run());
  if (done.get_future().wait_for(kLongest) != std::future_status::ready) give_up("no snapshot came");
  engine.process().stop();
  server->stop();
}

}  // namespace careledger::bench
