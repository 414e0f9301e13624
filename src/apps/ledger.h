// The ledger of a data folder: its store, its replica and the ordering that drives it, embedded or in a network; opened together and closed
// in order.
//
// Thread-safety: as of its parts; open and close belong to one thread.
#pragma once

#include <memory>

#include "apps/layout.h"
#include "apps/network/member.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "ordering/chain_json.h"
#include "ordering/grown.h"
#include "ordering/local/local.h"
#include "ordering/walk_keeper.h"
#include "ordering/witness.h"
#include "proof/bundle.h"
#include "vault/keystore.h"

namespace careledger::apps {

inline constexpr std::uint32_t kProtocol = 1;
inline constexpr std::size_t kFoundingBytesMax = 256 * 1024;  // of a founding document

// How a network's ledger is driven; an embedded one needs nothing of it.
struct Engine {
  const NetworkConfig& network;
  OrganisationId own;  // whose node this is
  network::EngineChoice choice;
  std::function<void(const std::string&)> on_event{};  // any thread
};

class Ledger {
 public:
  // Borrows the clock. `keys` gives the validator's key. unavailable: another process has the folder. unsupported: a network's ledger
  // without an engine, or founded by an earlier build.
  static Result<std::unique_ptr<Ledger>> open(const Layout& layout, Bytes founding, vault::Keystore& keys, const Clock& clock,
                                              std::shared_ptr<storage::Room> room = nullptr, const Engine* engine = nullptr);
  // A network's without its engine: to be read as far as it is here (ordering/resting.h). An embedded one as open() does.
  static Result<std::unique_ptr<Ledger>> open_at_rest(const Layout& layout, Bytes founding, vault::Keystore& keys, const Clock& clock,
                                                      std::shared_ptr<storage::Room> room = nullptr);
  ~Ledger();

  replica::Replica& replica() { return *replica_; }
  ordering::Ordering& ordering() { return member_ ? member_->ordering() : *ordering_; }
  bool embedded() const { return founding_.format() != kernel::kFoundedTogether && !grown_; }
  // An embedded one that has grown into a network, and waits for this node to be started anew as its member: it is read, and takes nothing.
  bool sealed() const { return local_ != nullptr && local_->sealed(); }
  ordering::local::Local* local() { return local_; }                      // of an embedded ledger; nullptr
  const std::optional<ordering::Grown>& grown() const { return grown_; }  // of a network's that was an embedded one
  bool at_rest() const { return !embedded() && member_ == nullptr; }
  bool failed() const;  // start the node again
  const kernel::Founding& founding() const { return founding_; }
  Bytes founding_bytes() const { return kernel::encode(founding_); }
  // Of a network's ledger; not_found: this one is embedded. unavailable: the engine does not answer.
  Result<network::Standing> standing() const;
  // Of a network's ledger that an engine runs; unsupported.
  Result<network::ValidatorKeys*> validator_keys();
  proof::BlockLimits block_limits() const;
  ordering::chain_json::EvidenceRules evidence_rules() const;
  storage::Store& store() { return *store_; }
  // Of the first block, also when this node began above it: what trust files name. Of a ledger that grew, those of the network's first:
  // whoever believed the old chain's key would believe whatever it signs.
  Result<proof::ValidatorSet> first_validators();
  // Adds to a bundle what leads from them to the validators of its header; nothing while they sign themselves. unavailable: this node has
  // not the blocks for it, since it began with a snapshot or drops old ones.
  Result<void> add_walk(proof::Bundle& bundle);
  ordering::CheckpointKeeper& checkpoints() { return *checkpoints_; }
  std::uint32_t epoch_ms() const { return founding_.epoch_ms(); }  // of the mixed lane, from the founding document
  void stop();                                                     // idempotent

  // Sends one command and waits for what becomes of it: its receipt with code ok, or an error that names the code. Not on an ordering
  // thread.
  Result<kernel::Receipt> submit_and_wait(const OrganisationId& organisation, Bytes command);
  // Waits until a durable header commits to the state at `height`: the next block's, so for a moment after a write. unavailable: none came
  // in time.
  Result<void> wait_provable(Height height);

 private:
  Ledger() = default;
  static Result<std::unique_ptr<Ledger>> open_store(const Layout& layout, Bytes founding, vault::Keystore& keys,
                                                    std::shared_ptr<storage::Room> room);
  Result<void> start_alone(vault::Keystore& keys, const Clock& clock);
  std::shared_ptr<storage::Store> store_;
  std::unique_ptr<replica::Replica> replica_;
  kernel::Founding founding_;
  std::optional<ordering::Grown> grown_;
  ordering::local::Local* local_ = nullptr;       // ordering_, of an embedded ledger
  std::unique_ptr<ordering::Ordering> ordering_;  // of an embedded ledger, and of one at rest
  std::unique_ptr<network::Member> member_;       // of a network's
  std::unique_ptr<ordering::CheckpointKeeper> checkpoints_;
  std::unique_ptr<ordering::WalkKeeper> walks_;  // of a network's
};

// Signs an organisation's envelopes with a key of its own.
class EnvelopeSigner final : public ordering::BatchSigner {
 public:
  EnvelopeSigner(std::uint32_t number, crypto::SigningKey key) : number_(number), key_(std::move(key)) {}
  std::uint32_t key_number() const override { return number_; }
  crypto::Signature sign(ByteView message) const override { return key_.sign(message); }

 private:
  std::uint32_t number_;
  crypto::SigningKey key_;
};

// Text for people about a code: "consent: grant_exists".
std::string describe(const replica::Replica& replica, const kernel::Code& code);

}  // namespace careledger::apps
