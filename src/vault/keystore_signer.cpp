#include "vault/keystore_signer.h"

#include <algorithm>

#include "kernel/sign.h"
#include "kernel/tables.h"
#include "kernel/timing.h"

namespace careledger::vault {
namespace {

constexpr std::uint64_t kGap = 64;  // of the 256 that the ledger's window remembers

Result<std::uint32_t> key_number(const kernel::Reader& state, const OrganisationId& organisation, const crypto::PublicKey& key,
                                 kernel::KeyRole role) {
  const auto account = state.get(kernel::kAccounts, organisation);
  if (!account) return fail(ErrorKind::not_found, "the ledger knows no organisation " + organisation.hex());
  for (const auto& one : account->authority().keys())
    if (one.public_key() == key.view() && one.role() == static_cast<std::uint32_t>(role)) return one.number();
  return fail(ErrorKind::wrong_key, "none of the keys that the ledger has for organisation " + organisation.hex() +
                                        " is in this keystore: restore the newest keystore, or rotate the authority");
}

class KeystoreBatchSigner final : public ordering::BatchSigner {
 public:
  KeystoreBatchSigner(crypto::SigningKey key, std::uint32_t number) : key_(std::move(key)), number_(number) {}
  std::uint32_t key_number() const override { return number_; }
  crypto::Signature sign(ByteView message) const override { return key_.sign(message); }

 private:
  const crypto::SigningKey key_;
  const std::uint32_t number_;
};

}  // namespace

Result<std::unique_ptr<KeystoreSigner>> KeystoreSigner::make(Keystore& keys, const replica::Replica& replica,
                                                             const OrganisationId& organisation, const Clock& clock) {
  CARELEDGER_TRY(crypto::SigningKey key, keys.signing(Purpose::command));
  const replica::View view = replica.view();
  const kernel::Reader state = view.state();
  CARELEDGER_TRY(const std::uint32_t number, key_number(state, organisation, key.public_key(), kernel::KeyRole::command));
  const auto window = state.get(kernel::kSequences, organisation);
  const std::uint64_t next = window ? window->highest() + kGap : 1;
  return std::unique_ptr<KeystoreSigner>(new KeystoreSigner(replica, organisation, clock, std::move(key), number, next));
}

Result<Bytes> KeystoreSigner::sign(ContractId contract, Bytes payload) {
  kernel::CommandOrder order;
  order.ledger = replica_.ledger();
  order.actor = organisation_;
  order.sequence = next_.fetch_add(1);
  order.expires = kernel::coarse_expiry(std::max(clock_.now(), replica_.view().time()));
  order.contract = contract;
  return kernel::sign_command(order, payload, kernel::Signer{key_number_, &key_}).SerializeAsString();
}

Result<std::unique_ptr<ordering::BatchSigner>> batch_signer(Keystore& keys, const replica::Replica& replica,
                                                            const OrganisationId& organisation) {
  CARELEDGER_TRY(crypto::SigningKey key, keys.signing(Purpose::batch));
  const replica::View view = replica.view();
  CARELEDGER_TRY(const std::uint32_t number, key_number(view.state(), organisation, key.public_key(), kernel::KeyRole::batch));
  return std::unique_ptr<ordering::BatchSigner>(std::make_unique<KeystoreBatchSigner>(std::move(key), number));
}

}  // namespace careledger::vault
