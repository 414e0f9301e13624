#include "apps/network/validator_keys.h"

#include "kernel/canonical.h"
#include "kernel/tables.h"

namespace careledger::apps::network {
namespace {

using vault::kNextKey;
using vault::Purpose;

Result<Bytes> key_by(const replica::View& view, const OrganisationId& member) {
  const auto row = view.state().get(kernel::kValidators, member);
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return row ? row->key() : Bytes();
}

}  // namespace

// With which key this member votes on the block above the view's, as the block below the view's left it; empty: with none. A ledger that
// began with a snapshot does not know what that was, and takes what it has.
Result<Bytes> ValidatorKeys::named_next(const replica::View& view) const {
  if (view.height().value == 0) return key_by(view, own_);
  if (const auto before = replica_.view_at({view.height().value - 1})) return key_by(*before, own_);
  const auto row = view.row_before(kernel::kValidators.key(own_));
  if (!row && row.error().kind == ErrorKind::not_found) return key_by(view, own_);
  if (!row) return tl::make_unexpected(row.error());
  if (!*row) return Bytes();
  const auto validator = kernel::decode_canonical<kernel::Validator>(**row);
  if (!validator) return fail(ErrorKind::corrupt, "state: the row of this node's validator does not read");
  return validator->key();
}

Result<bool> ValidatorKeys::holds_prepared(ByteView key) {
  if (!keys_.holds(Purpose::validator, kNextKey)) return false;
  CARELEDGER_TRY(const crypto::SigningKey next, keys_.signing(Purpose::validator, kNextKey));
  return next.public_key().view() == key;
}

Result<ordering::abci::Mandate> ValidatorKeys::mandate() {
  const std::lock_guard lock(mutex_);
  const replica::View view = replica_.view();
  CARELEDGER_TRY(const Bytes named, named_next(view));
  CARELEDGER_TRY(const bool follows, holds_prepared(named));
  if (follows) CARELEDGER_CHECK(keys_.promote(Purpose::validator));
  CARELEDGER_TRY(crypto::SigningKey key, keys_.signing(Purpose::validator));
  const bool votes = key.public_key().view() == named;
  const Height height = next(view.height());
  return ordering::abci::Mandate{std::move(key), height, votes ? height : Height{0}};
}

Result<crypto::SigningKey> ValidatorKeys::prepare() {
  const std::lock_guard lock(mutex_);
  return keys_.signing(Purpose::validator, kNextKey);
}

Result<crypto::SigningKey> ValidatorKeys::current() {
  const std::lock_guard lock(mutex_);
  return keys_.signing(Purpose::validator);
}

BlockTime ValidatorKeys::current_since() const {
  for (const vault::KeyInfo& key : keys_.inventory())
    if (key.purpose == Purpose::validator && !key.retired && key.label.empty()) return key.created;
  return {};
}

Result<void> ValidatorKeys::check() {
  const std::lock_guard lock(mutex_);
  CARELEDGER_TRY(const Bytes named, key_by(replica_.view(), own_));
  CARELEDGER_TRY(const crypto::SigningKey key, keys_.signing(Purpose::validator));
  CARELEDGER_TRY(const bool follows, holds_prepared(named));
  if (named.empty() || follows || key.public_key().view() == named) return {};
  return fail(ErrorKind::not_found,
              "the ledger names another validator key for this member than its keystore has, which is older: nothing is signed here until "
              "a new one is made (careledger network rotate-key)");
}

}  // namespace careledger::apps::network
