// CometBFT's RPC, read-only and as much of it as a light client needs, so that outsiders follow the ledger with software that is not ours:
// the Go package `light`, the proxy of `cometbft light`, and whatever else speaks to a CometBFT node.
//
// Methods: health, status, net_info, genesis, header, commit, validators, consensus_params, abci_info, abci_query. As URIs
// (GET /commit?height=5), as JSON-RPC 2.0 (POST /), and over a WebSocket at /websocket, which the proxy insists on although it asks nothing
// there. Everything shown is meant for anybody: headers, and rows of the state by their keys.
//
// abci_query: paths and proofs as in ordering/state_query.h; data = the key.
#pragma once

#include <functional>
#include <memory>

#include "edge/http/message.h"
#include "ordering/chain_json.h"
#include "ordering/ordering.h"
#include "replica/replica.h"

namespace careledger::edge::rpc {

struct Node {  // all borrowed; must outlive the Rpc and its server
  const ordering::Ordering* ordering = nullptr;
  const replica::Replica* replica = nullptr;
  std::function<Result<ordering::chain_json::Rules>(Height)> rules;  // of the chain, as it was at a height; any thread
  std::string moniker = "careledger";                                // shown in status
  std::string version;                                               // of the program
};

// Reads the store: put it behind an Offload when the disk is slow. Thread-safe.
class Rpc : public http::Handler {
 public:
  explicit Rpc(Node node);
  ~Rpc() override;
  void handle(http::Request request, http::Responder respond) override;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace careledger::edge::rpc
