// The audit file: sealed frames one after another, each under the counter that is its place, so that an edit, a swap or a hole shows
// (docs/formats/audit.md). For src/vault alone. One thread appends; reading is safe from any thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>

#include "base/clock.h"
#include "base/files.h"
#include "vault/audit_entry.h"

namespace careledger::vault {

struct FilePlace {  // of a frame
  std::uint64_t index = 0;
  std::uint64_t offset = 0;
};

class AuditFile {
 public:
  // Made when absent. `known` is a place up to which the file is known to be good; 0, 0 when nothing is known. The rest is checked: a bad
  // frame after `known` ends the file there, what follows is cut and counted in torn_bytes(). corrupt when the file is shorter than
  // `known`; wrong_key under another audit key. Every frame found behind `known` goes to `replay`.
  static Result<std::unique_ptr<AuditFile>> open(const std::string& path, Files& files, const crypto::Secret& audit_key, FilePlace known,
                                                 Entropy& entropy, const std::function<void(FilePlace, OpenedEntry)>& replay);

  // Seals the frame that comes next into `buffer` and counts on. The caller appends the buffer with write().
  void seal_next(ByteView frame, Bytes& buffer);
  std::uint64_t next_index() const { return next_.index; }
  std::uint64_t next_offset() const { return next_.offset; }
  // Appends and syncs. When appending fails the file is cut back to what it was and may go on; after a failed sync nothing is written any
  // more.
  Result<void> write(ByteView buffer, FilePlace before);
  void set_next(FilePlace next) { next_ = next; }  // to try a failed write again
  bool usable() const { return usable_; }

  // The frame at a place, and where the next one starts. corrupt names the entry; not_found at the end.
  Result<OpenedEntry> read(FilePlace place, std::uint64_t* next_offset) const;
  Result<std::vector<OpenedEntry>> read_all(std::span<const FilePlace> places) const;  // ascending; reads neighbours together
  Result<void> copy_to(File& out, std::uint64_t size) const;
  // Opens every frame of a file that nobody writes to; how many. Changes nothing.
  static Result<std::uint64_t> verify(const std::string& path, Files& files, const crypto::Secret& audit_key);
  Result<FilePlace> skip(FilePlace place) const;                                     // by the length alone: to go on behind a bad frame
  crypto::HmacSha256 salts() const { return crypto::HmacSha256(salt_key_.view()); }  // for entry_salt()
  std::uint64_t torn_bytes() const { return torn_bytes_; }

 private:
  AuditFile() = default;
  Result<void> begin(Entropy& entropy);
  Result<void> read_header();
  void derive(const crypto::Secret& audit_key);
  std::string nonce(std::uint64_t index) const;
  Result<Bytes> bytes_at(std::uint64_t offset, std::size_t count) const;
  Result<OpenedEntry> open_frame(FilePlace place, ByteView from_there, const crypto::HmacSha256& salts, std::uint64_t* next_offset) const;

  std::string path_;
  std::unique_ptr<File> writer_;
  std::unique_ptr<File> reader_;
  mutable std::mutex reader_mutex_;
  Bytes file_id_;
  crypto::Secret key_;
  crypto::Secret salt_key_;
  FilePlace next_;
  std::uint64_t torn_bytes_ = 0;
  bool usable_ = true;
};

inline constexpr std::size_t kAuditHeaderBytes = 16 + 2 + 32;

// A file in memory, for throw-away maps.
std::unique_ptr<Files> memory_files();

}  // namespace careledger::vault
