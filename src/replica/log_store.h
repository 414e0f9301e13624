// The ledger's log of commands (RFC 6962), stored sparsely: nodes of level 8 and above as rows; below that what each block added as one
// row, so that no proof has to read a block's commands again, and none needs the block itself. (What an earlier build wrote lacks that row:
// it follows from the block.) Every node has the whole log, also one that began with a snapshot or drops old blocks.
//
// Thread-safety: LogStore is safe from any thread. Errors: what storage answers; corrupt when a block lacks what the log says it has.
#pragma once

#include <functional>

#include "base/recent.h"
#include "proof/log.h"
#include "replica/ledger_store.h"
#include "replica/stored_block.h"

namespace careledger::replica {

inline constexpr std::uint8_t kTileLevel = 8;
inline constexpr std::uint64_t kTileLeaves = 1u << kTileLevel;

struct LogEntry {  // with its block's height, all that a leaf is made of
  Digest command;
  std::uint32_t position = 0;
  friend bool operator==(const LogEntry&, const LogEntry&) = default;
};
inline constexpr std::size_t kLogEntryBytes = 4 + Digest::size;  // u32 position ‖ digest
void append_entry(Bytes& out, const LogEntry& entry);
std::vector<LogEntry> entries_in(ByteView row);  // a whole number of them; what is left over is ignored

// Adds a block's entries, in their order, to `range` and the rows they make to `batch`; `keys` hears of each row's key.
void append_to_log(proof::CompactRange& range, Height height, std::span<const LogEntry> entries, storage::Batch& batch,
                   std::vector<Bytes>& keys);

struct LoggedBlock {
  Height height;
  std::uint64_t first = 0;  // index of its first entry
  std::uint64_t count = 0;
};

struct CommandPlace {  // of an ok command
  Location at;
  std::uint64_t index = 0;  // in the log
};

class LogStore {
 public:
  explicit LogStore(BlockStore& blocks) : blocks_(blocks) {}

  // Nodes as of a reader; the answer for complete nodes never changes.
  Result<Digest> node(const storage::Reader& reader, proof::LogNodeId id);
  // Where a command stands in the log, whose size is `size`; nullopt when none of this digest is there. A place never changes either.
  Result<std::optional<CommandPlace>> place_of(const storage::Reader& reader, std::uint64_t size, const Digest& command);
  // The blocks whose entries fill the log from one size to another; both are where a block ends.
  Result<void> each_block(const storage::Reader& reader, std::uint64_t from, std::uint64_t until,
                          const std::function<Result<void>(const LoggedBlock&)>& visit) const;
  Result<std::vector<LogEntry>> entries(const storage::Reader& reader, const LoggedBlock& block);
  // The block whose first entry has this index, and what it added; nullopt: none begins there.
  struct Added {
    Height height;
    std::vector<LogEntry> entries;
  };
  Result<std::optional<Added>> added_at(const storage::Reader& reader, std::uint64_t first);
  // Puts into `batch` what the log, whose size is `size`, has of the blocks of these heights in the blocks alone: they may go then.
  Result<void> keep_entries(const storage::Reader& reader, std::uint64_t size, Height from, Height until, storage::Batch& batch);
  Result<bool> begins(const storage::Reader& reader) const;  // whether the first entry is here, and with it all
  void forget();                                             // after an undo

 private:
  using Tile = std::shared_ptr<const proof::LogTree>;
  struct NodeHash {
    std::size_t operator()(const proof::LogNodeId& id) const { return (id.index << 6 ^ id.level) * 0x9E3779B97F4A7C15u >> 16; }
  };
  Result<std::optional<LoggedBlock>> first_from(const storage::Reader& reader, std::uint64_t size, Height height) const;
  Result<std::optional<std::uint64_t>> find(const storage::Reader& reader, std::uint64_t size, Height height, const LogEntry& entry);
  Result<std::vector<LogEntry>> entries_of_block(const storage::Reader& reader, std::uint64_t first, Height height);
  Result<Tile> tile(const storage::Reader& reader, std::uint64_t index, std::uint64_t count);
  Result<proof::LogTree> leaves(const storage::Reader& reader, std::uint64_t first, std::uint64_t count);

  BlockStore& blocks_;
  // Of 256 hashes and what is above them, or what there was of the last one: 16 KiB each.
  Recent<std::uint64_t, Tile, std::hash<std::uint64_t>> tiles_{128};
  Recent<proof::LogNodeId, Digest, NodeHash> nodes_{16'384};  // of level 8 and above: those of four million entries
  Recent<Digest, CommandPlace, IdHash> places_{16'384};
};

class LogAt final : public proof::LogNodes {  // the log as proofs want it, at one reader; borrows both
 public:
  LogAt(LogStore& log, const storage::Reader& reader) : log_(log), reader_(reader) {}
  Result<Digest> node(proof::LogNodeId id) const override { return log_.node(reader_, id); }

 private:
  LogStore& log_;
  const storage::Reader& reader_;
};

}  // namespace careledger::replica
