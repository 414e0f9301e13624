// A member's part in running a network's ledger: its engine as a child, the signer of its votes, and the ordering above them. One a node.
//
// Thread-safety: start and stop belong to one thread; ordering() as Ordering says.
#pragma once

#include <functional>
#include <memory>

#include "apps/config.h"
#include "apps/layout.h"
#include "apps/network/standing.h"
#include "apps/network/validator_keys.h"
#include "kernel/kernel.pb.h"
#include "ordering/abci/engine_home.h"
#include "ordering/abci/engine_process.h"
#include "ordering/abci/left_behind.h"
#include "ordering/abci/retention.h"
#include "ordering/grown.h"
#include "ordering/ordering.h"
#include "proof/chain.h"
#include "replica/replica.h"
#include "vault/keystore.h"

namespace careledger::apps::network {

inline constexpr proof::BlockLimits kBlockLimits{2 << 20, -1};  // larger blocks stall a loaded network

struct EngineChoice {                     // what a node's own administrator decides
  std::string program{};                  // empty: none, so that only an embedded ledger opens
  std::uint64_t snapshot_every = 3000;    // blocks; 0: no snapshot is made here for nodes that come later
  ordering::abci::Retention retention{};  // of the engine's blocks
  // Tests alone choose these: they cannot wait for as long.
  std::uint32_t look_ms = ordering::abci::kLookMs;
  std::uint64_t behind_max = ordering::abci::LeftBehind::kFar;
  ordering::chain_json::EvidenceRules evidence = ordering::abci::kEvidence;  // of the genesis: the same at all members
};

class Member {
 public:
  struct Parts {  // borrowed until stop() has returned
    const Layout& layout;
    const NetworkConfig& network;
    OrganisationId own;  // whose node this is
    const kernel::Founding& founding;
    replica::Replica& replica;
    vault::Keystore& keys;  // of the ledger: validator and engine node
    const Clock& clock;
    EngineChoice engine;
    const ordering::Grown* grown = nullptr;              // of a ledger that was an embedded one
    std::function<void(const std::string&)> on_event{};  // for the log: the engine ended and was started again, …; any thread
    std::function<void()> on_look{};                     // at each look at the engine
  };
  // not_found: there is no such program. storage: our disk failed meanwhile. precondition: ledger and engine do not go together
  // (blocks_fit.h). corrupt, not_found: what the validator signed last cannot be read, or the engine's blocks are gone while the ledger is
  // there. Executes first what the engine has.
  static Result<std::unique_ptr<Member>> start(const Parts& parts);
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  ordering::Ordering& ordering();
  Result<Standing> standing() const;  // unavailable: the engine does not answer
  ValidatorKeys& validator_keys();
  bool engine_answers() const;  // by the newest look at it
  bool failed() const;          // our disk did: nothing is ordered here until the node is started again
  void stop();                  // idempotent

 private:
  struct State;
  explicit Member(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The engine's program: `wished` when it names a file; else a program of that name beside this one, or in PATH. not_found says what to do.
Result<std::string> find_engine(const std::string& wished);

}  // namespace careledger::apps::network
