// The C interface of the Rust library (rust/src), as C++ sees it. For src/crypto only.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct CareledgerSignedItem {
  const unsigned char* key;         // 32 bytes
  const unsigned char* signature;   // 64 bytes
  const unsigned char* message;
  std::size_t message_size;
};

bool careledger_ed25519_verify(const unsigned char* key, const unsigned char* message, std::size_t message_size,
                               const unsigned char* signature);
// True when all hold. `random`: 16 bytes an item.
bool careledger_ed25519_verify_batch(const CareledgerSignedItem* items, std::size_t count, const unsigned char* random);
}
