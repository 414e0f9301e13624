// The keys of a member's validator: the one that signs, and the one that is to follow it.
//
//   prepared in the keystore -> on the ledger, by block H -> signs from block H + 2 on; the one before is forgotten
//
// Which of the two signs a block follows from the ledger alone, whatever was cut off in between: what a block decides about votes acts two
// blocks later, and a signer signs for the block above the newest durable one and for no other. The old key goes from the keystore before
// the new one signs for the first time, and the new one is in it before anybody hears of it.
//
// Thread-safety: all of it.
#pragma once

#include <mutex>

#include "ordering/abci/signer.h"
#include "replica/replica.h"
#include "vault/keystore.h"

namespace careledger::apps::network {

class ValidatorKeys {
 public:
  // Borrows replica and keystore (of the ledger). `own`: the member whose validator it is.
  ValidatorKeys(const replica::Replica& replica, vault::Keystore& keys, OrganisationId own) : replica_(replica), keys_(keys), own_(own) {}

  // For the block above the newest one; none while this member has no vote there, or one by a key that is not in the keystore.
  Result<ordering::abci::Mandate> mandate();
  // The key that is to follow, made and on disk when there was none. It signs nothing before the ledger names it.
  Result<crypto::SigningKey> prepare();
  bool is_prepared() const { return keys_.holds(vault::Purpose::validator, vault::kNextKey); }
  // The key that signs, or would if this member had a vote.
  Result<crypto::SigningKey> current();
  // When that came into the keystore.
  BlockTime current_since() const;
  // not_found: the ledger names a key that the keystore does not have, as after a restore from before a rotation; and what to do.
  Result<void> check();

 private:
  Result<Bytes> named_next(const replica::View& view) const;
  Result<bool> holds_prepared(ByteView key);

  const replica::Replica& replica_;
  vault::Keystore& keys_;
  const OrganisationId own_;
  std::mutex mutex_;
};

}  // namespace careledger::apps::network
