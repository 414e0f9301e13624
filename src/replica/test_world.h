// A small consortium made from a seed, for tests and benchmarks: founder, organisations, patients, and the batches they send.
#pragma once

#include <map>
#include <random>

#include "base/clock.h"
#include "contracts/all.h"
#include "contracts/build.h"
#include "contracts/consent/consent.h"
#include "crypto/hash.h"
#include "kernel/canonical.h"
#include "kernel/sign.h"
#include "kernel/tables.h"
#include "replica/replica.h"

namespace careledger::replica::test {

namespace build = contracts::build;

struct Actor {
  crypto::SigningKey key;
  AccountId id;
  std::uint64_t sequence = 0;
};

struct Patient {
  Actor actor;
  RelationshipId relationship;
  kernel::Counter grants = 0;
};

class World {
 public:
  static constexpr std::int64_t kStart = 1'800'000'000'000;

  explicit World(std::uint64_t seed, BlockTime start = {kStart})
      : entropy_(seed), time_(start), founder_{crypto::SigningKey::generate(entropy_), {}, 0} {
    kernel::Founding founding;
    founding.set_format(1);
    founding.set_name("World");
    founding.set_created_ms(start.value);
    *founding.mutable_founder() = authority_of(founder_.key);
    const Digest nonce = entropy_.take_id<Digest>();
    founding.set_founder_nonce(nonce.bytes());
    founding.set_epoch_ms(1000);
    founding.set_protocol(1);
    founder_.id = kernel::account_id(founding.founder(), nonce.view());
    founding_ = kernel::encode(founding);
    ledger_ = kernel::ledger_id(founding_);
  }

  const Bytes& founding() const { return founding_; }
  const LedgerId& ledger() const { return ledger_; }
  Actor& founder() { return founder_; }
  std::vector<Actor>& organisations() { return organisations_; }
  std::vector<Patient>& patients() { return patients_; }
  const std::vector<Patient>& patients() const { return patients_; }
  BlockTime time() const { return time_; }
  SeededEntropy& entropy() { return entropy_; }

  ledger::SignedCommand command(Actor& actor, const build::Order& order) {
    const kernel::CommandOrder what{ledger_, actor.id, ++actor.sequence, {time_.value + 30 * 60 * 1000}, order.contract};
    return kernel::sign_command(what, order.payload, {1, &actor.key});
  }

  ledger::SignedCommand admit() {
    Actor organisation{crypto::SigningKey::generate(entropy_), {}, 0};
    const crypto::OpeningKey opening = crypto::OpeningKey::generate(entropy_);
    const build::NewOrganisation what{authority_of(organisation.key), entropy_.take_id<Digest>(), "Organisation",
                                      contracts::registry::OrganisationKind::hospital, opening.public_key()};
    organisation.id = what.id();
    organisations_.push_back(std::move(organisation));
    return command(founder_, build::admit(what));
  }

  ledger::SignedCommand propose(Actor& organisation) {
    Actor actor{crypto::SigningKey::generate(entropy_), {}, 0};
    const build::NewPatient what{kernel::single_key(actor.key.public_key()), entropy_.take_id<Digest>(), true};
    actor.id = what.id();
    const RelationshipId relationship = contracts::relationship::relationship_id(organisation.id, actor.id);
    patients_.push_back({std::move(actor), relationship, 0});
    return command(organisation, build::propose(what));
  }

  ledger::SignedCommand grant(Patient& patient) {
    return command(patient.actor, build::grant(patient.relationship, ++patient.grants, entropy_.take_id<Digest>(), 0));
  }
  ledger::SignedCommand revoke(Patient& patient, kernel::Counter number) {
    return command(patient.actor, build::revoke(patient.relationship, number));
  }
  ledger::SignedCommand anchor(Actor& organisation) {
    ledger::Anchor anchor;
    anchor.set_root(entropy_.take(32));
    anchor.set_count(16);
    anchor.add_supersedes(entropy_.take(32));
    return command(organisation, build::anchor(anchor));
  }

  static ledger::Authority authority(const Actor& actor) { return authority_of(actor.key); }

  // The key for batches stands under number 2.
  const crypto::SigningKey& batch_key(const Actor& sender) {
    const auto found = batch_keys_.find(sender.id);
    if (found != batch_keys_.end()) return found->second;
    return batch_keys_.emplace(sender.id, derive(sender.key)).first->second;
  }

  // One envelope, signed by an organisation or the founder with its key for batches.
  Bytes batch(const Actor& sender, std::span<const ledger::SignedCommand> commands) {
    return kernel::encode(kernel::sign_batch(sender.id, ++batches_, commands, {2, &batch_key(sender)}));
  }
  Bytes batch(const std::vector<ledger::SignedCommand>& commands) { return batch(founder_, commands); }

  Block next_block(const View& view, std::vector<Bytes> batches, std::int64_t milliseconds = 1000) {
    time_.value += milliseconds;
    return {next(view.height()), time_, std::move(batches)};
  }

  // Executes and commits; any error ends the program, because the caller expects none.
  View run(Replica& replica, std::vector<Bytes> batches) { return run_block(replica, next_block(replica.view(), std::move(batches))); }
  View run_block(Replica& replica, Block block) {
    auto execution = replica.execute(std::move(block));
    CARELEDGER_ASSERT(execution.has_value());
    auto view = replica.commit(std::move(*execution));
    CARELEDGER_ASSERT(view.has_value());
    return *view;
  }

  // Organisations and patients, admitted and active, in as few blocks as the limits allow.
  void populate(Replica& replica, std::size_t organisations, std::size_t patients) {
    std::vector<ledger::SignedCommand> commands;
    for (std::size_t i = 0; i < organisations; ++i) commands.push_back(admit());
    run(replica, {batch(commands)});
    commands.clear();
    for (std::size_t i = 0; i < patients; ++i) {
      commands.push_back(propose(organisations_[i % organisations]));
      if (commands.size() == 1000 || i + 1 == patients) {
        run(replica, {batch(commands)});
        commands.clear();
      }
    }
  }

  // One random batch: grants, revocations, anchors, and now and then something that the ledger must refuse.
  Bytes random_batch(std::size_t commands, std::mt19937_64& random) {
    std::vector<ledger::SignedCommand> out;
    for (std::size_t i = 0; i < commands; ++i) {
      Patient& patient = patients_[random() % patients_.size()];
      const std::uint64_t kind = random() % 100;
      if (kind < 50 || (kind < 80 && patient.grants == 0)) out.push_back(grant(patient));
      else if (kind < 80) out.push_back(revoke(patient, 1 + static_cast<kernel::Counter>(random() % patient.grants)));
      else if (kind < 95) out.push_back(anchor(organisations_[random() % organisations_.size()]));
      else out.push_back(spoilt(patient, kind));
    }
    return batch(organisations_[random() % organisations_.size()], out);
  }

 private:
  ledger::SignedCommand spoilt(Patient& patient, std::uint64_t kind) {
    ledger::SignedCommand command = this->command(patient.actor, build::revoke(patient.relationship, 1'000'000));  // grant_unknown
    if (kind == 96) command.mutable_signatures(0)->mutable_signature()->back() ^= 1;                               // bad_signature
    if (kind == 97) command.set_command("not a command");                                                          // malformed
    if (kind == 98) {                                                                                              // replayed
      --patient.actor.sequence;
      if (patient.actor.sequence > 0) --patient.actor.sequence;
      command = this->command(patient.actor, build::revoke(patient.relationship, 1'000'000));
      ++patient.actor.sequence;
    }
    return command;
  }

  // Commands under key 1, envelopes under key 2, which is derived from the first so that a World stays small.
  static ledger::Authority authority_of(const crypto::SigningKey& key) {
    ledger::Authority authority = kernel::single_key(key.public_key());
    kernel::add_key(authority, kernel::KeyRole::batch, derive(key).public_key());
    return authority;
  }
  static crypto::SigningKey derive(const crypto::SigningKey& key) {
    const Digest seed = crypto::tagged_hash("test/batch-key", {key.seed().view()});
    auto derived = crypto::SigningKey::from_seed(crypto::Secret::copy_of(seed.view()));
    CARELEDGER_ASSERT(derived.has_value());
    return std::move(*derived);
  }

  SeededEntropy entropy_;
  BlockTime time_;
  Actor founder_;
  Bytes founding_;
  LedgerId ledger_;
  std::vector<Actor> organisations_;
  std::vector<Patient> patients_;
  std::map<AccountId, crypto::SigningKey> batch_keys_;
  std::uint64_t batches_ = 0;
};

inline Config config_of(const World& world, std::size_t threads = 0) {
  Config config;
  config.founding = world.founding();
  config.threads = threads;
  return config;
}

inline std::unique_ptr<Replica> open_replica(const World& world, std::shared_ptr<storage::Store> store, std::size_t threads = 0) {
  auto replica = Replica::open(config_of(world, threads), std::move(store), contracts::all());
  CARELEDGER_ASSERT(replica.has_value());
  return std::move(*replica);
}

}  // namespace careledger::replica::test
