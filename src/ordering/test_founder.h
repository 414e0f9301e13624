// For tests: a founding document whose founder may send envelopes itself, and commands of his.
#pragma once

#include "base/clock.h"
#include "contracts/all.h"
#include "contracts/build.h"
#include "contracts/registry/registry.h"
#include "kernel/sign.h"
#include "kernel/tables.h"
#include "ordering/ordering.h"
#include "replica/ledger_store.h"
#include "replica/replica.h"

namespace careledger::ordering::testing {

class Envelopes final : public BatchSigner {
 public:
  Envelopes(std::uint32_t number, crypto::SigningKey key) : number_(number), key_(std::move(key)) {}
  std::uint32_t key_number() const override { return number_; }
  crypto::Signature sign(ByteView message) const override { return key_.sign(message); }

 private:
  std::uint32_t number_;
  crypto::SigningKey key_;
};

class Founder {
 public:
  explicit Founder(BlockTime now, std::uint64_t seed = 1) : entropy_(seed) {
    founding_.set_format(1);
    founding_.set_name("test");
    founding_.set_created_ms(now.value);
    *founding_.mutable_founder() = kernel::single_key(key_.public_key());
    kernel::add_key(*founding_.mutable_founder(), kernel::KeyRole::batch, batch_key_.public_key());
    founding_.set_founder_nonce(Bytes(32, 'n'));
    founding_.set_epoch_ms(1);
    founding_.set_protocol(1);
  }
  Bytes founding() const { return kernel::encode(founding_); }
  AccountId id() const { return kernel::account_id(founding_.founder(), founding_.founder_nonce()); }
  LedgerId ledger() const { return kernel::ledger_id(founding()); }
  std::shared_ptr<const BatchSigner> signer() const { return std::make_shared<Envelopes>(2, batch_key_.clone()); }

  std::unique_ptr<replica::Replica> open(std::shared_ptr<storage::Store> store) const {
    replica::Config config;
    config.founding = founding();
    auto replica = replica::Replica::open(config, std::move(store), contracts::all());
    return replica ? std::move(*replica) : nullptr;
  }

  // Admits an organisation with keys of its own: the founder's act. The same arguments give the same bytes. Expires half an hour after
  // `now`.
  Bytes admit(std::uint64_t sequence, const std::string& name, BlockTime now) { return admit_as(id(), sequence, now, name); }
  // The same in another's name, which nobody should believe.
  Bytes admit_as(const AccountId& actor, std::uint64_t sequence, BlockTime now, const std::string& name = "name") {
    SeededEntropy entropy(1'000'000 + sequence);
    contracts::registry::Payload payload;
    auto& admit = *payload.mutable_admit();
    *admit.mutable_authority() = kernel::single_key(crypto::SigningKey::generate(entropy).public_key());
    admit.set_nonce(entropy.take(32));
    admit.set_name(name);
    admit.set_kind(1);
    admit.set_sealing_key(entropy.take(32));
    return signed_as(actor, sequence, now, {{1}, kernel::encode(payload)});
  }
  // The protocol of this version holds from that block on: the founder's act. Expires as those of admit().
  Bytes activate(std::uint64_t sequence, ProtocolVersion version, Height height, BlockTime now) {
    contracts::registry::Payload payload;
    payload.mutable_activate()->set_version(version.value);
    payload.mutable_activate()->set_height(height.value);
    return signed_as(id(), sequence, now, {{1}, kernel::encode(payload)});
  }
  // Any command of the founder's.
  Bytes sign(std::uint64_t sequence, const contracts::build::Order& order, BlockTime now) const {
    return signed_as(id(), sequence, now, order);
  }
  // The account that admit(sequence) makes.
  static AccountId admitted(std::uint64_t sequence) {
    SeededEntropy entropy(1'000'000 + sequence);
    const auto authority = kernel::single_key(crypto::SigningKey::generate(entropy).public_key());
    return kernel::account_id(authority, entropy.take(32));
  }

  // An envelope of these commands, as a node sends it.
  Bytes envelope(const std::vector<Bytes>& commands, std::uint64_t sequence = 1) const {
    ledger::Batch batch;
    batch.set_organisation(id().bytes());
    batch.set_sequence(sequence);
    for (const Bytes& command : commands) CARELEDGER_ASSERT(batch.add_commands()->ParseFromString(command));
    return seal(batch);
  }
  // Another one of his with its first command once more at its end, as no honest node sends it.
  Bytes with_one_twice(const Bytes& other) const {
    ledger::SignedBatch envelope;
    ledger::Batch batch;
    CARELEDGER_ASSERT(envelope.ParseFromString(other) && batch.ParseFromString(envelope.batch()));
    *batch.add_commands() = ledger::SignedCommand(batch.commands(0));
    return seal(batch);
  }

 private:
  Bytes seal(const ledger::Batch& batch) const {
    ledger::SignedBatch envelope;
    envelope.set_batch(kernel::encode(batch));
    ledger::CommandSignature* signature = envelope.add_signatures();
    signature->set_key(2);
    signature->set_algorithm(static_cast<std::uint32_t>(crypto::Algorithm::ed25519));
    signature->set_signature(Bytes(batch_key_.sign(kernel::signed_bytes(kernel::kBatchTag, envelope.batch())).view()));
    return kernel::encode(envelope);
  }

  Bytes signed_as(const AccountId& actor, std::uint64_t sequence, BlockTime now, const contracts::build::Order& order) const {
    const kernel::CommandOrder command{ledger(), actor, sequence, {now.value + 1'800'000}, order.contract};
    return kernel::encode(kernel::sign_command(command, order.payload, {1, &key_}));
  }

  SeededEntropy entropy_;
  crypto::SigningKey key_ = crypto::SigningKey::generate(entropy_);
  crypto::SigningKey batch_key_ = crypto::SigningKey::generate(entropy_);
  kernel::Founding founding_;
};

}  // namespace careledger::ordering::testing
