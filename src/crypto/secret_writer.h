// Fills a Secret from the front: a plain text that holds keys, made where it may lie. A string would leave copies where it grew.
//
// One thread.
#pragma once

#include "base/assert.h"
#include "crypto/secret.h"

namespace careledger::crypto {

class SecretWriter {
 public:
  explicit SecretWriter(std::size_t size) : secret_(size) {}  // of all that will be put
  void put(ByteView bytes) {
    CARELEDGER_ASSERT(bytes.size() <= secret_.size() - filled_);
    filled_ += bytes.copy(secret_.data() + filled_, bytes.size());
  }
  Secret take() && {
    CARELEDGER_ASSERT(filled_ == secret_.size());
    return std::move(secret_);
  }

 private:
  Secret secret_;
  std::size_t filled_ = 0;
};

}  // namespace careledger::crypto
