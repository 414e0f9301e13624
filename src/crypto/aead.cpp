#include "crypto/aead.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>

#include "base/assert.h"
#include "crypto/bytes_cast.h"

namespace careledger::crypto {
namespace {

constexpr std::size_t kUpdateMax = std::size_t{1} << 30;            // EVP counts in int
constexpr std::uint64_t kPlainMax = (std::uint64_t{1} << 36) - 32;  // NIST SP 800-38D, section 5.2.1.1
constexpr std::size_t kAesBlock = 16;

// OpenSSL 3 looks an algorithm up by name at each use unless it was fetched once; these live as long as the process.
const EVP_CIPHER* fetched(const char* name) {
  const EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, name, nullptr);
  CARELEDGER_ASSERT(cipher != nullptr);
  return cipher;
}

const EVP_CIPHER* gcm() {
  static const EVP_CIPHER* const cipher = fetched("AES-256-GCM");
  return cipher;
}

const EVP_CIPHER* ctr() {
  static const EVP_CIPHER* const cipher = fetched("AES-256-CTR");
  return cipher;
}

// The thread's context for one operation. Resetting it afterwards wipes the key schedule, which is as good as the key.
class Operation {
 public:
  Operation() : context_(thread_context()) {}
  ~Operation() { EVP_CIPHER_CTX_reset(context_); }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  EVP_CIPHER_CTX* get() { return context_; }

  void update(unsigned char* to, ByteView from) {  // `to` null: associated data
    while (!from.empty()) {
      const std::size_t count = std::min(from.size(), kUpdateMax);
      int written = 0;
      CARELEDGER_ASSERT(EVP_CipherUpdate(context_, to, &written, in(from), static_cast<int>(count)) == 1);
      CARELEDGER_ASSERT(written == static_cast<int>(count));
      if (to != nullptr) to += count;
      from.remove_prefix(count);
    }
  }

 private:
  static EVP_CIPHER_CTX* thread_context() {
    struct Owner {
      EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
      ~Owner() { EVP_CIPHER_CTX_free(context); }
    };
    thread_local const Owner owner;
    CARELEDGER_ASSERT(owner.context != nullptr);
    return owner.context;
  }

  EVP_CIPHER_CTX* context_;
};

void begin_gcm(Operation& operation, const Secret& key, ByteView nonce, ByteView associated, bool seal) {
  CARELEDGER_ASSERT(key.size() == kAeadKeySize && nonce.size() == kAeadNonceSize);
  CARELEDGER_ASSERT(EVP_CipherInit_ex2(operation.get(), gcm(), in(key.view()), in(nonce), seal ? 1 : 0, nullptr) == 1);
  operation.update(nullptr, associated);
}

// Writes the plain text to `plain`, which holds sealed.size() - kAeadTagSize bytes; false, and `plain` wiped, when the tag is wrong.
bool open_into(char* plain, const Secret& key, ByteView nonce, ByteView associated, ByteView sealed) {
  const std::size_t size = sealed.size() - kAeadTagSize;
  std::array<char, kAeadTagSize> tag{};
  std::copy(sealed.end() - kAeadTagSize, sealed.end(), tag.begin());
  Operation operation;
  begin_gcm(operation, key, nonce, associated, false);
  operation.update(out(plain), sealed.substr(0, size));
  CARELEDGER_ASSERT(EVP_CIPHER_CTX_ctrl(operation.get(), EVP_CTRL_AEAD_SET_TAG, kAeadTagSize, tag.data()) == 1);
  unsigned char none[kAesBlock];
  int written = 0;
  if (EVP_CipherFinal_ex(operation.get(), none, &written) == 1) return true;
  OPENSSL_cleanse(plain, size);
  return false;
}

tl::unexpected<Error> refused() { return fail(ErrorKind::corrupt, "sealed bytes do not open"); }

}  // namespace

Bytes aead_seal(const Secret& key, ByteView nonce, ByteView associated, ByteView plain) {
  CARELEDGER_ASSERT(plain.size() <= kPlainMax);
  Bytes sealed(plain.size() + kAeadTagSize, '\0');
  Operation operation;
  begin_gcm(operation, key, nonce, associated, true);
  operation.update(out(sealed.data()), plain);
  char* tag = sealed.data() + plain.size();
  int written = 0;
  CARELEDGER_ASSERT(EVP_CipherFinal_ex(operation.get(), out(tag), &written) == 1 && written == 0);
  CARELEDGER_ASSERT(EVP_CIPHER_CTX_ctrl(operation.get(), EVP_CTRL_AEAD_GET_TAG, kAeadTagSize, tag) == 1);
  return sealed;
}

Result<Bytes> aead_open(const Secret& key, ByteView nonce, ByteView associated, ByteView sealed) {
  if (sealed.size() < kAeadTagSize || sealed.size() - kAeadTagSize > kPlainMax) return refused();
  Bytes plain(sealed.size() - kAeadTagSize, '\0');
  if (!open_into(plain.data(), key, nonce, associated, sealed)) return refused();
  return plain;
}

Result<Secret> aead_open_secret(const Secret& key, ByteView nonce, ByteView associated, ByteView sealed) {
  if (sealed.size() < kAeadTagSize || sealed.size() - kAeadTagSize > kPlainMax) return refused();
  Secret plain(sealed.size() - kAeadTagSize);
  if (!open_into(plain.data(), key, nonce, associated, sealed)) return refused();
  return plain;
}

void aes256_ctr_xor(const Secret& key, ByteView iv16, std::uint64_t offset, char* data, std::size_t count) {
  CARELEDGER_ASSERT(key.size() == kAeadKeySize && iv16.size() == kAesBlock);
  std::array<char, kAesBlock> counter{};
  std::copy(iv16.begin(), iv16.end(), counter.begin());
  std::uint64_t carry = offset / kAesBlock;  // counter + carry, big-endian, modulo 2^128
  for (std::size_t i = kAesBlock; i-- > 0 && carry != 0;) {
    carry += static_cast<unsigned char>(counter[i]);
    counter[i] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  Operation operation;
  CARELEDGER_ASSERT(EVP_CipherInit_ex2(operation.get(), ctr(), in(key.view()), in(counter.data()), 1, nullptr) == 1);
  std::array<char, kAesBlock> skipped{};
  operation.update(out(skipped.data()), {skipped.data(), offset % kAesBlock});
  operation.update(out(data), {data, count});
}

}  // namespace careledger::crypto
