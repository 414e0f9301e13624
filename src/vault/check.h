// Looks through everything an organisation keeps and compares it with itself and with the ledger: for `careledger audit`.
//
// Reads a running vault; what is written meanwhile is not looked at. Memory: 8 bytes an index row. Any thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "proof/ledger.pb.h"
#include "vault/audit.h"
#include "vault/vault.h"

namespace careledger::vault {

struct CheckFinding {
  std::string store;  // "records", "index", "anchors", "audit", "disk"
  std::string where;  // "Patient/17/_history/2"; "audit entry 77"; an index row by type, parameter and id, never by its value
  std::string what;   // what is wrong, in plain words
};

struct CheckReport {
  std::uint64_t versions = 0;
  std::uint64_t erased = 0;  // known to be gone, and rightly
  std::uint64_t index_rows = 0;
  std::uint64_t anchors = 0;
  std::uint64_t audit_entries = 0;
  std::vector<CheckFinding> findings;
  bool sound() const { return findings.empty(); }
};

struct CheckOptions {
  std::size_t findings_max = 100;  // then it stops looking
  std::function<void(std::uint64_t done, std::uint64_t of)> progress{};
  // What the ledger says; without these only what the organisation itself keeps is compared.
  // Whether this command (its digest) stands in the ledger's log at this place with code ok.
  std::function<Result<bool>(const Digest& command, Height height, std::uint32_t position)> on_ledger{};
  // Whether the vault has this version, erased or not: what the audit map saw written must be there.
  std::function<Result<bool>(const std::string& type, const std::string& id, std::uint32_t version)> in_vault{};
  // The organisation's row of the access contract; nullopt when there is none.
  std::function<Result<std::optional<ledger::AccessHead>>()> access_head{};
};

// An error only when nothing could be looked at; everything else is a finding.
Result<CheckReport> check_vault(Vault& vault, const CheckOptions& options);
Result<CheckReport> check_audit(AuditMap& audit, const CheckOptions& options);
// Whether every version of a commit that owed the audit map an entry has one, for each patient whose record it is part of, or is still
// owed it. Memory: 32 bytes an audit entry of a write.
Result<CheckReport> check_recorded(Vault& vault, AuditMap& audit, const CheckOptions& options);

}  // namespace careledger::vault
