// AES-256-GCM (NIST SP 800-38D): a 32-byte key, a 12-byte nonce that is never used twice under one key, a 16-byte tag at the end.
//
// A key is a Secret always; a plain text that is one is sealed from the Secret it lies in, and opened into another (aead_open_secret).
// Thread-safety: safe from any thread. Failure of open says nothing about why.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace careledger::crypto {

inline constexpr std::size_t kAeadKeySize = 32;
inline constexpr std::size_t kAeadNonceSize = 12;
inline constexpr std::size_t kAeadTagSize = 16;

Bytes aead_seal(const Secret& key, ByteView nonce, ByteView associated, ByteView plain);                   // ciphertext ‖ tag
Result<Bytes> aead_open(const Secret& key, ByteView nonce, ByteView associated, ByteView sealed);          // corrupt
Result<Secret> aead_open_secret(const Secret& key, ByteView nonce, ByteView associated, ByteView sealed);  // the plain text is a key

// AES-256-CTR keystream XORed over `data` in place, at byte `offset` of the stream; for files that are encrypted as a whole.
void aes256_ctr_xor(const Secret& key, ByteView iv16, std::uint64_t offset, char* data, std::size_t count);

}  // namespace careledger::crypto
