#include "replica/packed_row.h"

#include <zstd.h>

#include "base/assert.h"

namespace careledger::replica {
namespace {

// Before a frame. No message begins with it: it would be the tag of a field 0, which protobuf does not have.
constexpr char kPacked = 1;
constexpr std::size_t kWorthIt = 2048;       // bytes from which on a row is packed
constexpr std::size_t kRowMax = 256u << 20;  // well above what the largest block holds
constexpr int kLevel = 1;                    // higher ones gain nothing on digests and signatures

}  // namespace

Bytes pack_row(Bytes message) {
  CARELEDGER_ASSERT(message.empty() || message.front() != kPacked);
  if (message.size() < kWorthIt) return message;
  Bytes out(1 + ZSTD_compressBound(message.size()), kPacked);
  const std::size_t size = ZSTD_compress(out.data() + 1, out.size() - 1, message.data(), message.size(), kLevel);
  CARELEDGER_ASSERT(ZSTD_isError(size) == 0);
  if (1 + size >= message.size()) return message;
  out.resize(1 + size);
  return out;
}

Result<Bytes> unpack_row(ByteView stored) {
  if (stored.empty() || stored.front() != kPacked) return Bytes(stored);
  stored.remove_prefix(1);
  const auto damaged = [] { return fail(ErrorKind::corrupt, "a packed row does not unpack"); };
  const unsigned long long size = ZSTD_getFrameContentSize(stored.data(), stored.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kRowMax) return damaged();
  Bytes out(size, '\0');
  const std::size_t got = ZSTD_decompress(out.data(), out.size(), stored.data(), stored.size());
  if (ZSTD_isError(got) != 0 || got != size) return damaged();
  return out;
}

}  // namespace careledger::replica
