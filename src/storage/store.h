// Ordered keys and values in named columns: what the ledger and the vault stand on.
//
// Keys are ordered as unsigned bytes. One Store owns its folder: a second process (or a second Store) is refused. All methods are safe
// from any thread; an Iterator and a Batch belong to one thread at a time. Views handed out point into the iterator until it moves.
//
// Errors: storage (a disk refused, is full or lost something), corrupt (stored bytes fail their check; the message names the file),
// wrong_key (encrypted under another key), newer_format (written by a newer program), unsupported (written by an older one: upgrade),
// unavailable (another process runs on the folder), not_found (no store there and `create` is off), unsupported also for a write to a
// store that was opened read_only.
// After a failed durable write the store answers every later write with the same error: a failed sync is never retried. Reopen it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace careledger::storage {

struct Column {  // position in StoreOptions::columns
  std::uint16_t index = 0;
  friend bool operator==(Column, Column) = default;
};

struct Range {  // from <= key < until; an empty `until` has no upper bound
  Bytes from;
  Bytes until;
  static Range all() { return {}; }
  static Range prefix(ByteView prefix);  // exactly the keys that start with it
};

// Changes that become visible together or not at all. Later entries win over earlier ones of the same key.
class Batch {
 public:
  void put(Column column, ByteView key, ByteView value);
  void erase(Column column, ByteView key);
  void append(const Batch& other);
  void clear();
  std::size_t count() const { return count_; }
  std::size_t bytes() const { return buffer_.size(); }

  struct Entry {
    Column column;
    bool erased;
    ByteView key;
    ByteView value;
  };
  template <class Visit>
  void for_each(Visit&& visit) const {
    ByteView rest = buffer_;
    while (!rest.empty()) visit(take_entry(rest));
  }

 private:
  static Entry take_entry(ByteView& rest);
  Bytes buffer_;
  std::size_t count_ = 0;
};

// Walks one column inside a range. Starts nowhere: seek first. A failure ends the walk; ask status() after valid() turns false.
class Iterator {
 public:
  virtual ~Iterator() = default;
  virtual void seek_first() = 0;
  virtual void seek_last() = 0;
  virtual void seek(ByteView key) = 0;           // first key >= key
  virtual void seek_backward(ByteView key) = 0;  // last key <= key
  virtual void next() = 0;                       // only while valid
  virtual void prev() = 0;                       // only while valid
  virtual bool valid() const = 0;
  virtual ByteView key() const = 0;
  virtual ByteView value() const = 0;
  virtual Result<void> status() const = 0;
};

// One consistent set of rows. A Store reads the newest ones; a snapshot those of one moment, and must not outlive its store.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual Result<std::optional<Bytes>> get(Column column, ByteView key) const = 0;
  virtual Result<std::vector<std::optional<Bytes>>> multi_get(Column column, std::span<const ByteView> keys) const = 0;  // same order
  virtual std::unique_ptr<Iterator> iterate(Column column, const Range& range) const = 0;  // of one moment; must not outlive the reader
};

enum class Durability : std::uint8_t {
  buffered,  // survives the process, not the machine
  synced,    // on disk (fdatasync) before write returns, together with every earlier write
};

class Store : public Reader {
 public:
  virtual Result<void> write(const Batch& batch, Durability durability) = 0;  // atomic
  virtual std::shared_ptr<const Reader> snapshot() const = 0;
  virtual Result<void> checkpoint(const std::string& folder) = 0;  // a consistent copy that opens by itself; the folder must not exist
  virtual Result<void> flush() = 0;                                // memory to sorted files
  virtual Result<std::uint64_t> approximate_size(Column column, const Range& range) const = 0;  // bytes on disk
  virtual Result<void> compact(Column column, const Range& range) = 0;
  virtual Result<void> verify() const = 0;  // reads every stored block and its checksum; corrupt names the file
};

struct ColumnOptions {
  std::string name;
  bool point_lookups = true;  // keep bloom filters; keys come in no order
  bool compress = true;       // off for what is encrypted or compressed already
  // Written a lot in no order and read seldom: new files are merged less often, and reads look into more of them.
  bool seldom_read = false;
};

// The layer between a store and the disk: encryption (storage/encrypted_files.h) or faults for tests (storage/faulty_disk.h).
class DiskLayer;
class Room;  // storage/reserve.h

struct StoreOptions {
  std::string folder;
  std::vector<ColumnOptions> columns;  // never renamed; more may be added at the end
  std::string format;                  // what is stored, e.g. "ledger": another kind is refused as corrupt
  std::uint32_t format_version = 1;
  bool create = true;  // the folder and the store, when absent
  // For whoever looks at a folder that nobody works on: nothing in it is changed (a torn end stays), no lock is taken, so that its owner
  // can open it meanwhile; a reader that was overtaken by the owner may fail. Never creates.
  bool read_only = false;
  std::size_t cache_bytes = 32u << 20;
  std::size_t write_buffer_bytes = 32u << 20;  // of all columns together
  std::shared_ptr<DiskLayer> disk;             // null: the plain file system
  std::shared_ptr<Room> room{};                // its reserve is used when the disk is full; files are not rearranged meanwhile
};

Result<std::unique_ptr<Store>> open_rocks_store(const StoreOptions& options);

// The same contract in memory, for tests and throw-away ledgers. checkpoint() is unsupported; nothing is durable.
std::unique_ptr<Store> open_memory_store(const StoreOptions& options);

}  // namespace careledger::storage
