// Bytes of a keystore file (docs/formats/keystore.md) and of the secret that seals it. For src/vault alone.
#pragma once

#include <string>
#include <vector>

#include "vault/keystore.h"

namespace careledger::vault {

struct Slot {
  Purpose purpose = Purpose::files;
  crypto::Algorithm algorithm = crypto::Algorithm::ed25519;  // 0 in the file for symmetric keys
  bool retired = false;
  std::string label;
  BlockTime created;
  std::uint64_t generation = 0;
  crypto::Secret key;
};

inline constexpr std::size_t kKeystoreBytesMax = 16u << 20;
inline constexpr std::uint32_t kSlotsMax = 100'000;
inline constexpr std::size_t kLabelBytesMax = 64;  // so that as many slots as there may be fit the file

struct KeystoreHeader {  // readable without a key, authenticated with it
  std::uint8_t method = 0;
  std::string hint;
  Bytes salt;  // 16 bytes
  crypto::PasswordCost cost;
};

Result<KeystoreHeader> read_keystore_header(ByteView file, ByteView* rest);  // corrupt, newer_format
Bytes write_keystore(const KeystoreHeader& header, const crypto::Secret& wrap, const std::vector<Slot>& slots, Entropy& entropy);
Result<std::vector<Slot>> read_keystore(ByteView file, const crypto::Secret& wrap);  // wrong_key, corrupt

bool is_symmetric(Purpose purpose);

}  // namespace careledger::vault
