// Zstandard with a dictionary trained on FHIR resources, because most are about a kilobyte and alike. For src/vault alone.
// Thread-safety: safe from any thread (contexts a thread inside).
#pragma once

#include "base/bytes.h"
#include "base/result.h"

namespace careledger::vault {

Bytes compress(ByteView plain);                                   // a byte that names the method, then the frame
Result<Bytes> decompress(ByteView packed, std::size_t size_max);  // corrupt, too_large

}  // namespace careledger::vault
