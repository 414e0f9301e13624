#include "replica/state_tree.h"

namespace careledger::replica {
namespace {

// The path of a row that an iterator has just shown.
Result<proof::MapPath> path_of(const StateTree& tree, RowSource rows, ByteView key) {
  CARELEDGER_TRY(auto path, tree.path(rows, key));
  if (!path) return fail(ErrorKind::corrupt, "state: the row at key " + to_hex(key) + " is not in the Merkle map");
  return std::move(*path);
}

}  // namespace

Result<proof::MapCut> StateTree::prove(RowSource rows, std::span<const Bytes> keys) const {
  std::vector<proof::CutLeaf> leaves;
  const auto at = rows.reader->iterate(rows.column, storage::Range::all());
  for (const Bytes& key : keys) {
    CARELEDGER_TRY(auto path, this->path(rows, key));
    if (path) {
      leaves.push_back({std::move(*path), true});
      continue;
    }
    for (const bool before : {true, false}) {
      if (before) at->seek_backward(key);
      else at->seek(key);
      CARELEDGER_CHECK(at->status());
      if (!at->valid()) continue;
      CARELEDGER_TRY(auto beside, path_of(*this, rows, Bytes(at->key())));
      leaves.push_back({std::move(beside), false});
    }
  }
  return proof::cut_of(std::move(leaves));
}

Result<StateTree::RangeCut> StateTree::prove_range(RowSource rows, const storage::Range& range, std::size_t limit,
                                                   std::size_t bytes_max) const {
  RangeCut out;
  const auto at = rows.reader->iterate(rows.column, storage::Range::all());
  std::vector<proof::MapRow> inside;
  std::optional<Bytes> before;
  std::optional<Bytes> after;
  std::size_t bytes = 0;
  at->seek(range.from);
  for (; at->valid() && (range.until.empty() || at->key() < range.until); at->next()) {
    if (inside.size() >= limit || (!inside.empty() && bytes >= bytes_max)) {
      out.next.assign(at->key());
      break;
    }
    bytes += at->key().size() + at->value().size();
    inside.push_back({Bytes(at->key()), Bytes(at->value())});
  }
  CARELEDGER_CHECK(at->status());
  if (at->valid()) after = Bytes(at->key());
  at->seek_backward(range.from);
  if (at->valid() && at->key() == range.from) at->prev();
  CARELEDGER_CHECK(at->status());
  if (at->valid()) before = Bytes(at->key());

  out.rows = inside.size();
  std::vector<proof::CutLeaf> ends;
  std::span<const proof::MapRow> between = inside;
  for (const bool left : {true, false}) {
    const std::optional<Bytes>& outside = left ? before : after;
    if (outside) {
      CARELEDGER_TRY(auto path, path_of(*this, rows, *outside));
      ends.push_back({std::move(path), false});
    } else if (!between.empty()) {
      CARELEDGER_TRY(auto path, path_of(*this, rows, left ? between.front().key : between.back().key));
      ends.push_back({std::move(path), true});
      between = left ? between.subspan(1) : between.first(between.size() - 1);
    }
  }
  out.cut = ends.size() == 2 ? proof::cut_of_run(ends[0], between, ends[1]) : proof::cut_of(std::move(ends));
  return out;
}

}  // namespace careledger::replica
