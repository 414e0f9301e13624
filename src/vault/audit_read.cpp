// Reading entries back.
#include <algorithm>
#include <limits>

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

// All of one subject, in order. What waits to be folded is looked at before the rows: what is folded in between is then found twice, and
// not never.
Result<std::vector<FilePlace>> places_of(const AuditMap::State& state, const Subject& subject) {
  std::vector<FilePlace> places;
  {
    const std::lock_guard lock(state.pending_mutex);
    for (const Folding& entry : state.pending)
      if (entry.subject == subject) places.push_back(entry.place);
  }
  CARELEDGER_TRY(const auto rows, state.store->rows_of(subject, std::numeric_limits<std::uint64_t>::max()));
  for (const auto& row : rows) places.push_back(row.place);
  std::sort(places.begin(), places.end(), [](FilePlace a, FilePlace b) { return a.index < b.index; });
  places.erase(std::unique(places.begin(), places.end(), [](FilePlace a, FilePlace b) { return a.index == b.index; }), places.end());
  return places;
}

}  // namespace

Result<std::vector<OpenedEntry>> AuditMap::entries_of(const Subject& subject, std::uint64_t from, std::uint32_t limit) const {
  CARELEDGER_TRY(std::vector<FilePlace> places, places_of(*state_, subject));
  std::erase_if(places, [from](FilePlace place) { return place.index < from; });
  if (places.size() > limit) places.resize(limit);
  return state_->file->read_all(places);
}

Result<std::vector<OpenedEntry>> AuditMap::newest_of(const Subject& subject, std::uint32_t limit) const {
  CARELEDGER_TRY(std::vector<FilePlace> places, places_of(*state_, subject));
  if (places.size() > limit) places.erase(places.begin(), places.end() - limit);
  return state_->file->read_all(places);
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
