// What a DiskLayer is inside src/storage: a RocksDB file system, and what keeps it alive. Not for other modules.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <memory>

#include "base/result.h"

namespace careledger::storage {

class DiskLayer {
 public:
  explicit DiskLayer(std::shared_ptr<rocksdb::FileSystem> file_system) : file_system_(std::move(file_system)) {}
  virtual ~DiskLayer() = default;
  const std::shared_ptr<rocksdb::FileSystem>& file_system() const { return file_system_; }
  // Before a store opens: clears away what a crash left half made and no store refers to. `folder` may be absent.
  virtual Result<void> prepare(const std::string& /*folder*/) { return {}; }
  virtual bool is_patient() const { return true; }          // false in tests: RocksDB does not wait a second before it tries again
  virtual std::uint64_t header_bytes() const { return 0; }  // that the layer puts before a file's contents

 private:
  std::shared_ptr<rocksdb::FileSystem> file_system_;
};

// Prefix of a message by which the encryption layer reports a file under another key through RocksDB's status.
inline constexpr const char* kWrongKeyMark = "encrypted under another key";

Error error_of(const rocksdb::Status& status, const std::string& folder);

}  // namespace careledger::storage
