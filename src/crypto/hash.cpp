#include "crypto/hash.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/assert.h"
#include "crypto/bytes_cast.h"
#include "crypto/secret.h"
#include "crypto/secret_arena.h"

// OpenSSL 3 deprecates the low-level SHA-256 calls in favour of EVP. They run the same assembly (SHA-NI) without the provider
// machinery around it: 60 ns instead of 94 ns for a tree node of 64 bytes, and nodes are most of what is hashed. This file is the
// only one that may use them.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace careledger::crypto {
namespace {

constexpr std::size_t kBlockSize = SHA256_CBLOCK;
constexpr std::size_t kDigestSize = SHA256_DIGEST_LENGTH;

void update(SHA256_CTX& context, ByteView data) { CARELEDGER_ASSERT(SHA256_Update(&context, data.data(), data.size()) == 1); }

SHA256_CTX begin() {
  SHA256_CTX context;
  CARELEDGER_ASSERT(SHA256_Init(&context) == 1);
  return context;
}

void end(SHA256_CTX& context, char* digest) { CARELEDGER_ASSERT(SHA256_Final(out(digest), &context) == 1); }

Digest end(SHA256_CTX& context) {
  Digest digest;
  end(context, digest.value.data());
  return digest;
}

// Of a finished context, which holds its digest, when that is a key.
void wipe(SHA256_CTX& context) { OPENSSL_cleanse(&context, sizeof context); }

void update_field(SHA256_CTX& context, ByteView field) {
  CARELEDGER_ASSERT(field.size() <= 0xffffffffu);
  const auto size = static_cast<std::uint32_t>(field.size());
  const char prefix[4] = {static_cast<char>(size >> 24), static_cast<char>(size >> 16), static_cast<char>(size >> 8),
                          static_cast<char>(size)};
  update(context, {prefix, sizeof prefix});
  update(context, field);
}

// The two halves of an HMAC key, absorbed once; HKDF and HMAC continue from copies. Wiped, because they stand for the key.
class HmacKey {
 public:
  explicit HmacKey(ByteView key) : inner_(begin()), outer_(begin()) {
    std::array<char, kBlockSize> block{};
    if (key.size() > kBlockSize) {
      Digest digest = sha256(key);
      std::memcpy(block.data(), digest.value.data(), kDigestSize);
      OPENSSL_cleanse(&digest, sizeof digest);
    } else if (!key.empty()) {
      std::memcpy(block.data(), key.data(), key.size());
    }
    for (char& byte : block) byte = static_cast<char>(byte ^ 0x36);
    update(inner_, {block.data(), kBlockSize});
    for (char& byte : block) byte = static_cast<char>(byte ^ 0x36 ^ 0x5c);
    update(outer_, {block.data(), kBlockSize});
    OPENSSL_cleanse(block.data(), block.size());
  }
  ~HmacKey() {
    wipe(inner_);
    wipe(outer_);
  }
  HmacKey(const HmacKey&) = delete;
  HmacKey& operator=(const HmacKey&) = delete;

  Digest mac(std::initializer_list<ByteView> parts) const {
    Digest tag;
    SHA256_CTX context = absorbed(parts, tag.value.data());
    end(context, tag.value.data());
    return tag;  // what the context holds now is the tag, not the key
  }
  // A tag that is a key itself; where it goes may be one of the parts.
  void key(std::initializer_list<ByteView> parts, char* tag) const {
    SHA256_CTX context = absorbed(parts, tag);
    end(context, tag);
    wipe(context);
  }

 private:
  SHA256_CTX absorbed(std::initializer_list<ByteView> parts, char* between) const {
    SHA256_CTX context = inner_;
    for (const ByteView part : parts) update(context, part);
    end(context, between);
    context = outer_;
    update(context, {between, kDigestSize});
    return context;
  }

  SHA256_CTX inner_;
  SHA256_CTX outer_;
};

}  // namespace

Digest sha256(ByteView data) { return sha256({data}); }

Digest sha256(std::initializer_list<ByteView> parts) {
  SHA256_CTX context = begin();
  for (const ByteView part : parts) update(context, part);
  return end(context);
}

Digest tagged_hash(ByteView tag, std::initializer_list<ByteView> fields) {
  SHA256_CTX context = begin();
  update_field(context, tag);
  for (const ByteView field : fields) update_field(context, field);
  return end(context);
}

Digest hmac_sha256(ByteView key, ByteView data) { return HmacKey(key).mac({data}); }

void sha256_into(Secret& digest, std::initializer_list<ByteView> parts) {
  CARELEDGER_ASSERT(digest.size() == kDigestSize);
  SHA256_CTX context = begin();
  for (const ByteView part : parts) update(context, part);
  end(context, digest.data());
  wipe(context);
}

Secret hmac_key(const Secret& key, ByteView label) {
  Secret made(kDigestSize);
  HmacKey(key.view()).key({label}, made.data());
  return made;
}

Secret hkdf_sha256(ByteView secret, ByteView salt, ByteView info, std::size_t count) {
  CARELEDGER_ASSERT(count <= 255 * kDigestSize);
  Secret block(kDigestSize);
  HmacKey(salt).key({secret}, block.data());  // an absent salt is zeros, which is what an empty HMAC key is padded to
  const HmacKey key(block.view());
  Secret expanded(count);
  for (std::size_t made = 0, number = 1; made < count; made += kDigestSize, ++number) {
    const char counter = static_cast<char>(number);
    key.key({number == 1 ? ByteView() : block.view(), info, {&counter, 1}}, block.data());
    block.view().copy(expanded.data() + made, count - made);
  }
  return expanded;
}

struct HmacSha256::State {
  explicit State(ByteView bytes) : key(bytes) {}
  static void* operator new(std::size_t size) { return SecretArena::instance().allocate(size); }
  static void operator delete(void* state, std::size_t size) noexcept { SecretArena::instance().release(static_cast<char*>(state), size); }
  HmacKey key;
};

HmacSha256::HmacSha256(ByteView key) : state_(std::make_unique<State>(key)) {}
HmacSha256::~HmacSha256() = default;
Digest HmacSha256::mac(ByteView data) const { return state_->key.mac({data}); }

struct Sha256::State {
  SHA256_CTX context;
  bool finished;
};

Sha256::Sha256() : state_(std::make_unique<State>(State{begin(), false})) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteView data) {
  CARELEDGER_ASSERT(state_ != nullptr && !state_->finished);
  crypto::update(state_->context, data);
}

Digest Sha256::finish() {
  CARELEDGER_ASSERT(state_ != nullptr && !state_->finished);
  state_->finished = true;
  return end(state_->context);
}

}  // namespace careledger::crypto
