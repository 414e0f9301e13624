// The passphrase of a keystore or a wallet, from where its owner says.
//
// Thread-safety: safe from any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "crypto/secret.h"

namespace careledger::apps {

// The first line of `file`; "-" is standard input, which is read once: asked again, it gives the same. invalid: it is empty; not_found,
// too_large, storage.
Result<crypto::Secret> passphrase_from(const std::string& file);

}  // namespace careledger::apps
