// What the engine of a stopped node keeps: its blocks with their commits, and the validators of each height. The engine itself is asked, in
// its mode for inspection: it answers, and takes no part in the network.
//
// Nothing that it says is believed here: whoever asks compares (apps/network/chain_check.h).
//
// Thread-safety: one thread. A question blocks for as long as the engine takes, ten seconds at most.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "apps/config.h"
#include "apps/layout.h"
#include "apps/network/chain_check.h"
#include "kernel/kernel.pb.h"
#include "vault/keystore.h"

namespace careledger::apps::network {

inline constexpr std::chrono::seconds kEngineStorePatience{120};  // large files open within seconds

struct EngineBlocks {
  Height oldest, newest;  // newest 0: none
};

// What an engine says that it keeps. unavailable: it does not answer (yet); corrupt: it does, and cannot tell, in its words.
Result<EngineBlocks> blocks_kept(ordering::abci::EngineRpc& engine);

class EngineStore final : public ChainSource {
 public:
  // Borrows nothing afterwards. not_found: there is no such program; corrupt: it ends without an answer, with its last words; unavailable:
  // it does not answer for that long.
  static Result<std::unique_ptr<EngineStore>> open(const Layout& layout, const NetworkConfig& network, const kernel::Founding& founding,
                                                   vault::Keystore& keys, const std::string& engine,
                                                   std::chrono::seconds patience = kEngineStorePatience);
  ~EngineStore() override;
  EngineStore(const EngineStore&) = delete;
  EngineStore& operator=(const EngineStore&) = delete;

  const Result<EngineBlocks>& kept() const;  // as blocks_kept() says
  Height newest() const override;            // 0, too, when it cannot tell: ask kept() first
  Height oldest() const override;
  Result<proof::SignedHeader> header(Height height) override;
  Result<proof::ValidatorSet> validators(Height height) override;
  Result<ordering::abci::EngineBlock> block(Height height) override;

 private:
  struct State;
  explicit EngineStore(std::unique_ptr<State> state);
  Result<void> await_answer(std::chrono::seconds patience);
  std::unique_ptr<State> state_;
};

}  // namespace careledger::apps::network
