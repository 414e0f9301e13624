// The engine's RPC over a unix socket in a folder that only its owner enters: no port, nobody else on the machine reaches it.
//
// Thread-safety: calls from any thread; each in flight has a connection of its own, kept for later calls. A call blocks, at most `timeout`
// in all.
#pragma once

#include <chrono>
#include <memory>

#include "ordering/abci/engine_rpc.h"

namespace careledger::ordering::abci {

class RpcClient final : public Transport {
 public:
  explicit RpcClient(std::string socket, std::chrono::milliseconds timeout = std::chrono::seconds(10));
  ~RpcClient() override;
  Result<Bytes> get(const std::string& target) override;
  Result<Bytes> post_form(const std::string& target, Bytes form) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace careledger::ordering::abci
