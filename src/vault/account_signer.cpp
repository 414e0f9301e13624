#include "vault/account_signer.h"

#include "kernel/sign.h"
#include "kernel/tables.h"
#include "kernel/timing.h"

namespace careledger::vault {
namespace {

std::uint64_t first_number(const replica::View& view, const AccountId& account) {
  const auto window = view.state().get(kernel::kSequences, account);
  return window ? window->highest() + 1 : 1;
}

}  // namespace

AccountSigner::AccountSigner(const replica::View& view, const AccountId& account, std::uint32_t key_number, crypto::SigningKey key,
                             const Clock& clock)
    : ledger_(view.ledger()),
      account_(account),
      key_number_(key_number),
      key_(std::move(key)),
      clock_(clock),
      next_(first_number(view, account)) {}

Result<Bytes> AccountSigner::sign(ContractId contract, Bytes payload) {
  const kernel::CommandOrder order{ledger_, account_, next_.fetch_add(1), kernel::coarse_expiry(clock_.now()), contract};
  return kernel::encode(kernel::sign_command(order, payload, {key_number_, &key_}));
}

}  // namespace careledger::vault
