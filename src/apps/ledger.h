// The ledger of a data folder: its store, its replica and the ordering that drives it, embedded or in a network; opened together and closed
// in order.
//
// Thread-safety: as of its parts; open and close belong to one thread, become_member to another one beside everything else.
#pragma once

#include <atomic>
#include <memory>

#include "apps/layout.h"
#include "apps/network/member.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "ordering/chain_json.h"
#include "ordering/grown.h"
#include "ordering/local/local.h"
#include "ordering/succession.h"
#include "ordering/walk_keeper.h"
#include "ordering/witness.h"
#include "proof/bundle.h"
#include "vault/keystore.h"

namespace careledger::apps {

inline constexpr std::uint32_t kProtocol = 1;
inline constexpr std::size_t kFoundingBytesMax = 256 * 1024;  // of a founding document

// The founding document of the folder whose configuration this is. corrupt: it is of another ledger than the configuration names, whoever
// changed which of the two; nothing was opened or written yet.
Result<Bytes> own_founding(const Layout& layout, const LedgerId& ledger);

// How a network's ledger is driven; an embedded one needs nothing of it.
struct Engine {
  const NetworkConfig& network;
  OrganisationId own;  // whose node this is
  network::EngineChoice choice;
  std::function<void(const std::string&)> on_event{};  // any thread
  std::function<void()> on_look{};                     // every half minute while an engine runs; on the thread that watches it
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

  // Of an embedded one that has grown into a network, whose folder has what a member needs: this process is the member from now on. Whoever
  // has borrowed ordering() or replica() goes on with them, and readers notice nothing. Once; on an error everything is as it was, sealed.
  Result<void> become_member(const Layout& layout, vault::Keystore& keys, const Clock& clock, const Engine& engine);

  replica::Replica& replica() { return *replica_; }
  ordering::Ordering& ordering() { return ordering_ ? *ordering_ : together()->member->ordering(); }
  bool embedded() const { return together() == nullptr; }
  // An embedded one that has grown into a network of which this node is no member yet: it is read, and takes nothing. Who asks for both
  // asks this before embedded(), since it may become one between the two.
  bool sealed() const { return embedded() && local_->sealed(); }
  ordering::local::Local* local() { return local_; }  // of an embedded ledger, or one that was it in this process; nullptr
  const ordering::Grown* grown() const;               // of a network's that was an embedded one; nullptr
  bool at_rest() const { return !embedded() && together()->member == nullptr; }
  bool failed() const;          // start the node again
  bool engine_answers() const;  // of a network's ledger
  const kernel::Founding& founding() const { return founding_; }
  Bytes founding_bytes() const { return kernel::encode(founding_); }
  // Of a network's ledger; not_found: this one is embedded. unavailable: the engine does not answer.
  Result<network::Standing> standing() const;
  // Of a network's ledger that an engine runs; unsupported.
  Result<network::ValidatorKeys*> validator_keys();
  Result<ordering::chain_json::Rules> rules_at(Height height) const;
  storage::Store& store() { return *store_; }
  // Of the first block, also when this node began above it. Of a ledger that grew, those of the network's first.
  Result<proof::ValidatorSet> first_validators();
  // What trust files name: those, but the old chain's as long as a network that grew from it has no block. Afterwards never: whoever
  // believed the old key would believe whatever it signs.
  Result<proof::ValidatorSet> trusted_validators();
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
  struct Together {  // what a network's ledger has, and an embedded one has not
    std::optional<ordering::Grown> grown;
    std::unique_ptr<network::Member> member;  // none at rest
    std::unique_ptr<ordering::WalkKeeper> walks;
  };
  static Result<std::unique_ptr<Ledger>> open_store(const Layout& layout, Bytes founding, vault::Keystore& keys,
                                                    std::shared_ptr<storage::Room> room);
  Result<void> start_alone(vault::Keystore& keys, const Clock& clock);
  Result<std::unique_ptr<Together>> make_together(std::optional<ordering::Grown> grown);
  Result<std::unique_ptr<network::Member>> start_member(const Layout& layout, vault::Keystore& keys, const Clock& clock,
                                                        const Engine& engine, const Together& together);
  static bool is_of_old_chain(const Together& together, const proof::Header& header);
  void publish(std::unique_ptr<Together> together);
  Together* together() const { return now_together_.load(std::memory_order_acquire); }
  std::shared_ptr<storage::Store> store_;
  std::unique_ptr<replica::Replica> replica_;
  kernel::Founding founding_;
  ordering::local::Local* local_ = nullptr;       // in ordering_, of an embedded ledger
  ordering::Succession* succession_ = nullptr;    // ordering_, likewise
  std::unique_ptr<ordering::Ordering> ordering_;  // of an embedded ledger, and of one at rest
  std::unique_ptr<Together> together_;
  std::atomic<Together*> now_together_{nullptr};  // together_, once it is whole
  std::unique_ptr<ordering::CheckpointKeeper> checkpoints_;
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
