// The ledger's log of commands (RFC 6962), stored sparsely: nodes of level 8 and above as rows; below that the leaf hashes of each block
// as one row, so that no proof has to hash a block's commands again. (A store may lack that row for blocks of 64 commands and more: their
// leaves follow from the block.)
//
// Thread-safety: LogStore is safe from any thread. Errors: what storage answers; corrupt when a block lacks what the log says it has.
#pragma once

#include "base/recent.h"
#include "proof/log.h"
#include "replica/ledger_store.h"
#include "replica/stored_block.h"

namespace careledger::replica {

inline constexpr std::uint8_t kTileLevel = 8;
inline constexpr std::uint64_t kTileLeaves = 1u << kTileLevel;

// Adds a block's leaves to `range` and the rows they make to `batch`; `keys` hears of each row's key.
void append_to_log(proof::CompactRange& range, Height height, std::span<const Digest> leaves, storage::Batch& batch,
                   std::vector<Bytes>& keys);

// The rows from which a log can go on that was never stored here: the peaks of its whole tiles, and the leaf hashes after them.
Result<void> keep_log_end(const proof::CompactRange& range, std::uint64_t height, const std::vector<Bytes>& tail, storage::Batch& batch);

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
  void forget();  // after an undo

 private:
  using Leaves = std::shared_ptr<const std::vector<Digest>>;
  using Tile = std::shared_ptr<const proof::LogTree>;
  struct NodeHash {
    std::size_t operator()(const proof::LogNodeId& id) const { return (id.index << 6 ^ id.level) * 0x9E3779B97F4A7C15u >> 16; }
  };
  Result<std::optional<std::uint64_t>> find(const storage::Reader& reader, std::uint64_t size, Height height, const Digest& leaf);
  Result<Leaves> leaves_of_block(const storage::Reader& reader, std::uint64_t first, Height height);
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
