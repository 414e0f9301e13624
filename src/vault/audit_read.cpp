// Reading entries back.
#include <algorithm>

#include "vault/audit_state.h"

namespace careledger::vault {

Result<std::vector<OpenedEntry>> AuditMap::entries(std::uint64_t from, std::uint32_t limit) const {
  const std::uint64_t end = state_->durable;
  std::vector<OpenedEntry> found;
  if (from >= end) return found;
  CARELEDGER_TRY(FilePlace place, state_->store->place_before(from));
  while (place.index < end && found.size() < limit) {
    std::uint64_t next = 0;
    CARELEDGER_TRY(OpenedEntry entry, state_->file->read(place, &next));
    if (place.index >= from) found.push_back(std::move(entry));
    place = {place.index + 1, next};
  }
  return found;
}

namespace {

constexpr std::uint64_t kEntriesAtOnce = 1000;

using Rows = Result<std::vector<AuditStore::Row>>;

// Of one subject, in order: what waits to be folded, and the rows that `read` gives. What waits is looked at first: what is folded in
// between is then found twice, and not never.
template <class Read>
Result<std::vector<FilePlace>> places_of(const AuditMap::State& state, const Subject& subject, const Read& read) {
  std::vector<FilePlace> places;
  {
    const std::lock_guard lock(state.pending_mutex);
    for (const Folding& entry : state.pending)
      if (entry.subject == subject) places.push_back(entry.place);
  }
  CARELEDGER_TRY(const auto rows, read(*state.store));
  for (const auto& row : rows) places.push_back(row.place);
  std::sort(places.begin(), places.end(), [](FilePlace a, FilePlace b) { return a.index < b.index; });
  places.erase(std::unique(places.begin(), places.end(), [](FilePlace a, FilePlace b) { return a.index == b.index; }), places.end());
  return places;
}

}  // namespace

Result<std::vector<OpenedEntry>> AuditMap::entries_of(const Subject& subject, std::uint64_t from, std::uint32_t limit) const {
  CARELEDGER_TRY(std::vector<FilePlace> places,
                 places_of(*state_, subject, [&](const AuditStore& store) -> Rows { return store.rows_from(subject, from, limit); }));
  std::erase_if(places, [from](FilePlace place) { return place.index < from; });
  if (places.size() > limit) places.resize(limit);
  return state_->file->read_all(places);
}

Result<std::vector<OpenedEntry>> AuditMap::newest_of(const Subject& subject, std::uint32_t limit, const KeepEntry& keep) const {
  std::vector<OpenedEntry> found;  // newest first
  Bytes before;
  const std::uint64_t at_once = keep ? kEntriesAtOnce : std::min<std::uint64_t>(limit, kEntriesAtOnce);
  const auto take = [&](std::vector<OpenedEntry> some) {
    for (auto it = some.rbegin(); it != some.rend() && found.size() < limit; ++it)
      if (!keep || keep(it->entry)) found.push_back(std::move(*it));
  };
  const auto read = [&](const AuditStore& store) -> Rows {
    CARELEDGER_TRY(auto rows, store.rows_before(subject, before, at_once));
    before = rows.empty() ? Bytes() : rows.front().key;
    return rows;
  };
  CARELEDGER_TRY(std::vector<FilePlace> places, places_of(*state_, subject, read));
  if (!keep && places.size() > limit) places.erase(places.begin(), places.end() - limit);
  for (;;) {
    CARELEDGER_TRY(std::vector<OpenedEntry> some, state_->file->read_all(places));
    take(std::move(some));
    if (before.empty() || found.size() == limit) break;
    CARELEDGER_TRY(const auto rows, read(*state_->store));
    places.clear();
    for (const AuditStore::Row& row : rows) places.push_back(row.place);
  }
  std::ranges::reverse(found);
  return found;
}

Result<std::vector<Digest>> AuditMap::inclusion(std::uint64_t index) const {
  const auto last = head();
  if (!last || index >= last->size) return fail(ErrorKind::not_found, "no head on the ledger covers this entry yet");
  return proof::prove_inclusion(*state_->store, index, last->size);
}

Result<std::vector<Digest>> AuditMap::consistency(std::uint64_t old_size) const {
  const auto last = head();
  if (!last || old_size > last->size) return fail(ErrorKind::not_found, "no head on the ledger is that large yet");
  return proof::prove_consistency(*state_->store, old_size, last->size);
}

}  // namespace careledger::vault
