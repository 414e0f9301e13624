#include "crypto/secret.h"

#include <openssl/crypto.h>

#include <cstring>
#include <utility>

#include "crypto/secret_arena.h"

namespace careledger::crypto {

Secret::Secret(std::size_t size) : data_(size == 0 ? nullptr : SecretArena::instance().allocate(size)), size_(size) {}

Secret Secret::copy_of(ByteView bytes) {
  Secret secret(bytes.size());
  if (!bytes.empty()) std::memcpy(secret.data_, bytes.data(), bytes.size());
  return secret;
}

Secret Secret::random(Entropy& entropy, std::size_t size) {
  Secret secret(size);
  if (size != 0) entropy.fill(secret.data_, size);
  return secret;
}

Secret::~Secret() {
  if (data_ != nullptr) SecretArena::instance().release(data_, size_);
}

Secret::Secret(Secret&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  Secret moved(std::move(other));
  std::swap(data_, moved.data_);
  std::swap(size_, moved.size_);
  return *this;
}

Secret Secret::clone() const { return copy_of(view()); }

bool memory_is_locked() { return SecretArena::instance().locked(); }

void wipe(Bytes& bytes) {
  bytes.resize(bytes.capacity());  // a shortened string keeps its old end
  OPENSSL_cleanse(bytes.data(), bytes.size());
  bytes.clear();
}

}  // namespace careledger::crypto
