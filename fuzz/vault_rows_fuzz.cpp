// What a vault reads back from its own disk, which somebody else may have written to: the keystore's header, rows of the store, entries of
// the audit map; and page tokens, which come back from clients. By the input's first byte. What was read says the same when written again.
#include "base/assert.h"
#include "crypto/secret.h"
#include "vault/audit_entry.h"
#include "vault/keystore_file.h"
#include "vault/layout.h"
#include "vault/page_token.h"

using namespace careledger;

namespace {

void keystore(ByteView bytes) {
  ByteView rest;
  if (const auto header = vault::read_keystore_header(bytes, &rest))
    CARELEDGER_ASSERT(header->salt.size() == 16 && rest.size() <= bytes.size());
}

void rows(ByteView bytes) {
  if (const auto row = vault::decode_version_row(bytes)) CARELEDGER_ASSERT(vault::encode(*row) == bytes);
  if (const auto row = vault::decode_visible(bytes)) CARELEDGER_ASSERT(vault::encode(*row) == bytes);
  if (const auto row = vault::decode_outbox_row(bytes)) CARELEDGER_ASSERT(vault::encode(*row) == bytes);
  if (const auto row = vault::decode_anchor_row(bytes)) CARELEDGER_ASSERT(vault::encode(*row) == bytes);
}

void keys(ByteView bytes) {
  if (const auto name = vault::decode_version_key(bytes))
    CARELEDGER_ASSERT(vault::version_key(name->type, name->id, name->version) == bytes);
  if (const auto name = vault::decode_index_key(bytes, 0)) static_cast<void>(vault::unescape_term(name->escaped_term));
}

void entry(ByteView bytes) {
  if (const auto read = vault::read_entry_bytes(bytes)) CARELEDGER_ASSERT(vault::entry_bytes(*read) == bytes);
}

void page_token(ByteView text) {
  static SeededEntropy entropy(1);
  static const crypto::Secret key = crypto::Secret::random(entropy, 32);
  CARELEDGER_ASSERT(!vault::open_page_token(text, {}, "clinician", {0}, key));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0: keystore(bytes); break;
    case 1: rows(bytes); break;
    case 2: keys(bytes); break;
    case 3: entry(bytes); break;
    case 4: page_token(bytes); break;
  }
  return 0;
}
