// A ledger for the tests of contracts: the kernel and all contracts on rows in memory. Signatures are taken as good, so that tests run
// through many histories; the scenarios sign for real.
#pragma once

#include "contracts/all.h"
#include "contracts/build.h"
#include "kernel/canonical.h"
#include "kernel/execute.h"
#include "kernel/tables.h"
#include "kernel/test_keys.h"

namespace careledger::contracts {

class TestLedger {
 public:
  static constexpr std::int64_t kStartMs = 1'800'000'000'000;

  TestLedger() {
    kernel::Founding founding;
    founding.set_format(1);
    founding.set_name("test");
    founding.set_created_ms(kStartMs);
    *founding.mutable_founder() = authority(0);
    founding.set_founder_nonce(Bytes(32, 'f'));
    founding.set_protocol(1);
    kernel::Overlay genesis(rows_);
    kernel::write_genesis(founding, all(), genesis);
    rows_.apply(genesis.take());
    founder_ = kernel::account_id(founding.founder(), founding.founder_nonce());
    block_.ledger = kernel::ledger_id(kernel::encode(founding));
  }

  // Its code; every command is a block of its own.
  kernel::Code run(const AccountId& actor, const build::Order& order) { return execute(actor, order).code; }
  kernel::Effect execute(const AccountId& actor, const build::Order& order) {
    auto effect = kernel::execute_command(received(actor, order), block_, rows_, all(), host_);
    rows_.apply(effect.changes);
    block_.height = next(block_.height);
    block_.time.value += 1;
    return effect;
  }
  kernel::ReceivedCommand received(const AccountId& actor, const build::Order& order) {
    kernel::ReceivedCommand command;
    command.verdict = kernel::KernelCode::ok;
    command.ledger = block_.ledger;
    command.actor = actor;
    command.sequence = ++sequence_;
    command.expires = {block_.time.value + 1000};
    command.contract = order.contract;
    command.payload = order.payload;
    command.signatures.push_back({1, crypto::Algorithm::ed25519, {}});
    return command;
  }

  static ledger::Authority authority(std::uint8_t key) { return kernel::single_key(kernel::test_id<crypto::PublicKey>(key)); }
  AccountId admit(std::uint8_t key) {
    const build::NewOrganisation organisation{
        authority(key), kernel::test_id<Digest>(key), "organisation", registry::OrganisationKind::hospital, {}};
    CARELEDGER_ASSERT(run(founder_, build::admit(organisation)).ok());
    return organisation.id();
  }
  // The pseudonym of a patient; `key` tells patients apart.
  AccountId propose(const AccountId& organisation, std::uint8_t key, bool held = false) {
    const build::NewPatient patient{authority(key), kernel::test_id<Digest>(key), held};
    CARELEDGER_ASSERT(run(organisation, build::propose(patient)).ok());
    return patient.id();
  }

  kernel::Reader state() const { return kernel::Reader(rows_); }
  const kernel::MemoryRows& rows() const { return rows_; }
  BlockTime time() const { return block_.time; }
  Height height() const { return block_.height; }
  void pass_days(std::int64_t days) { block_.time.value += days * kDayMs; }
  const AccountId& founder() const { return founder_; }
  const LedgerId& ledger() const { return block_.ledger; }

 private:
  class TrustingHost final : public kernel::Host {
   public:
    bool holds(const crypto::PublicKey&, ByteView, const crypto::Signature&) override { return true; }
    bool too_deep(const kernel::Key&) override { return false; }
  };

  kernel::MemoryRows rows_;
  kernel::BlockContext block_{{}, {1}, {kStartMs + 1}, {1}};
  AccountId founder_;
  std::uint64_t sequence_ = 0;
  TrustingHost host_;
};

// Code of a contract, for comparison.
template <class Codes>
kernel::Code code(ContractId contract, Codes number) {
  return {contract, static_cast<std::uint16_t>(number)};
}

}  // namespace careledger::contracts
