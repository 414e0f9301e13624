// HPKE base mode (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. Seals one message to one key.
#pragma once

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace careledger::crypto {

using SealingKey = Id32<struct SealingKeyTag>;  // X25519 public key

class OpeningKey {  // its private half
 public:
  static OpeningKey generate(Entropy& entropy);
  static Result<OpeningKey> from_bytes(const Secret& bytes);
  SealingKey public_key() const { return public_key_; }
  const Secret& bytes() const { return bytes_; }
  OpeningKey clone() const;

 private:
  OpeningKey(Secret bytes, SealingKey public_key);
  Secret bytes_;
  SealingKey public_key_;
};

struct Sealed {
  Bytes encapsulated;  // 32 bytes
  Bytes ciphertext;    // plain size + 16
};
Result<Sealed> hpke_seal(const SealingKey& to, ByteView info, ByteView associated, ByteView plain, Entropy& entropy);  // invalid key
Result<Bytes> hpke_open(const OpeningKey& key, const Sealed& sealed, ByteView info, ByteView associated);              // corrupt

}  // namespace careledger::crypto
