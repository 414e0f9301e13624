// Fresh roots over what an organisation has sealed on disk: the key pages of its record versions, and the keys of its stores' files. What
// they lead to, bodies and tables, stays as it is.
//
// For stores that are closed: one thread, and nobody else in the folders. Errors: wrong_key, corrupt, storage.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "vault/keystore.h"

namespace careledger::vault {

struct SealedFolders {
  std::string vault;
  std::string audit;
};

// Durable when it returns. A crash leaves what finish_rewrap() ends.
Result<void> rewrap(const SealedFolders& folders, Keystore& keys, Entropy& entropy);
// Before the stores are opened, at every start: ends what was begun, and does nothing otherwise.
Result<void> finish_rewrap(const SealedFolders& folders, Keystore& keys, Entropy& entropy);

}  // namespace careledger::vault
