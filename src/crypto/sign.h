// Ed25519 signatures, accepted by the rule of ZIP-215, single and batch alike, because that is the rule of CometBFT and because
// replicas that differ on one crafted signature fork. Signing is RFC 8032.
//
// Thread-safety: everything here is safe from any thread.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace careledger::crypto {

using PublicKey = Id32<struct PublicKeyTag>;

struct Signature {
  std::array<char, 64> value{};
  static std::optional<Signature> from(ByteView bytes);  // nullopt unless exactly 64 bytes
  ByteView view() const { return {value.data(), value.size()}; }
};

// Tag kept beside every key and signature, so that another algorithm needs no new format. Numbers are never reused.
enum class Algorithm : std::uint8_t { ed25519 = 1, x25519 = 2 };

class SigningKey {
 public:
  static SigningKey generate(Entropy& entropy);
  static Result<SigningKey> from_seed(const Secret& seed);  // the 32 bytes of RFC 8032
  PublicKey public_key() const { return public_key_; }
  Signature sign(ByteView message) const;
  const Secret& seed() const { return seed_; }  // for the keystore only
  SigningKey clone() const;

 private:
  SigningKey(Secret seed, PublicKey public_key, Secret expanded);
  Secret seed_;
  PublicKey public_key_;
  Secret expanded_;
};

bool verify(const PublicKey& key, ByteView message, const Signature& signature);

struct SignedItem {
  PublicKey key;
  ByteView message;
  Signature signature;
};
// One answer an item, the same as verify() would give for each. Much faster than one by one when all hold, which is the usual case;
// when the batch fails it falls back to single checks to find which.
std::vector<bool> verify_batch(std::span<const SignedItem> items);

}  // namespace careledger::crypto
