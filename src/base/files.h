// Files behind an interface, so that tests can lose unsynced writes, tear them, fill the disk or kill the program at a step.
//
// Thread-safety: Files is safe from any thread; one File belongs to one thread at a time. Paths are byte strings of the system.
// Errors: ErrorKind::storage unless said otherwise; the message names the path and the system's reason, never contents.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace careledger {

class File {
 public:
  virtual ~File() = default;
  virtual Result<void> append(ByteView bytes) = 0;                                // at the end; may be torn by a crash until sync
  virtual Result<Bytes> read(std::uint64_t offset, std::size_t count) const = 0;  // shorter only at the end of the file
  virtual Result<std::uint64_t> size() const = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  virtual Result<void> sync() = 0;  // fdatasync. After an error the file must not be used again: a failed sync is never retried
};

class Files {
 public:
  virtual ~Files() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, bool create) = 0;  // not_found when absent and not create; mode 0600
  virtual Result<Bytes> read_all(const std::string& path, std::size_t size_max) = 0;     // not_found, too_large
  // Whole and durable, or untouched: write aside, sync, rename, sync the folder.
  virtual Result<void> replace(const std::string& path, ByteView contents) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  virtual Result<void> make_folder(const std::string& path) = 0;                 // with parents, mode 0700; fine when it is there
  virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;  // names, sorted
  virtual bool exists(const std::string& path) = 0;
};

Files& system_files();

}  // namespace careledger
