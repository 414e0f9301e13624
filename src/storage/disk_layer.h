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

// A layer that does no more than look at the calls of another's file system: everything else is as below.
class WrappingLayer final : public DiskLayer {
 public:
  WrappingLayer(std::shared_ptr<DiskLayer> below, std::shared_ptr<rocksdb::FileSystem> file_system)
      : DiskLayer(std::move(file_system)), below_(std::move(below)) {}
  Result<void> prepare(const std::string& folder) override { return below_->prepare(folder); }
  bool is_patient() const override { return below_->is_patient(); }
  std::uint64_t header_bytes() const override { return below_->header_bytes(); }

 private:
  std::shared_ptr<DiskLayer> below_;
};

// Prefix of a message by which the encryption layer reports a file under another key through RocksDB's status.
inline constexpr const char* kWrongKeyMark = "encrypted under another key";

Error error_of(const rocksdb::Status& status, const std::string& folder);

}  // namespace careledger::storage
