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

Result<std::vector<OpenedEntry>> AuditMap::entries_of(const Subject& subject, std::uint32_t limit) const {
  CARELEDGER_TRY(const auto rows, state_->store->rows_of(subject, limit));
  std::vector<FilePlace> places;
  for (const auto& row : rows) places.push_back(row.place);
  {
    const std::lock_guard lock(state_->pending_mutex);
    for (const Folding& entry : state_->pending)
      if (entry.subject == subject && places.size() < limit) places.push_back(entry.place);
  }
  std::sort(places.begin(), places.end(), [](FilePlace a, FilePlace b) { return a.index < b.index; });  // a fold may come between the two
  places.erase(std::unique(places.begin(), places.end(), [](FilePlace a, FilePlace b) { return a.index == b.index; }), places.end());
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
