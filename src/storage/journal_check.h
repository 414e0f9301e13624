// Tells damage in the middle of a journal from the torn end that a crash leaves.
//
// RocksDB's point-in-time recovery stops at the first record that fails its checksum, and drops the rest without a word. At the very end
// that is right (the write was never acknowledged); before whole, valid records it would lose acknowledged writes. So the journals are read
// before the store opens: a valid record that starts after a broken one, in the same journal or a later one, makes the store corrupt,
// naming file and offset. A torn end is cut off, so that it is not taken for damage later (and left by who only reads). Format: LevelDB's
// log_format.md (32 KiB blocks of crc ‖ length ‖ type ‖ bytes).
//
// The MANIFEST has the same form, and RocksDB refuses one with a torn end. manifest_watch.h says how much of it was durable: damage before
// that is corruption, a torn end behind it was never acted on and is cut off.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "storage/disk_layer.h"

namespace careledger::storage {

enum class TornEnd : std::uint8_t { cut, left };

Result<void> check_journals(DiskLayer& disk, const std::string& folder, TornEnd torn);
Result<void> check_manifest(DiskLayer& disk, const std::string& folder, TornEnd torn);

std::uint32_t masked_crc32c(ByteView bytes);
// A file's first bytes, at most `most`; nullopt when it cannot be read.
std::optional<Bytes> read_small(rocksdb::FileSystem& files, const std::string& path, std::size_t most);

}  // namespace careledger::storage
