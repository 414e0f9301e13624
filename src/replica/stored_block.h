// Blocks as they are stored: batches, results, and what follows from them.
//
// Thread-safety: BlockStore is safe from any thread.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "kernel/execute.h"
#include "proof/chain.h"
#include "replica/ledger_store.h"
#include "replica/replica.pb.h"

namespace careledger::replica {

struct StoredCommand {
  Digest digest;
  kernel::Code code;
  std::uint32_t batch = 0;   // which batch of the block
  std::uint32_t within = 0;  // and which command of that
};

struct StoredBlock {  // decoded once, shared by whoever asks
  Height height;
  BlockTime time;
  std::uint64_t log_first = 0;
  std::vector<Bytes> batches;
  std::vector<kernel::KernelCode> envelopes;  // one a batch
  std::vector<StoredCommand> commands;        // of the batches whose envelope held, in order: index is position
  std::vector<kernel::Misbehaviour> misbehaviour;
};

class BlockStore {
 public:
  Result<std::shared_ptr<const StoredBlock>> read(const storage::Reader& reader, Height height);  // not_found, corrupt
  void forget();                                                                                  // after an undo

 private:
  static constexpr std::size_t kKeep = 16;
  std::mutex mutex_;
  std::list<std::shared_ptr<const StoredBlock>> recent_;  // newest first
};

Misbehaviour stored(const kernel::Misbehaviour& misbehaviour);  // as a BlockRow holds it
Result<StoredBlock> decode_block_row(Height height, ByteView bytes);
std::uint32_t stored_code(kernel::Code code);  // as a BatchResult holds it

// What LastResultsHash of the header after a block covers of each of its batches: the envelope's code, and one hash over the codes of its
// commands.
proof::TxResult result_of(std::uint32_t envelope, std::span<const std::uint32_t> codes);
std::vector<proof::TxResult> results_of(const StoredBlock& block);

// Where commands stand whose digest begins like this one, in the order of the ledger: it itself, and hardly ever another.
Result<std::vector<Location>> find_places(const storage::Reader& reader, const Digest& digest);

// Where a command was first judged, and how; nullopt when no block from `first` on has such a command.
struct Found {
  Location at;
  kernel::Code code;
};
Result<std::optional<Found>> find_command(const storage::Reader& reader, BlockStore& blocks, Height first, const Digest& digest);

}  // namespace careledger::replica
