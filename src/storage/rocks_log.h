// RocksDB's own log, kept short and behind the same disk layer as the data, so that an encrypted store writes no plain text.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <memory>
#include <string>

namespace careledger::storage {

// Writes warnings and errors to FOLDER/LOG, at most 1 MiB a run; the previous run's file becomes LOG.old. Discards everything when the file
// cannot be made: a log never stops a store.
std::shared_ptr<rocksdb::Logger> open_rocks_log(const std::shared_ptr<rocksdb::FileSystem>& files, const std::string& folder);

}  // namespace careledger::storage
