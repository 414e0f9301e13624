// Key pages and keystores: files of any bytes, and what stands inside such a file when its seal holds. By the input's first byte.
#include "crypto/aead.h"
#include "scratch.h"
#include "vault/key_tree.h"
#include "vault/keystore_file.h"

using namespace careledger;

namespace {

struct Stand {
  fuzz::Scratch scratch;
  ManualClock clock;
  SeededEntropy entropy{7};
  std::unique_ptr<vault::Keystore> keys = vault::Keystore::in_memory(clock, entropy);
  crypto::Secret root = crypto::Secret::random(entropy, 32);
  Bytes header;  // of a keystore

  Stand() {
    CARELEDGER_ASSERT(keys->replace_symmetric(vault::Purpose::records, root, 1).has_value());
    CARELEDGER_ASSERT(system_files().make_folder(scratch.path("keys")).has_value());
    const Bytes file = vault::write_keystore({2, "/key", Bytes(16, 's'), {}}, root, {}, entropy);
    ByteView rest;
    CARELEDGER_ASSERT(vault::read_keystore_header(file, &rest).has_value());
    header = file.substr(0, file.size() - rest.size());
  }
  Bytes sealed(const Bytes& head, ByteView plain) {
    const Bytes nonce = entropy.take(crypto::kAeadNonceSize);
    return head + nonce + crypto::aead_seal(root, nonce, head, plain);
  }
};

Stand& stand() {
  static Stand made;
  return made;
}

// A version has a secret, or was erased; erasing one leaves the others what they were.
void pages(ByteView file) {
  Stand& s = stand();
  static_cast<void>(s.scratch.with("keys/keys.1", file));
  const auto tree = vault::KeyTree::open(s.scratch.path("keys"), *s.keys, s.entropy);
  if (!tree) return;
  for (const std::uint64_t number : {0ull, 1ull, 300ull, (1ull << 40) - 1})
    CARELEDGER_ASSERT((*tree)->secret(number).has_value() != (*tree)->erased(number));
}

Bytes pages_head() {
  Bytes head("careledger-keys");
  append_u16(head, 1);
  append_u64(head, 1);
  return head;
}

void keystore(ByteView file) {
  const auto slots = vault::read_keystore(file, stand().root);
  if (!slots) return;
  const auto header = vault::read_keystore_header(file, nullptr);
  const auto again = vault::read_keystore(vault::write_keystore(*header, stand().root, *slots, stand().entropy), stand().root);
  CARELEDGER_ASSERT(again && again->size() == slots->size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: pages(bytes); break;
    case 1: pages(stand().sealed(pages_head(), bytes)); break;
    case 2: keystore(bytes); break;
    case 3: keystore(stand().sealed(stand().header, bytes)); break;
  }
  return 0;
}
