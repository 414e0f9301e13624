#include "vault/compress.h"

#include <zstd.h>

#include <memory>

#include "base/assert.h"
#include "vault/dictionary.h"

namespace careledger::vault {
namespace {

constexpr char kStored = 0;       // as it is
constexpr char kDictionary1 = 1;  // Zstandard with the dictionary of dictionary.h
constexpr int kLevel = 3;

struct Context {
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> pack{ZSTD_createCCtx(), ZSTD_freeCCtx};
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> unpack{ZSTD_createDCtx(), ZSTD_freeDCtx};
};

Context& context() {
  thread_local Context one;
  return one;
}

const ZSTD_CDict* packing_dictionary() {
  static const ZSTD_CDict* const one = ZSTD_createCDict(dictionary().data(), dictionary().size(), kLevel);
  return one;
}

const ZSTD_DDict* unpacking_dictionary() {
  static const ZSTD_DDict* const one = ZSTD_createDDict(dictionary().data(), dictionary().size());
  return one;
}

}  // namespace

Bytes compress(ByteView plain) {
  Bytes out(1 + ZSTD_compressBound(plain.size()), kDictionary1);
  const std::size_t size =
      ZSTD_compress_usingCDict(context().pack.get(), out.data() + 1, out.size() - 1, plain.data(), plain.size(), packing_dictionary());
  CARELEDGER_ASSERT(ZSTD_isError(size) == 0);
  if (size >= plain.size()) return Bytes(1, kStored).append(plain);
  out.resize(1 + size);
  return out;
}

Result<Bytes> decompress(ByteView packed, std::size_t size_max) {
  const auto damaged = [] { return fail(ErrorKind::corrupt, "a compressed record is damaged"); };
  if (packed.empty()) return damaged();
  const char method = packed.front();
  packed.remove_prefix(1);
  if (method == kStored) return Bytes(packed);
  if (method != kDictionary1)
    return fail(ErrorKind::newer_format, "a record is compressed in a way that this version of the program does not know");
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) return damaged();
  if (size > size_max) return fail(ErrorKind::too_large, "a compressed record is larger than any record may be");
  Bytes out(size, '\0');
  const std::size_t got =
      ZSTD_decompress_usingDDict(context().unpack.get(), out.data(), out.size(), packed.data(), packed.size(), unpacking_dictionary());
  if (ZSTD_isError(got) != 0 || got != size) return damaged();
  return out;
}

}  // namespace careledger::vault
