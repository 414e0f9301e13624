// Tells damage in the middle of a journal from the torn end that a crash leaves.
//
// RocksDB's point-in-time recovery stops at the first record that fails its checksum, and drops the rest without a word. At the very end that is
// right (the write was never acknowledged); before whole, valid records it would lose acknowledged writes. So the journals are read before
// the store opens: a valid record that starts after a broken one makes the store corrupt, naming file and offset. Format: LevelDB's
// log_format.md (32 KiB blocks of crc ‖ length ‖ type ‖ bytes).
#pragma once

#include <rocksdb/file_system.h>

#include <string>

#include "base/result.h"

namespace careledger::storage {

Result<void> check_journals(rocksdb::FileSystem& files, const std::string& folder);

}  // namespace careledger::storage
