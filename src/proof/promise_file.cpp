#include "proof/promise_file.h"

#include "proof/canonical.h"

namespace careledger::proof {

Bytes encode_promise_file(const ledger::SignedPromise& promise) { return Bytes(kPromiseMagic) + canonical_bytes(promise); }

Result<ledger::SignedPromise> decode_promise_file(ByteView bytes) {
  constexpr std::size_t kVersionAt = 4;  // of the digit in the magic
  if (bytes.size() > kMaxPromiseFile) return fail(ErrorKind::too_large, "a promise has at most 8 KiB");
  if (bytes.size() < kPromiseMagic.size() || !bytes.starts_with(kPromiseMagic.substr(0, kVersionAt)))
    return fail(ErrorKind::malformed, "this is no file of a promise");
  if (!bytes.starts_with(kPromiseMagic)) return fail(ErrorKind::newer_format, "the promise was written by a newer program");
  return from_canonical<ledger::SignedPromise>(bytes.substr(kPromiseMagic.size()), "promise", kMaxPromiseFile);
}

}  // namespace careledger::proof
