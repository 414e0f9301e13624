// Replaces or removes files that hold keys, and overwrites what they held.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace careledger::vault {

// The new contents are whole and durable under `path` (mode 0600) before the blocks of the old file are overwritten with zeros and synced.
// A disk that remaps blocks (flash) may keep a copy: docs/formats/keystore.md says what that means.
Result<void> replace_and_shred(const std::string& path, ByteView contents);
// Overwrites, syncs and removes; fine when it is not there.
Result<void> shred(const std::string& path);
// Every file below the folder, then the folder itself; fine when it is not there. Goes on after a failure and says the first.
Result<void> shred_folder(const std::string& folder);

}  // namespace careledger::vault
