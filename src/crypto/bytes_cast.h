// Bytes are char here and unsigned char in C libraries; the two casts live in one place.
#pragma once

#include "base/bytes.h"

namespace careledger::crypto {

inline const unsigned char* in(const char* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }
inline const unsigned char* in(ByteView bytes) { return in(bytes.data()); }
inline unsigned char* out(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

}  // namespace careledger::crypto
