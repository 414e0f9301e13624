#include "crypto/password.h"

#include <sodium.h>

#include "base/assert.h"
#include "crypto/bytes_cast.h"

namespace careledger::crypto {

Result<Secret> key_from_passphrase(ByteView passphrase, ByteView salt16, PasswordCost cost, std::size_t size) {
  CARELEDGER_ASSERT(salt16.size() == crypto_pwhash_argon2id_SALTBYTES);
  CARELEDGER_ASSERT(size >= crypto_pwhash_argon2id_BYTES_MIN && size <= 1024);
  const std::size_t memory = std::size_t{cost.memory_kib} * 1024;
  if (cost.passes < crypto_pwhash_argon2id_OPSLIMIT_MIN || memory < crypto_pwhash_argon2id_MEMLIMIT_MIN) {
    return fail(ErrorKind::invalid, "passphrase: Argon2id needs at least 1 pass and 8 KiB of memory");
  }
  Secret key(size);
  if (crypto_pwhash_argon2id(out(key.data()), size, passphrase.data(), passphrase.size(), in(salt16), cost.passes, memory,
                             crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
    return fail(ErrorKind::storage, "passphrase: Argon2id was set to " + std::to_string(cost.memory_kib) + " KiB, more than there is");
  }
  return key;
}

}  // namespace careledger::crypto
