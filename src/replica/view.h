// Committed state at one height: what the kernel reads, what proofs are made from.
//
// A View is an immutable handle: copying is cheap, any thread may use any copy, and it stays what it was while the replica goes on. Holding
// one keeps old rows on disk from being dropped, so hold it for one request, not for hours. It must not outlive its Replica.
// Errors: storage and corrupt as the store gives them; not_found for what this ledger (or, after state sync or pruning, this node) does not
// have.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "kernel/execute.h"
#include "proof/log.h"
#include "proof/simple_map.h"
#include "replica/log_store.h"
#include "replica/state_tree.h"

namespace careledger::replica {

// Rows of a storage reader as the kernel sees them. A fault of the disk is remembered, and answered as absence. Safe from any thread.
class StoredRows final : public kernel::Rows {
 public:
  explicit StoredRows(std::shared_ptr<const storage::Reader> reader) : reader_(std::move(reader)) {}
  kernel::RowValue read(const kernel::Key& key) const override;
  std::vector<Entry> read_prefix(ByteView prefix, Limit limit) const override;
  std::optional<Error> fault() const;
  const storage::Reader& reader() const { return *reader_; }

 private:
  void remember(Error error) const;
  std::shared_ptr<const storage::Reader> reader_;
  mutable std::atomic<bool> faulty_{false};
  mutable std::mutex mutex_;
  mutable std::optional<Error> fault_;
};

struct CommandProof {  // that a command stands in the log
  Location at;
  std::uint64_t index = 0;  // in the log
  proof::Path path;         // from its leaf to the log's root at the view's height
};

class View {
 public:
  Height height() const { return committed_->height; }
  BlockTime time() const { return committed_->time; }
  // The lowest block kept here: 1, or the one after the snapshot that this node began with, or above those that were dropped since. What
  // only older blocks can answer is not_found, and says whom to ask.
  Height first_height() const { return committed_->first_height; }
  Result<void> check_kept(Height height) const;
  const LedgerId& ledger() const { return committed_->ledger; }
  Digest app_hash() const { return proof::app_hash(app_state()); }  // as the header of height() + 1 carries it
  proof::AppState app_state() const { return {log_root(), log_size(), state_root()}; }
  Digest state_root() const { return committed_->tree.root(); }
  Digest log_root() const { return committed_->log.root(); }
  std::uint64_t log_size() const { return committed_->log.size(); }

  const kernel::Rows& rows() const { return committed_->rows; }
  kernel::Reader state() const { return kernel::Reader(committed_->rows); }  // unmetered
  std::optional<Error> fault() const {
    return committed_->rows.fault();
  }  // of rows() and state(): what they answered since is not to be trusted

  Result<std::optional<proof::MapPath>> path(ByteView key) const;                           // nullopt: no such row
  Result<proof::MapNeighbours> neighbours(ByteView key) const;                              // for ICS23
  Result<proof::MapCut> prove(std::span<const Bytes> keys) const;                           // membership or absence of each
  Result<StateTree::RangeCut> prove_range(const storage::Range& range, Limit limit) const;  // every row, up to the limit, provably

  // The first one for these bytes. Of a command whose block is not kept here the log alone tells: that it was ok, by the kernel's code for
  // that; one that was refused there has none.
  Result<std::optional<kernel::Receipt>> find_receipt(const Digest& command) const;
  Result<CommandProof> prove_command(const Digest& command) const;  // not_found unless it was ok
  Result<proof::Path> prove_inclusion(std::uint64_t index) const;
  Result<proof::Path> prove_consistency(std::uint64_t older_size) const;
  Result<proof::CompactRange> log_at(std::uint64_t size) const;  // the log when it had so many entries, from what is stored of it

  Result<std::shared_ptr<const StoredBlock>> block(Height height) const;
  Result<Height> lowest_block() const;                        // of those stored, whatever first_height() says; height() + 1: there is none
  Result<std::optional<Bytes>> side_row(ByteView key) const;  // what the ordering stored beside a block
  // What a row held before the block of this height. not_found: no block that was executed here led to this state.
  Result<kernel::RowValue> row_before(const kernel::Key& key) const;

 private:
  friend class Replica;
  friend class Execution;
  friend class BlockRun;
  friend class CachedRows;
  friend class SnapshotReader;
  friend class LogAudit;
  friend class IndexAudit;
  struct Committed {
    std::uint64_t epoch;  // counts committed states of this process, undone ones too
    LedgerId ledger;
    Height height;
    BlockTime time;
    Height first_height;
    StateTree tree;
    proof::CompactRange log;
    StoredRows rows;
    std::shared_ptr<LogStore> log_store;
    std::shared_ptr<BlockStore> blocks;
    std::shared_ptr<ShownRows> shown;
    ProtocolVersion protocol{};  // of the next block: read once, since every check of a command asks
    RowSource source() const { return {&rows.reader(), columns::kState, shown.get()}; }
    const storage::Reader& reader() const { return rows.reader(); }
  };
  explicit View(std::shared_ptr<const Committed> committed) : committed_(std::move(committed)) {}
  std::shared_ptr<const Committed> committed_;
};

}  // namespace careledger::replica
