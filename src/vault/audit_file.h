// The audit file: sealed frames one after another, each bound to the place where it stands and under keys of the writer that made it:
// an edit, a swap or a hole shows, and two histories of one file (a restored backup beside the disk it came from, what stood behind a cut)
// never share a key (docs/formats/audit.md). For src/vault alone. One thread appends; reading is safe from any thread.
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
  struct Expected {
    FilePlace known;                // a place up to which the file is known to be good; 0, 0 when nothing is known
    std::uint64_t entries_min = 0;  // what the file must hold: a head on the ledger covers so many
  };
  // Made when absent and nothing is expected of it. Every frame behind `known` is read and goes to `replay`. What stands behind the last
  // frame that opens, when it can only be an append that was broken off and never acknowledged, is put aside in PATH.torn, cut and counted
  // in torn_bytes(). Anything else is damage: corrupt, naming the entry, and nothing is changed. corrupt also when less is there than
  // expected; wrong_key under another audit key.
  static Result<std::unique_ptr<AuditFile>> open(const std::string& path, Files& files, const crypto::Secret& audit_key,
                                                 const Expected& expected, Entropy& entropy,
                                                 const std::function<void(FilePlace, OpenedEntry)>& replay);

  // Where the next append starts. What is sealed from here to write() is one append: acknowledged whole, or torn by a crash.
  FilePlace begin_append();
  // Seals the frame that comes next into `buffer` and counts on. The caller appends the buffer with write().
  void seal_next(ByteView frame, Bytes& buffer);
  std::uint64_t next_index() const { return next_.index; }
  std::uint64_t next_offset() const { return next_.offset; }
  // Appends and syncs. When appending fails the file is cut back to what it was and may go on, under new keys; after a failed sync nothing
  // is written any more.
  Result<void> write(ByteView buffer, FilePlace before);
  void set_next(FilePlace next) { next_ = next; }  // to try a failed write again
  bool usable() const { return usable_; }

  // The frame at a place, and where the next one starts. corrupt names the entry; not_found at the end.
  Result<OpenedEntry> read(FilePlace place, std::uint64_t* next_offset) const;
  Result<std::vector<OpenedEntry>> read_all(std::span<const FilePlace> places) const;  // ascending; reads neighbours together
  // The first frame at or behind `offset` that opens where it stands: to go on behind damage. nullopt when there is none.
  Result<std::optional<FilePlace>> find(std::uint64_t offset) const;
  Result<void> copy_to(File& out, std::uint64_t from, std::uint64_t size) const;
  // Opens every frame of a file that nobody writes to; how many. Changes nothing.
  static Result<std::uint64_t> verify(const std::string& path, Files& files, const crypto::Secret& audit_key);
  crypto::HmacSha256 salts() const { return crypto::HmacSha256(keys_->salts.view()); }  // of what is sealed next, for entry_salt()
  std::uint64_t torn_bytes() const { return torn_bytes_; }

 private:
  struct KeySet {  // fresh at each opening of the file and after each failed write
    KeySet(const crypto::Secret& root, ByteView name);
    Bytes id;  // random
    crypto::Secret seal;
    crypto::Secret salts;
  };
  struct Reading {  // of one thread: most of what it reads is under one key set
    std::shared_ptr<const KeySet> keys;
    std::unique_ptr<crypto::HmacSha256> salts;
  };
  struct Frame {
    OpenedEntry opened;
    std::uint64_t append_first = 0;  // the entry that its append began with
    std::uint64_t offset = 0;
    std::uint64_t next_offset = 0;
  };

  AuditFile(std::string path, Files& files) : path_(std::move(path)), files_(files) {}
  Result<void> make(const crypto::Secret& audit_key, Entropy& entropy);
  Result<void> read_header(const crypto::Secret& audit_key);
  Result<void> replay_from(FilePlace known, std::uint64_t size, const std::function<void(FilePlace, OpenedEntry)>& replay);
  Result<void> settle_end(std::uint64_t size, std::uint64_t entries_min);
  std::shared_ptr<const KeySet> key_set(ByteView id) const;
  void take_fresh_keys();
  std::shared_ptr<const KeySet> keys_for(ByteView id) const;
  Result<Bytes> bytes_at(std::uint64_t offset, std::size_t count) const;
  Result<Frame> open_frame(std::uint64_t offset, ByteView from_there, Reading& reading) const;  // corrupt: there is none
  Result<Frame> open_entry(FilePlace place, ByteView from_there, Reading& reading) const;       // corrupt names the entry
  Result<std::optional<Frame>> find_frame(std::uint64_t offset) const;

  std::string path_;
  Files& files_;
  Entropy* entropy_ = nullptr;  // of a file that is written
  std::unique_ptr<File> writer_;
  std::unique_ptr<File> reader_;
  mutable std::mutex reader_mutex_;
  mutable std::shared_ptr<const KeySet> last_read_;  // most readers stay within one
  crypto::Secret root_;
  std::shared_ptr<const KeySet> keys_;
  FilePlace next_;
  std::uint64_t append_first_ = 0;
  std::uint64_t torn_bytes_ = 0;
  bool usable_ = true;
};

inline constexpr std::size_t kAuditHeaderBytes = 16 + 2 + 32 + 32;

// A file in memory, for throw-away maps.
std::unique_ptr<Files> memory_files();

}  // namespace careledger::vault
