#include "apps/network/engine_parts.h"

#include "apps/ledger.h"
#include "apps/network/grown_file.h"
#include "base/assert.h"
#include "contracts/all.h"
#include "contracts/governance/governance.h"
#include "crypto/hash.h"
#include "kernel/tables.h"
#include "replica/ledger_store.h"

namespace careledger::apps::network {

namespace abci = ordering::abci;

namespace {

// Of the state that the chain begins with; the replica may be far beyond it.
Result<Bytes> genesis_app_hash(const kernel::Founding& founding) {
  replica::Config config;
  config.founding = kernel::encode(founding);
  CARELEDGER_TRY(const auto genesis, replica::Replica::open(config, replica::memory_ledger_store(), contracts::all()));
  return genesis->view().app_hash().bytes();
}

// The block after the seal is the engine's first. Its state has no founding of its own: the snapshot's hash names it.
abci::Genesis genesis_after(const ordering::Grown& grown) {
  abci::Genesis genesis;
  genesis.chain_id = grown.seal().chain_id;
  genesis.time = {proof::block_time(grown.seal().time).value + 1};
  genesis.initial_height = grown.seal().height + 1;
  genesis.app_version = kProtocol;
  genesis.limits = kBlockLimits;
  genesis.app_hash = grown.seal().app_hash;
  genesis.app_state = crypto::sha256(grown.snapshot).bytes();
  for (const proof::Validator& one : grown.successors.validators) genesis.validators.push_back({to_hex(one.address()), one.key, one.power});
  return genesis;
}

}  // namespace

Result<abci::Genesis> genesis_of(const Layout& layout, const kernel::Founding& founding) {
  if (founding.format() != kernel::kFoundedTogether) {
    CARELEDGER_TRY(const ordering::Grown grown, kept_grown(layout));
    return genesis_after(grown);
  }
  abci::Genesis genesis;
  genesis.chain_id = kernel::chain_id(kernel::ledger_id(kernel::encode(founding)));
  genesis.time = {founding.created_ms() + 1};
  genesis.app_version = kProtocol;
  genesis.limits = kBlockLimits;
  CARELEDGER_TRY(genesis.app_hash, genesis_app_hash(founding));
  genesis.validators = founding_validators(founding);
  return genesis;
}

std::vector<abci::GenesisValidator> founding_validators(const kernel::Founding& founding) {
  std::vector<abci::GenesisValidator> validators;
  for (const auto& member : founding.members()) {
    if (member.weight() == 0) continue;
    const auto key = crypto::PublicKey::from(member.validator_key());
    CARELEDGER_ASSERT(key.has_value());  // of a sound document
    validators.push_back({slug_of(member.name()), *key, static_cast<std::int64_t>(member.weight())});
  }
  return validators;
}

abci::EngineSettings settings_of(const NetworkConfig& network) {
  abci::EngineSettings settings;
  settings.listen = network.listen;
  for (const PeerConfig& peer : network.peers) settings.peers.push_back({peer.node, peer.listen});
  return settings;
}

abci::ApplicationConfig application_of(std::shared_ptr<const PeerBook> peers) {
  abci::ApplicationConfig config;
  config.app_version = kProtocol;
  config.version = CARELEDGER_VERSION;
  config.is_peer = [peers = std::move(peers)](const std::string& node) { return peers->has(node); };
  return config;
}

Result<proof::BlockLimits> block_limits_at(const replica::Replica& replica, Height height) {
  using contracts::governance::kParameters, contracts::governance::Parameter;
  static_assert(kParameters[3].parameter == Parameter::block_bytes && kParameters[3].founded == kBlockLimits.max_bytes);
  const replica::View view = replica.view();
  proof::BlockLimits limits = kBlockLimits;
  limits.max_bytes = static_cast<std::int64_t>(contracts::governance::value_of(view.state(), Parameter::block_bytes, height));
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return limits;
}

}  // namespace careledger::apps::network
