// The state of one height in pieces, byte-identical on every node, each piece provable by itself: for state sync, for growth into a
// consortium, and for rebuilding a ledger whose disk was lost. Blocks and the log's old entries do not travel with it.
//
// Thread-safety: a SnapshotReader is immutable and safe from any thread; it holds its view. A loader belongs to one thread.
#pragma once

#include <stop_token>

#include "replica/replica.h"

namespace careledger::replica {

inline constexpr std::uint32_t kSnapshotFormat = 1;
inline constexpr std::size_t kSnapshotChunkBytes = 8u << 20;
inline constexpr std::size_t kSnapshotChunkBytesMax = 15u << 20;  // with its proof: CometBFT carries 16 MB

class SnapshotReader {
 public:
  // Walks all rows once, to find where the pieces begin. cancelled: `stop` was asked for meanwhile.
  static Result<SnapshotReader> make(View view, std::size_t chunk_bytes = kSnapshotChunkBytes, const std::stop_token& stop = {});
  const Bytes& header() const { return header_; }  // encoded SnapshotHeader
  std::size_t chunks() const { return starts_.size(); }
  Result<Bytes> chunk(std::size_t index) const;

 private:
  explicit SnapshotReader(View view) : view_(std::move(view)) {}
  View view_;
  Bytes header_;
  std::vector<Bytes> starts_;
};

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
  std::size_t chunks() const { return static_cast<std::size_t>(header_.chunk_starts_size()); }
  std::size_t added() const { return next_; }
  Result<void> add(ByteView chunk);  // the next one; invalid unless it proves every row of its range. May be repeated after a refusal
  Result<void> finish();             // after the last chunk: the store now opens as a Replica at the snapshot's height

 private:
  SnapshotLoader(std::shared_ptr<storage::Store> store, SnapshotHeader header) : store_(std::move(store)), header_(std::move(header)) {}
  std::shared_ptr<storage::Store> store_;
  SnapshotHeader header_;
  std::size_t next_ = 0;
};

}  // namespace careledger::replica
