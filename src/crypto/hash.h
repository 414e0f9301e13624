// SHA-256, HMAC and HKDF. Everything hashed in CareLedger is hashed here.
//
// Thread-safety: all free functions are safe from any thread. They cannot fail: an error from the library is a bug of ours or a
// broken machine, and asserts. A Sha256 belongs to one thread at a time.
#pragma once

#include <initializer_list>
#include <memory>

#include "base/bytes.h"
#include "base/ids.h"

namespace careledger::crypto {

class Secret;  // crypto/secret.h

Digest sha256(ByteView data);
Digest sha256(std::initializer_list<ByteView> parts);  // of the concatenation: only where the parts have fixed widths

// H(tag, fields…): SHA-256 over tag and fields, each with its length before it (append_field). The only hash of several fields of
// variable width. `tag` names the purpose and its version, for example "careledger/record/1".
Digest tagged_hash(ByteView tag, std::initializer_list<ByteView> fields);

Digest hmac_sha256(ByteView key, ByteView data);  // RFC 2104

// Keys that follow from keys: made in the locked memory where they stay, with no copy left on the way.
void sha256_into(Secret& digest, std::initializer_list<ByteView> parts);               // 32 bytes (asserted); may be one of the parts
Secret hmac_key(const Secret& key, ByteView label);                                    // HMAC-SHA256: 32 bytes
Secret hkdf_sha256(ByteView secret, ByteView salt, ByteView info, std::size_t count);  // RFC 5869; count <= 8160

// HMAC under one key, absorbed once, for many messages in a row. It stands for the key: it lies in locked memory and wipes itself; keep it
// as long as the work takes and no longer. One thread at a time.
class HmacSha256 {
 public:
  explicit HmacSha256(ByteView key);
  ~HmacSha256();
  HmacSha256(const HmacSha256&) = delete;
  HmacSha256& operator=(const HmacSha256&) = delete;
  Digest mac(ByteView data) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Sha256 {  // one stream; not thread-safe
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(ByteView data);
  Digest finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace careledger::crypto
