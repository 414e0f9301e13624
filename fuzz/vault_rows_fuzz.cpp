// What a vault reads back from its own disk, which somebody else may have written to: rows of the store, packed bodies, entries and rows of
// the audit map; and page tokens, which come back from clients. By the input's first byte. What was read says the same when written again.
#include "base/assert.h"
#include "crypto/secret.h"
#include "vault/audit_entry.h"
#include "vault/audit_tree.h"
#include "vault/compress.h"
#include "vault/layout.h"
#include "vault/page_token.h"

using namespace careledger;

namespace {

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

// One subject's edge of the map, as the store keeps it.
void spine(ByteView bytes) {
  const auto read = vault::Spine::decode({}, bytes);
  if (!read) return;
  CARELEDGER_ASSERT(read->encode() == bytes);
  static_cast<void>(read->root());
}

void body(ByteView bytes) {
  constexpr std::size_t kMax = 100'000;
  if (const auto plain = vault::decompress(bytes, kMax)) CARELEDGER_ASSERT(plain->size() <= kMax);
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
  switch (data[0] % 6) {
    case 0: body(bytes); break;
    case 1: rows(bytes); break;
    case 2: keys(bytes); break;
    case 3: entry(bytes); break;
    case 4: page_token(bytes); break;
    case 5: spine(bytes); break;
  }
  return 0;
}
