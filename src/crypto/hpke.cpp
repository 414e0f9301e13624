#include "crypto/hpke.h"

#include "base/assert.h"
#include "crypto/aead.h"
#include "crypto/bytes_cast.h"
#include "crypto/rust_abi.h"

namespace careledger::crypto {
namespace {

constexpr std::size_t kKeySize = 32;
constexpr std::uint16_t kAes256Gcm = 2;

CareledgerHpkeContext base_mode(ByteView info) {
  CareledgerHpkeContext context{};
  context.aead = kAes256Gcm;
  context.info = in(info);
  context.info_size = info.size();
  return context;
}

}  // namespace

OpeningKey::OpeningKey(Secret bytes, SealingKey public_key) : bytes_(std::move(bytes)), public_key_(public_key) {}

OpeningKey OpeningKey::generate(Entropy& entropy) {
  auto key = from_bytes(Secret::random(entropy, kKeySize));
  CARELEDGER_ASSERT(key.has_value());
  return std::move(*key);
}

Result<OpeningKey> OpeningKey::from_bytes(const Secret& bytes) {
  if (bytes.size() != kKeySize) return fail(ErrorKind::malformed, "opening key: expected 32 bytes");
  SealingKey public_key;
  careledger_x25519_public_key(in(bytes.view()), out(public_key.value.data()));
  return OpeningKey(bytes.clone(), public_key);
}

OpeningKey OpeningKey::clone() const { return OpeningKey(bytes_.clone(), public_key_); }

Result<Sealed> hpke_seal(const SealingKey& to, ByteView info, ByteView associated, ByteView plain, Entropy& entropy) {
  const auto context = base_mode(info);
  const Secret random = Secret::random(entropy, kKeySize);
  Sealed sealed;
  sealed.encapsulated.resize(kKeySize);
  sealed.ciphertext.reserve(plain.size() + kAeadTagSize);
  sealed.ciphertext.append(plain).append(kAeadTagSize, '\0');
  char* text = sealed.ciphertext.data();
  if (!careledger_hpke_seal(&context, in(to.view()), in(random.view()), in(associated), associated.size(), out(text), plain.size(),
                            out(sealed.encapsulated.data()), out(text + plain.size()))) {
    wipe(sealed.ciphertext);
    return fail(ErrorKind::invalid, "sealing key: not a usable X25519 public key");
  }
  return sealed;
}

Result<Bytes> hpke_open(const OpeningKey& key, const Sealed& sealed, ByteView info, ByteView associated) {
  const auto refused = [] { return fail(ErrorKind::corrupt, "sealed message does not open"); };
  if (sealed.encapsulated.size() != kKeySize || sealed.ciphertext.size() < kAeadTagSize) return refused();
  const auto context = base_mode(info);
  Bytes plain = sealed.ciphertext.substr(0, sealed.ciphertext.size() - kAeadTagSize);
  if (!careledger_hpke_open(&context, in(key.bytes().view()), in(sealed.encapsulated), in(associated), associated.size(), out(plain.data()),
                            plain.size(), in(sealed.ciphertext.data() + plain.size()))) {
    wipe(plain);
    return refused();
  }
  return plain;
}

}  // namespace careledger::crypto
