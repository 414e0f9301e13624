// Keys written as text and read from it, from locked memory into locked memory.
//
// Thread-safety: pure functions.
#pragma once

#include <optional>

#include "crypto/secret.h"

namespace careledger::crypto {

Secret secret_to_hex(const Secret& secret);            // lower case
std::optional<Secret> secret_from_hex(ByteView text);  // either case; nullopt on odd length or another character
Secret secret_to_base64(const Secret& secret);         // RFC 4648 section 4, padded

}  // namespace careledger::crypto
