// The C interface of the Rust library, as C++ sees it; rust/src says what each function does and wants. For src/crypto only.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct CareledgerSignedItem {
  const unsigned char* key;        // 32 bytes
  const unsigned char* signature;  // 64 bytes
  const unsigned char* message;
  std::size_t message_size;
};

bool careledger_ed25519_verify(const unsigned char* key, const unsigned char* message, std::size_t message_size,
                               const unsigned char* signature);
// True when all hold. `random`: 16 bytes an item.
bool careledger_ed25519_verify_batch(const CareledgerSignedItem* items, std::size_t count, const unsigned char* random);

struct CareledgerHpkeContext {
  std::uint16_t aead;      // RFC 9180, section 7.3: 1 AES-128-GCM, 2 AES-256-GCM, 3 ChaCha20Poly1305
  std::uint32_t sequence;  // number of the message in its context; 0 to open
  const unsigned char* info;
  std::size_t info_size;
  const unsigned char* psk;
  std::size_t psk_size;
  const unsigned char* psk_id;
  std::size_t psk_id_size;
  const unsigned char* sender;  // null, or 32 bytes: private key to seal, public key to open
};

void careledger_x25519_public_key(const unsigned char* key, unsigned char* public_key);
bool careledger_hpke_seal(const CareledgerHpkeContext* context, const unsigned char* recipient, const unsigned char* random32,
                          const unsigned char* associated, std::size_t associated_size, unsigned char* text, std::size_t count,
                          unsigned char* encapsulated32, unsigned char* tag16);
bool careledger_hpke_open(const CareledgerHpkeContext* context, const unsigned char* key, const unsigned char* encapsulated,
                          const unsigned char* associated, std::size_t associated_size, unsigned char* text, std::size_t count,
                          const unsigned char* tag16);
}
