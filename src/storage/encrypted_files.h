// Encryption of everything a store puts on disk: journals, tables, manifests, logs. AES-256-CTR under a random key for each file, which
// stands in the file's first 4 KiB block wrapped by AES-256-GCM under the root key. Integrity is the store's checksums and, for records,
// the ledger's commitments: this layer keeps secrets, it does not detect forgers.
//
// The layer is safe from any thread and must outlive the stores on it (they share it). Opening a file under another root key fails with
// wrong_key. Memory-mapped reads are refused.
#pragma once

#include "base/clock.h"
#include "crypto/secret.h"
#include "storage/store.h"

namespace careledger::storage {

// `below` is the plain file system when null.
std::shared_ptr<DiskLayer> encrypted_disk(const crypto::Secret& root_key, Entropy& entropy, std::shared_ptr<DiskLayer> below = nullptr);

// Re-wraps the keys of every encrypted file in a closed store's folder from `old_root` to `new_root`, without rewriting the contents. Safe
// to repeat after a crash: files already under `new_root` are left alone.
Result<void> rewrap_encrypted_files(const std::string& folder, const crypto::Secret& old_root, const crypto::Secret& new_root,
                                    Entropy& entropy);

}  // namespace careledger::storage
