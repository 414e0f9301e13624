// Any bytes: the parser refuses them, or what it read is written and read again without a change.
#include <cstdint>

#include "base/assert.h"
#include "codec/json/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace careledger;
  namespace json = codec::json;
  const ByteView text(reinterpret_cast<const char*>(data), size);
  const json::Limits limits{.bytes = 1 << 20, .depth = 64, .values = 100'000, .string_bytes = 1 << 16};
  const auto document = json::parse(text, limits);
  const auto owned = json::parse_owned(Bytes(text), limits);
  CARELEDGER_ASSERT(document.has_value() == owned.has_value());
  if (!document) return 0;
  CARELEDGER_ASSERT(json::is_utf8(text));
  const Bytes written = json::compact(document->root());
  CARELEDGER_ASSERT(json::compact(owned->root()) == written);
  const auto again = json::parse(written);
  CARELEDGER_ASSERT(again && json::compact(again->root()) == written);
  const Bytes canonical = json::canonical(document->root());
  const auto sorted = json::parse(canonical);
  CARELEDGER_ASSERT(sorted && json::compact(sorted->root()) == canonical && json::canonical(sorted->root()) == canonical);
  const auto spaced = json::parse(json::pretty(document->root()));
  CARELEDGER_ASSERT(spaced && json::compact(spaced->root()) == written);
  json::Document copy;
  copy.root() = copy.copy(document->root());
  CARELEDGER_ASSERT(json::compact(copy.root()) == written);
  return 0;
}
