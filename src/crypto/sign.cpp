#include "crypto/sign.h"

#include <sodium.h>

#include <algorithm>

#include "base/assert.h"
#include "base/clock.h"
#include "crypto/bytes_cast.h"
#include "crypto/rust_abi.h"

namespace careledger::crypto {
namespace {

constexpr std::size_t kSeedSize = 32;
constexpr std::size_t kExpandedSize = 64;
// Sizes at which a batch is cheapest for each signature, as measured: from 96 the library changes its method and gains until about
// 1,024; below that its tables outgrow the cache above 24.
constexpr std::size_t kBatchMax = 1024;
constexpr std::size_t kBatchLarge = 96;
constexpr std::size_t kBatchSmall = 24;
constexpr std::size_t kCoefficientSize = 16;  // bytes of randomness an item: a bad batch passes with probability 2^-128

void start_sodium() {
  static const bool started = sodium_init() >= 0;
  CARELEDGER_ASSERT(started);
}

CareledgerSignedItem to_rust(const SignedItem& item) {
  return {in(item.key.view()), in(item.signature.view()), in(item.message), item.message.size()};
}

std::size_t chunk_size(std::size_t left) { return std::min(left, left < kBatchLarge ? kBatchSmall : kBatchMax); }

bool verify_all(std::span<const SignedItem> items) {
  std::vector<CareledgerSignedItem> raw(items.size());
  std::transform(items.begin(), items.end(), raw.begin(), to_rust);
  // The answer does not depend on these bytes, so replicas agree whatever they are; they only must not be foreseeable.
  const Bytes random = system_entropy().take(kCoefficientSize * items.size());
  return careledger_ed25519_verify_batch(raw.data(), raw.size(), in(random));
}

}  // namespace

std::optional<Signature> Signature::from(ByteView bytes) {
  Signature signature;
  if (bytes.size() != signature.value.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), signature.value.begin());
  return signature;
}

SigningKey::SigningKey(Secret seed, PublicKey public_key, Secret expanded)
    : seed_(std::move(seed)), public_key_(public_key), expanded_(std::move(expanded)) {}

SigningKey SigningKey::generate(Entropy& entropy) {
  auto key = from_seed(Secret::random(entropy, kSeedSize));
  CARELEDGER_ASSERT(key.has_value());
  return std::move(*key);
}

Result<SigningKey> SigningKey::from_seed(const Secret& seed) {
  if (seed.size() != kSeedSize) return fail(ErrorKind::malformed, "signing key: expected a seed of 32 bytes");
  start_sodium();
  PublicKey public_key;
  Secret expanded(kExpandedSize);
  CARELEDGER_ASSERT(crypto_sign_seed_keypair(out(public_key.value.data()), out(expanded.data()), in(seed.view())) == 0);
  return SigningKey(seed.clone(), public_key, std::move(expanded));
}

Signature SigningKey::sign(ByteView message) const {
  CARELEDGER_ASSERT(expanded_.size() == kExpandedSize);
  Signature signature;
  CARELEDGER_ASSERT(crypto_sign_detached(out(signature.value.data()), nullptr, in(message), message.size(), in(expanded_.view())) == 0);
  return signature;
}

SigningKey SigningKey::clone() const { return SigningKey(seed_.clone(), public_key_, expanded_.clone()); }

bool verify(const PublicKey& key, ByteView message, const Signature& signature) {
  return careledger_ed25519_verify(in(key.view()), in(message), message.size(), in(signature.view()));
}

std::vector<bool> verify_batch(std::span<const SignedItem> items) {
  std::vector<bool> holds(items.size(), true);
  for (std::size_t start = 0; start < items.size();) {
    const auto chunk = items.subspan(start, chunk_size(items.size() - start));
    const bool all = chunk.size() > 1 && verify_all(chunk);
    for (std::size_t i = 0; i < chunk.size() && !all; ++i) {
      holds[start + i] = verify(chunk[i].key, chunk[i].message, chunk[i].signature);
    }
    start += chunk.size();
  }
  return holds;
}

}  // namespace careledger::crypto
