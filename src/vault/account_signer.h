// CommandSigner for one account with one command key: an organisation, the founder, or a patient whose key is held in trust.
//
// Thread-safety: safe from any thread. Numbers are handed out once; a number whose command never reaches the ledger leaves a hole that the
// window of 256 forgives.
#pragma once

#include <atomic>

#include "base/clock.h"
#include "crypto/sign.h"
#include "replica/view.h"
#include "vault/signer.h"

namespace careledger::vault {

class AccountSigner final : public CommandSigner {
 public:
  // Starts above the highest number of the account in `view`, 1 when it has none. The clock is borrowed.
  AccountSigner(const replica::View& view, const AccountId& account, std::uint32_t key_number, crypto::SigningKey key, const Clock& clock);

  Result<Bytes> sign(ContractId contract, Bytes payload) override;
  const AccountId& account() const { return account_; }

 private:
  const LedgerId ledger_;
  const AccountId account_;
  const std::uint32_t key_number_;
  const crypto::SigningKey key_;
  const Clock& clock_;
  std::atomic<std::uint64_t> next_;
};

}  // namespace careledger::vault
