// Tells damage in the middle of a journal from the torn end that a crash leaves.
//
// RocksDB's point-in-time recovery stops at the first record that fails its checksum, and drops the rest without a word. At the very end
// that is right (the write was never acknowledged); before whole, valid records it would lose acknowledged writes. So the journals are read
// before the store opens: a valid record that starts after a broken one, in the same journal or a later one, makes the store corrupt,
// naming file and offset. A torn end is cut off, so that it is not taken for damage later. Format: LevelDB's log_format.md (32 KiB blocks
// of crc ‖ length ‖ type ‖ bytes).
#pragma once

#include <string>

#include "storage/disk_layer.h"

namespace careledger::storage {

Result<void> check_journals(DiskLayer& disk, const std::string& folder);

}  // namespace careledger::storage
