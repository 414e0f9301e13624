// Files that hold a key or a passphrase, read straight into locked memory: no copy stays in a buffer on the way.
//
// Thread-safety: safe from any thread. Errors: not_found, too_large, storage; a message names the path and never what it holds.
#pragma once

#include <string>

#include "base/result.h"
#include "crypto/secret.h"

namespace careledger::crypto {

Result<Secret> read_secret_file(const std::string& path, std::size_t size_max);
// To the end of the line, which is taken away, or of what there is. Reads nothing behind it, so that somebody else may go on there.
Result<Secret> read_secret_line(int descriptor, std::size_t size_max);

}  // namespace careledger::crypto
