// A file of sealed frames: what backups are written in (docs/formats/backup.md). For src/vault alone. One thread.
//
// Header: magic ‖ u16 format ‖ 32 random bytes; the frames' key follows from the backup key and these. Frame i: u32 length ‖ AES-256-GCM
// under the counter i, the last one marked, so that no frame can be changed, moved or left out.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/files.h"
#include "crypto/secret.h"

namespace careledger::vault {

class SealedWriter {
 public:
  static Result<SealedWriter> create(const std::string& path, ByteView magic, const crypto::Secret& key,
                                     Entropy& entropy);  // conflict: it is there
  Result<void> put(ByteView frame);
  Result<void> finish(ByteView last);  // synced, and under its own name
  std::uint64_t bytes() const { return bytes_; }

 private:
  Result<void> write(ByteView frame, bool last);
  std::string path_;
  std::unique_ptr<File> file_;
  crypto::Secret key_;
  Bytes header_;
  std::uint64_t next_ = 0;
  std::uint64_t bytes_ = 0;
};

class SealedReader {
 public:
  static Result<SealedReader> open(const std::string& path, ByteView magic, const crypto::Secret& key);
  // The next frame; `last` says that it is the final one, after which nothing may follow. corrupt, wrong_key.
  Result<Bytes> next(bool* last);
  std::uint64_t bytes() const { return offset_; }

 private:
  std::string path_;
  std::unique_ptr<File> file_;
  crypto::Secret key_;
  Bytes header_;
  std::uint64_t next_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace careledger::vault
