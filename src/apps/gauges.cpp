#include "apps/gauges.h"

#include <filesystem>
#include <system_error>

namespace careledger::apps {
namespace {

double free_bytes(const std::string& folder) {
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  return error ? 0 : static_cast<double>(space.available);
}

}  // namespace

void add_gauges(edge::ops::Metrics& metrics, const std::string& organisation, const std::string& folder, const vault::Vault& vault,
                const vault::AuditMap& audit) {
  const edge::ops::Labels labels{{"organisation", organisation}};
  const auto add = [&](const char* name, const char* help, auto value) {
    metrics.gauge(name, help, [value] { return static_cast<double>(value()); }, labels);
  };
  add("careledger_versions", "Record versions stored.", [&vault] { return vault.figures().versions; });
  add("careledger_waiting_for_anchor", "Record versions that are not final on the ledger yet.",
      [&vault] { return vault.figures().waiting; });
  add("careledger_anchors_refused", "Anchors that the ledger refused. Above 0: somebody must look.",
      [&vault] { return vault.figures().refused; });
  add("careledger_audit_entries", "Accesses recorded.", [&audit] { return audit.size(); });
  add("careledger_audit_entries_without_head", "Accesses recorded that no final head on the ledger covers yet.", [&audit] {
    const auto head = audit.head();
    const std::uint64_t covered = head ? head->size : 0;
    const std::uint64_t size = audit.size();
    return size > covered ? size - covered : 0;
  });
  add("careledger_audit_heads", "Heads of the audit map put on the ledger since the start.", [&audit] { return audit.figures().heads; });
  add("careledger_audit_heads_refused", "Heads that the ledger refused since the start. Above 0: somebody must look.",
      [&audit] { return audit.figures().heads_refused; });
  add("careledger_disk_free_bytes", "Free space of the file system that holds the organisation's data.",
      [folder] { return free_bytes(folder); });
}

}  // namespace careledger::apps
