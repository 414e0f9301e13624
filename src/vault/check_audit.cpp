#include <algorithm>
#include <map>

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

// Versions that the map saw written and that the vault does not have, each once. A restore of everything begins anew: the records may be
// those of a moment before the accesses'.
class Lost {
 public:
  explicit Lost(const CheckOptions& options) : options_(options) {}

  void look_at(const OpenedEntry& opened) {
    const AuditEntry& entry = opened.entry;
    if (entry.kind == AuditKind::restore) found_.clear();
    const bool write = entry.kind == AuditKind::create || entry.kind == AuditKind::update || entry.kind == AuditKind::remove;
    if (!options_.in_vault || !write || entry.outcome != AuditOutcome::done || entry.version == 0) return;
    if (found_.size() >= options_.findings_max) return;
    const auto there = options_.in_vault(entry.resource_type, entry.resource_id, entry.version);
    if (there && *there) return;
    found_.emplace(entry.resource_type + "/" + entry.resource_id + "/_history/" + std::to_string(entry.version),
                   there ? "was written, says audit entry " + std::to_string(opened.recorded.index) +
                               ", and is not in the vault: it was taken out, or the vault is an older copy"
                         : there.error().message);
  }
  void report(CheckReport& report) const {
    for (const auto& [where, what] : found_) report.findings.push_back({"records", where, what});
  }

 private:
  const CheckOptions& options_;
  std::map<std::string, std::string> found_;
};

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
  Lost lost(options);
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
    lost.look_at(*entry);
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
  lost.report(report);
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
