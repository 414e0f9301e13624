#include "apps/rotation.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <future>

#include "contracts/build.h"
#include "kernel/authority.h"
#include "kernel/tables.h"

namespace careledger::apps {
namespace {

namespace build = contracts::build;
namespace registry = contracts::registry;
using kernel::KeyRole;
using vault::Purpose;

constexpr std::chrono::seconds kAnchorPatience{10};

constexpr std::array<std::pair<Purpose, KeyRole>, 4> kRotating{{{Purpose::command, KeyRole::command},
                                                                {Purpose::batch, KeyRole::batch},
                                                                {Purpose::http_signature, KeyRole::request},
                                                                {Purpose::promise, KeyRole::promise}}};

bool has_role(const ledger::Key& key, KeyRole role) { return key.role() == static_cast<std::uint32_t>(role); }

Result<bool> is_current(vault::Keystore& keys, const ledger::Key& key) {
  for (const auto& [purpose, role] : kRotating) {
    CARELEDGER_TRY(const crypto::SigningKey current, keys.signing(purpose));
    if (has_role(key, role) && key.public_key() == current.public_key().view()) return true;
  }
  return false;
}

// The prepared keys in the place of the current ones, under numbers that were never used; what else it holds stays.
Result<ledger::Authority> next_authority(vault::Keystore& keys, const ledger::Authority& now) {
  ledger::Authority next;
  next.set_threshold(now.threshold());
  std::uint32_t number = 0;
  for (const ledger::Key& key : now.keys()) {
    number = std::max(number, key.number());
    CARELEDGER_TRY(const bool replaced, is_current(keys, key));
    if (!replaced) *next.add_keys() = key;
  }
  for (const auto& [purpose, role] : kRotating) {
    CARELEDGER_TRY(const crypto::SigningKey key, keys.signing(purpose, vault::kNextKey));
    kernel::add_key(next, role, key.public_key());
    next.mutable_keys(next.keys_size() - 1)->set_number(++number);
  }
  return next;
}

// What was signed before should be on the ledger before its key goes; what is not is signed anew at the next start.
void let_anchors_land(vault::Vault& vault) {
  if (vault.waiting_for_anchor() > 0) {
    const auto landed = std::make_shared<std::promise<void>>();
    vault.when_anchored(vault.figures().versions, [landed](const vault::AnchorState&) { landed->set_value(); });
    landed->get_future().wait_for(kAnchorPatience);
  }
  vault.stop_anchoring();
}

Result<void> send(Organisation& organisation, Ledger& ledger, const build::Order& order) {
  CARELEDGER_TRY(Bytes command, organisation.signer().sign(order.contract, order.payload));
  CARELEDGER_CHECK(ledger.submit_and_wait(organisation.config().id, std::move(command)));
  return {};
}

}  // namespace

Result<void> adopt_keys(vault::Keystore& keys, const replica::View& view, const OrganisationId& organisation) {
  const auto account = view.state().get(kernel::kAccounts, organisation);
  const auto row = view.state().get(registry::kOrganisations, organisation);
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  if (!account || !row) return {};  // whoever wants to sign says what that means
  for (const ledger::Key& key : account->authority().keys())
    for (const auto& [purpose, role] : kRotating)
      if (has_role(key, role) && kernel::is_valid_at(key, view.time())) CARELEDGER_CHECK(keys.make_current(purpose, key.public_key()));
  CARELEDGER_CHECK(keys.make_current(Purpose::opening, row->sealing_key()));
  return {};
}

Result<bool> is_overtaken(vault::Keystore& keys, const replica::View& view, const OrganisationId& organisation) {
  if (!keys.holds(Purpose::command, vault::kNextKey)) return false;
  CARELEDGER_TRY(const crypto::SigningKey next, keys.signing(Purpose::command, vault::kNextKey));
  const auto account = view.state().get(kernel::kAccounts, organisation);
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return account && std::ranges::any_of(account->authority().keys(),
                                        [&next](const ledger::Key& key) { return key.public_key() == next.public_key().view(); });
}

Result<std::uint32_t> rotate_keys(Organisation& organisation, Ledger& ledger) {
  vault::Keystore& keys = organisation.keys();
  const OrganisationId& id = organisation.config().id;
  let_anchors_land(organisation.vault());
  organisation.audit().stop_heads();
  const auto account = ledger.replica().view().state().get(kernel::kAccounts, id);
  if (!account) return fail(ErrorKind::not_found, "the ledger knows no organisation " + id.hex());
  CARELEDGER_TRY(const ledger::Authority next, next_authority(keys, account->authority()));
  CARELEDGER_TRY(const crypto::OpeningKey opening, keys.opening(vault::kNextKey));
  CARELEDGER_CHECK(send(organisation, ledger, build::set_sealing_key(opening.public_key())));
  CARELEDGER_CHECK(send(organisation, ledger, build::rotate(next)));
  CARELEDGER_CHECK(adopt_keys(keys, ledger.replica().view(), id));
  CARELEDGER_CHECK(keys.rotate_signing(Purpose::access_token));
  return account->authority_version() + 1;
}

}  // namespace careledger::apps
