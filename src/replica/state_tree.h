// The Merkle map over the state's flat rows (design: docs/formats/merkle-map.md; hashing and proofs: proof/merkle_map.h).
//
// The flat rows in storage are the truth; a StateTree is a cache of keys and hashes above them, kept in memory (about 80 bytes a row) and
// rebuilt from the rows when a store is opened. So an update reads no rows. It is an immutable value: apply() gives another one that shares
// what did not change, so candidates for one height and views of past heights cost only what differs. The shape follows from the key set
// alone.
//
// Thread-safety: immutable; safe from any thread. Every function that reads rows needs the very rows that this version stands for.
// Errors: what storage answers; corrupt when rows and hashes disagree (the message names the key in hex).
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "base/recent.h"
#include "proof/merkle_map.h"
#include "replica/map_node.h"
#include "replica/workers.h"
#include "storage/store.h"

namespace careledger::replica {

// Values of rows that proofs showed lately, by the hash of their leaf and bounded by bytes. A hash stands for the same row for ever:
// nothing in it is ever stale, whatever version of the tree asks.
using ShownRows = Recent<Digest, std::shared_ptr<const Bytes>, IdHash>;

struct RowSource {  // where the flat rows are
  const storage::Reader* reader = nullptr;
  storage::Column column;
  ShownRows* shown = nullptr;  // none: every proof reads
};

struct RowChange {
  ByteView key;
  std::optional<ByteView> before;  // what the row was read as; nullopt: there was none
  std::optional<ByteView> value;   // nullopt: erased
};

class StateTree {
 public:
  StateTree() = default;  // the empty map
  static Result<StateTree> build(RowSource rows, Workers& workers);

  Digest root() const;
  // `changes` ascend strictly by key. Erasing what is not there changes nothing. corrupt when a row was read as something else than what
  // this version stands for.
  Result<StateTree> apply(std::span<const RowChange> changes, Workers& workers) const;

  // An upper bound, and a function of the key set alone, for the inner nodes above the deepest leaf at or beside `key` were it added. Exact
  // above twigs; inside one it counts the twig's height. Reads no rows.
  std::size_t depth_with(ByteView key) const;
  std::size_t depth_with_at_most() const { return root_ ? root_->height + 1u : 0; }  // for any key

  Result<std::optional<proof::MapPath>> path(RowSource rows, ByteView key) const;  // nullopt: no such row
  Result<proof::MapNeighbours> neighbours(RowSource rows, ByteView key) const;     // the row, or those on both sides of its place
  Result<proof::MapCut> prove(RowSource rows, std::span<const Bytes> keys) const;  // membership or absence of each
  // Every row of [first, until) up to `limit` rows and about `bytes_max` bytes, completely; `next` is where the following range begins,
  // empty at the end.
  struct RangeCut {
    proof::MapCut cut;
    Bytes next;
    std::size_t rows = 0;
  };
  Result<RangeCut> prove_range(RowSource rows, const storage::Range& range, std::size_t limit, std::size_t bytes_max) const;

 private:
  explicit StateTree(NodeRef root) : root_(std::move(root)) {}
  NodeRef root_;
};

}  // namespace careledger::replica
