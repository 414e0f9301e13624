// A custodian's promise as a file: what a requester hands to whoever is to judge it, beside a complete list of accesses
// (docs/formats/promise.md). "CLPR1\n" and one SignedPromise in canonical form.
//
// Thread-safety: pure functions.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "proof/ledger.pb.h"

namespace careledger::proof {

inline constexpr ByteView kPromiseMagic = "CLPR1\n";
inline constexpr std::size_t kMaxPromiseFile = 8 * 1024;  // bytes

Bytes encode_promise_file(const ledger::SignedPromise& promise);
// malformed or too_large unless the bytes are exactly what encode_promise_file() gives; newer_format. Says nothing about truth.
Result<ledger::SignedPromise> decode_promise_file(ByteView bytes);

}  // namespace careledger::proof
