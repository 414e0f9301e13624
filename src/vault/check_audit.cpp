#include "proof/log.h"
#include "vault/audit_state.h"
#include "vault/check.h"

namespace careledger::vault {

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
    find("audit head", "the entries do not give the roots that stand on the ledger: one was replaced, added or left out");
  }
  return report;
}

}  // namespace careledger::vault
