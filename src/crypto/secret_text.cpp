#include "crypto/secret_text.h"

#include <openssl/evp.h>
#include <sodium.h>

#include "base/assert.h"
#include "crypto/bytes_cast.h"

namespace careledger::crypto {
namespace {

// The libraries end their text with a zero byte, which is left out here.
Secret without_end(const Secret& text) { return Secret::copy_of(text.view().substr(0, text.size() - 1)); }

}  // namespace

Secret secret_to_hex(const Secret& secret) {
  Secret text(2 * secret.size() + 1);
  sodium_bin2hex(text.data(), text.size(), in(secret.view()), secret.size());
  return without_end(text);
}

std::optional<Secret> secret_from_hex(ByteView text) {
  if (text.size() % 2 != 0) return std::nullopt;
  if (text.empty()) return Secret::copy_of({});  // the library takes no null pointer, not even of nothing
  Secret secret(text.size() / 2);
  std::size_t size = 0;
  const char* end = nullptr;
  const bool read = sodium_hex2bin(out(secret.data()), secret.size(), text.data(), text.size(), nullptr, &size, &end) == 0;
  if (!read || size != secret.size() || end != text.data() + text.size()) return std::nullopt;
  return secret;
}

Secret secret_to_base64(const Secret& secret) {
  Secret text((secret.size() + 2) / 3 * 4 + 1);
  const int size = EVP_EncodeBlock(out(text.data()), in(secret.view()), static_cast<int>(secret.size()));
  CARELEDGER_ASSERT(size + 1 == static_cast<int>(text.size()));
  return without_end(text);
}

}  // namespace careledger::crypto
