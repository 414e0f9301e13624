// The state of one height and the whole log up to it in pieces, byte-identical on every node, each piece provable by itself: for state
// sync, for growth into a consortium, and for rebuilding a ledger whose disk was lost. Blocks do not travel with it; with the log's entries
// whoever loads one proves everything that the log holds, to those, too, who remember it shorter.
//
// Thread-safety: a SnapshotReader is immutable and safe from any thread; it holds its view. A loader belongs to one thread.
#pragma once

#include <stop_token>

#include "replica/replica.h"

namespace careledger::replica {

inline constexpr std::uint32_t kSnapshotFormat = 2;
inline constexpr std::size_t kSnapshotChunkBytes = 8u << 20;
inline constexpr std::size_t kSnapshotChunkBytesMax = 15u << 20;  // with its proof: CometBFT carries 16 MB

class SnapshotReader {
 public:
  // Walks all rows once, to find where the pieces begin. cancelled: `stop` was asked for meanwhile.
  static Result<SnapshotReader> make(View view, std::size_t chunk_bytes = kSnapshotChunkBytes, const std::stop_token& stop = {});
  const Bytes& header() const { return header_; }  // encoded SnapshotHeader
  std::size_t chunks() const { return starts_.size() + log_ends_.size(); }
  std::size_t state_chunks() const { return starts_.size(); }               // the first ones; the others are of the log
  const std::vector<std::uint64_t>& log_ends() const { return log_ends_; }  // its size after each of them
  Result<Bytes> chunk(std::size_t index) const;
  // A piece of the log between two sizes at which a block ends, as any later view gives it too.
  static Result<Bytes> log_chunk(const View& view, std::uint64_t from, std::uint64_t until);

 private:
  explicit SnapshotReader(View view) : view_(std::move(view)) {}
  static void fill_tip(const View& view, Tip& tip);
  Result<void> find_starts(std::size_t chunk_bytes, const std::stop_token& stop);
  Result<void> find_log_ends(std::size_t chunk_bytes, const std::stop_token& stop);
  Result<void> add_log_piece(std::uint64_t until, SnapshotHeader& header) const;
  View view_;
  Bytes header_;
  std::vector<Bytes> starts_;
  std::vector<std::uint64_t> log_ends_;  // sizes of the log
};

// What an encoded SnapshotHeader says it is of, unverified; nullopt when it does not parse.
struct SnapshotName {
  LedgerId ledger;
  Height height;
  std::size_t state_chunks = 0;
  std::vector<std::uint64_t> log_ends{};  // size of the log after each piece of it; they come after the state's
};
std::optional<SnapshotName> snapshot_name(ByteView header);

// What the caller knows from verified headers: of the block at the snapshot's height, and the app hash in the one after it.
struct TrustedPoint {
  LedgerId ledger;
  Height height;
  BlockTime time;
  Digest app_hash;
};

// Fills an empty store. Nothing is believed that does not lead to the point which the caller trusts.
class SnapshotLoader {
 public:
  // invalid when the header is not of `trusted`; precondition when the store holds a ledger. What an interrupted load left is cleared.
  static Result<SnapshotLoader> begin(std::shared_ptr<storage::Store> store, ByteView header, const TrustedPoint& trusted);
  std::size_t chunks() const { return state_chunks() + static_cast<std::size_t>(header_.log_pieces_size()); }
  std::size_t added() const { return next_; }
  Result<void> add(ByteView chunk);  // the next one; invalid unless it proves every row of its range. May be repeated after a refusal
  Result<void> finish();             // after the last chunk: the store now opens as a Replica at the snapshot's height

 private:
  SnapshotLoader(std::shared_ptr<storage::Store> store, SnapshotHeader header) : store_(std::move(store)), header_(std::move(header)) {}
  std::size_t state_chunks() const { return static_cast<std::size_t>(header_.chunk_starts_size()); }
  Result<void> add_state(ByteView chunk, storage::Batch& batch) const;
  Result<void> add_log(ByteView chunk, storage::Batch& batch);
  std::shared_ptr<storage::Store> store_;
  SnapshotHeader header_;
  std::size_t next_ = 0;
  proof::CompactRange log_{};  // what the pieces so far give
  Height logged_{};            // the last block in it
};

}  // namespace careledger::replica
