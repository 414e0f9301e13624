#include "vault/access_list.h"

#include <algorithm>

#include "base/assert.h"
#include "vault/audit_state.h"

namespace careledger::vault {
namespace {

constexpr std::size_t kReadAtOnce = 64;  // entries; with the largest details a quarter of a list's bytes

using Rows = std::span<const AuditStore::Row>;

std::vector<FilePlace> places_of(Rows rows) {
  std::vector<FilePlace> places;
  places.reserve(rows.size());
  for (const AuditStore::Row& row : rows) places.push_back(row.place);
  return places;
}

// As many of the rows' entries as the limits allow, and at least one.
Result<std::vector<OpenedEntry>> read_within(const AuditFile& file, Rows rows, std::size_t bytes_max) {
  std::vector<OpenedEntry> entries;
  std::size_t bytes = 0;
  while (!rows.empty() && bytes < bytes_max) {
    const Rows next = rows.first(std::min(kReadAtOnce, rows.size()));
    CARELEDGER_TRY(auto some, file.read_all(places_of(next)));
    for (OpenedEntry& entry : some) {
      bytes += entry_bytes(entry.entry).size() + entry.entry.details.size();
      entries.push_back(std::move(entry));
    }
    rows = rows.subspan(next.size());
  }
  return entries;
}

// The way from an entry to its subject's root: down from the finished subtree that holds it by the nodes that are kept, and at the end
// through the few entries beside it, read again.
Result<proof::MapPath> path_of(const AuditMap::State& state, const Spine& spine, const AuditStore::Row& row) {
  const auto way = spine.way_to(row.key);
  if (!way) return fail(ErrorKind::corrupt, "the audit map holds a row that its tree does not; remove the map's folder, it is made again");
  Digest hash = way->hash;
  std::uint32_t bits = way->bits;
  std::vector<proof::MapStep> down;
  for (;;) {
    CARELEDGER_TRY(const auto node, state.store->tree_node(hash));
    if (!node) break;
    const bool right = proof::key_bit(row.key, node->bit);
    down.push_back({node->bit, right ? node->left : node->right});
    hash = right ? node->right : node->left;
    bits = node->bit + 1;
  }
  CARELEDGER_TRY(const auto rows, state.store->rows_sharing(row.key, bits));
  CARELEDGER_TRY(const auto entries, state.file->read_all(places_of(rows)));
  proof::MapModel around;
  for (std::size_t i = 0; i < rows.size(); ++i) around.put(rows[i].key, entries[i].recorded.commitment.view());
  auto path = around.path(row.key);
  if (!path || proof::root_of(*path) != hash)
    return fail(ErrorKind::corrupt, "rows of the audit map do not give its tree; remove the map's folder, it is made again");
  path->steps.insert(path->steps.end(), down.rbegin(), down.rend());
  path->steps.insert(path->steps.end(), way->steps.begin(), way->steps.end());
  return std::move(*path);
}

Result<std::vector<AuditStore::Row>> row_before(const AuditStore& store, const Subject& subject, const proof::AuditPlace& from) {
  if (from == proof::AuditPlace{}) return std::vector<AuditStore::Row>();
  return store.rows_before(subject, proof::audit_key(id_cast<Digest>(subject), from), 1);
}

}  // namespace

Result<AccessList> make_access_list(const AuditMap::State& state, const Subject& subject, const ListRange& range, const AuditHead& head) {
  CARELEDGER_ASSERT(range.limit > 0 && range.bytes > 0);
  const AuditStore& store = *state.store;
  const auto key = [&subject](proof::AuditPlace place) { return proof::audit_key(id_cast<Digest>(subject), place); };
  CARELEDGER_TRY(const auto rows, store.rows_of(subject, std::uint64_t{range.limit} + 1, key(range.from)));
  const Bytes end = range.to ? key(*range.to) : proof::prefix_end(subject.view());
  const auto behind = std::ranges::find_if(rows, [&end](const AuditStore::Row& row) { return !end.empty() && row.key >= end; });
  const std::size_t wanted = std::min<std::size_t>(static_cast<std::size_t>(behind - rows.begin()), range.limit);
  AccessList list{subject, head, {}, {}, {}, {}};
  CARELEDGER_TRY(list.entries, read_within(*state.file, Rows(rows).first(wanted), range.bytes));
  std::vector<proof::MapRow> map_rows;
  map_rows.reserve(list.entries.size());
  for (std::size_t i = 0; i < list.entries.size(); ++i) map_rows.push_back({rows[i].key, list.entries[i].recorded.commitment.bytes()});
  AuditTree::Neighbours beside;
  const Spine* spine = store.tree().find(subject);
  CARELEDGER_TRY(const auto earlier, row_before(store, subject, range.from));
  if (!earlier.empty()) {
    list.after = proof::place_of_key(earlier.front().key);
    CARELEDGER_TRY(beside.after, path_of(state, *spine, earlier.front()));
  }
  if (list.entries.size() < rows.size()) {
    list.before = proof::place_of_key(rows[list.entries.size()].key);
    CARELEDGER_TRY(beside.before, path_of(state, *spine, rows[list.entries.size()]));
  }
  list.range_proof = store.tree().prove(subject, map_rows, std::move(beside));
  return list;
}

}  // namespace careledger::vault
