// Where a ledger keeps what: the columns of its store and the keys of their rows.
#pragma once

#include <memory>
#include <string>

#include "base/ids.h"
#include "storage/store.h"

namespace careledger::replica {

namespace columns {
inline constexpr storage::Column kState{0};   // state key -> row: the truth
inline constexpr storage::Column kBlocks{1};  // u64 height -> BlockRow, packed (packed_row.h)
inline constexpr storage::Column kIndex{2};   // first 8 bytes of a command's digest ‖ u40 height ‖ u24 position -> nothing
inline constexpr storage::Column kLog{
    3};  // 'n' level u8 index u64 -> node of level 8 and above; 'b' first index u64 -> u64 height; 'e' first index u64 -> LogEntry each
inline constexpr storage::Column kMeta{4};  // "tip", "undo", "loading", 's' ‖ key: the ordering's own rows
}  // namespace columns

inline constexpr std::uint32_t kLedgerFormat = 1;
inline constexpr ByteView kTipKey = "tip";
inline constexpr ByteView kUndoKey = "undo";
inline constexpr ByteView kLoadingKey = "loading";  // while a snapshot is loaded

struct LedgerStoreOptions {
  std::string folder;
  bool create = true;
  bool read_only = false;               // changes nothing and takes no lock: storage/store.h
  std::size_t cache_bytes = 96u << 20;  // filled only by what is read: a small ledger uses little of it
  std::size_t write_buffer_bytes = 56u << 20;
  std::shared_ptr<storage::DiskLayer> disk{};  // tests: faults
  std::shared_ptr<storage::Room> room{};       // what to do when the disk is full
};
Result<std::unique_ptr<storage::Store>> open_ledger_store(const LedgerStoreOptions& options);
std::unique_ptr<storage::Store> memory_ledger_store();

Bytes block_key(Height height);
Bytes side_key(ByteView key);

struct Location {
  Height height;
  std::uint32_t position = 0;  // among the commands of the block
  friend auto operator<=>(const Location&, const Location&) = default;
};
inline constexpr std::size_t kIndexPrefix = 8;
Bytes index_key(const Digest& command, const Location& at);
std::optional<Location> location_of(ByteView index_key);

}  // namespace careledger::replica
