// The command signer of an organisation hosted here: its key from the keystore, its next number from the ledger.
#pragma once

#include <atomic>
#include <memory>

#include "base/clock.h"
#include "ordering/ordering.h"
#include "replica/replica.h"
#include "vault/keystore.h"
#include "vault/signer.h"

namespace careledger::vault {

class KeystoreSigner final : public CommandSigner {
 public:
  // not_found when the ledger knows no such organisation, wrong_key when no key of its authority is the keystore's command key. Borrows
  // keystore, replica and clock. Numbers begin a little above the ledger's highest, clear of commands signed before a crash and not sent
  // yet.
  static Result<std::unique_ptr<KeystoreSigner>> make(Keystore& keys, const replica::Replica& replica, const OrganisationId& organisation,
                                                      const Clock& clock);
  Result<Bytes> sign(ContractId contract, Bytes payload) override;

 private:
  KeystoreSigner(const replica::Replica& replica, const OrganisationId& organisation, const Clock& clock, crypto::SigningKey key,
                 std::uint32_t key_number, std::uint64_t next)
      : replica_(replica), organisation_(organisation), clock_(clock), key_(std::move(key)), key_number_(key_number), next_(next) {}

  const replica::Replica& replica_;
  const OrganisationId organisation_;
  const Clock& clock_;
  const crypto::SigningKey key_;
  const std::uint32_t key_number_;
  std::atomic<std::uint64_t> next_;
};

// Signs the organisation's batch envelopes with its batch key. Same errors.
Result<std::unique_ptr<ordering::BatchSigner>> batch_signer(Keystore& keys, const replica::Replica& replica,
                                                            const OrganisationId& organisation);

}  // namespace careledger::vault
