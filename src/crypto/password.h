// Argon2id (RFC 9106): a key from a passphrase.
#pragma once

#include "base/result.h"
#include "crypto/secret.h"

namespace careledger::crypto {

struct PasswordCost {
  std::uint32_t passes = 3;
  std::uint32_t memory_kib = 64 * 1024;
};
Result<Secret> key_from_passphrase(ByteView passphrase, ByteView salt16, PasswordCost cost, std::size_t size);  // storage: no memory

}  // namespace careledger::crypto
