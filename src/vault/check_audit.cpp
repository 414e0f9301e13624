#include <algorithm>

#include "proof/log.h"
#include "vault/audit_state.h"
#include "vault/check.h"

namespace careledger::vault {
namespace {

// Entries whose leaf in the map's own log is another: which of them were replaced, when the file as a whole is not what the ledger saw.
// The map's rows may have been changed as well; then the roots still differ and only the place stays unknown.
void name_replaced(const AuditMap::State& state, CheckReport& report, std::size_t findings_max) {
  FilePlace place{0, kAuditHeaderBytes};
  const std::uint64_t end = std::min<std::uint64_t>(state.durable, state.store->folded().index);
  while (place.index < end && report.findings.size() < findings_max) {
    std::uint64_t next = 0;
    const auto entry = state.file->read(place, &next);
    const auto known = state.store->node({0, place.index});
    if (!entry || !known) return;
    const Bytes key = audit_key(entry->entry.subject, entry->recorded.time, entry->recorded.number);
    if (proof::log_leaf(audit_log_leaf(key, entry->recorded.commitment)) != *known)
      report.findings.push_back({"audit", "audit entry " + std::to_string(place.index),
                                 "was replaced: it opens, but it is not the entry that was committed to when it was written"});
    place = {place.index + 1, next};
  }
}

}  // namespace

Result<CheckReport> check_audit(AuditMap& audit, const CheckOptions& options) {
  const AuditMap::State& state = audit.state();
  CheckReport report;
  const auto find = [&](std::string where, std::string what) { report.findings.push_back({"audit", std::move(where), std::move(what)}); };
  std::optional<ledger::AccessHead> head;
  if (options.access_head) {
    auto asked = options.access_head();
    if (asked) head = std::move(*asked);
    else find("head", asked.error().message);
  }
  const std::uint64_t end = state.durable;
  AuditTree tree;
  proof::CompactRange log;
  bool whole = true;
  Digest map_root = tree.root();
  Digest log_root = log.root();
  FilePlace place{0, kAuditHeaderBytes};
  while (place.index < end && report.findings.size() < options.findings_max) {
    std::uint64_t next = 0;
    auto entry = state.file->read(place, &next);
    if (!entry) {
      whole = false;
      find("audit entry " + std::to_string(place.index), entry.error().message);
      CARELEDGER_TRY(const auto next_good, state.file->find(place.offset + 1));
      if (!next_good) break;
      place = *next_good;
      continue;
    }
    const Recorded& recorded = entry->recorded;
    const Bytes key = audit_key(entry->entry.subject, recorded.time, recorded.number);
    if (whole) {
      tree.add(entry->entry.subject, key, recorded.commitment);
      log.append(proof::log_leaf(audit_log_leaf(key, recorded.commitment)));
    }
    ++report.audit_entries;
    place = {place.index + 1, next};
    if (head && place.index == head->size()) {
      map_root = tree.root();
      log_root = log.root();
    }
    if (options.progress) options.progress(place.index, end);
  }
  if (!head) return report;
  if (head->size() > end) {
    find("audit file", "ends at entry " + std::to_string(end) + ", but the ledger has a head over " + std::to_string(head->size()) +
                           ": entries were cut off, or this is an older copy");
  } else if (whole && (map_root.view() != head->map_root() || log_root.view() != head->log_root())) {
    name_replaced(state, report, options.findings_max);
    find("audit head", "the entries do not give the roots that stand on the ledger: one was replaced, added or left out");
  }
  return report;
}

}  // namespace careledger::vault
