// What the command line asks a running node for: /admin/v1/… of each organisation's endpoint, under tokens of the organisation.
//
//   GET  /admin/v1/status                 figures of the organisation and the ledger (administrator, auditor)
//   GET  /admin/v1/prove?type=&id=[&version=][&show=ELEMENT…]   a proof bundle (whoever may Action::prove)
//                                         with &as=receipt a receipt of its anchor instead (proof/tlog_proof.h)
//   GET  /admin/v1/record?patient=        one patient's record, version by version: record_extent.h (whoever may Action::export_data)
//   POST /admin/v1/backup?part=&data=&keys=   starts writing one part of a backup into folders of the node's machine (administrator): 202
//   GET  /admin/v1/backup                 what became of it: 200 and figures, 202 while it runs, or its error (administrator)
//   GET  /admin/v1/promises               what custodians promised this organisation: [{custodian, custodian_name, time_ms, number, file}],
//                                         the file in base64 (docs/formats/promise.md; auditor, administrator)
//   POST /admin/v1/erase                  {"type", "id", "version", "reason"}: makes one version, or with version 0 all of them, unreadable
//                                         for ever and says so on the ledger (administrator). {"erased": [numbers]}
//   POST /admin/v1/hold                   {"type", "id", "held"}: sets or lifts a legal hold, which refuses erasure (administrator)
//   GET  /admin/v1/registry               {"organisations": [{name, id, kind, status}], "accredited": [{holder, kind, role, valid_to,
//                                         revoked}]}: all members, and whom this one accredited (administrator, auditor)
//   POST /admin/v1/accredit               {"kind", "role", "valid_to": "2027-01-31"}: {"holder"}, the id for tokens (administrator)
//   POST /admin/v1/renew                  {"holder", "valid_to"} (administrator)
//   POST /admin/v1/revoke                 {"holder"}: for ever (administrator)
//   GET  /admin/v1/network[?all=true]     members of the network, their votes, proposals: apps/governance_acts.h (administrator, auditor)
//   POST /admin/v1/network/propose, /vote, /leave   what a member decides with the others: as there (administrator)
//   POST /admin/v1/network/rotate-key, /freeze, /thaw   a new validator key; what a supervisor does: as there (administrator)
//   POST /admin/v1/network/grow           makes a network of an embedded ledger: apps/growth_acts.h (administrator)
//   POST /admin/v1/timestamp-authority, /timestamp   time stamps of the ledger's log: apps/timestamp_acts.h (administrator)
//   GET  /admin/v1/trust[?trusting_period_s=N]   the trust file that bundles of this ledger verify against; with a period, of the newest
//                                         block's validators
//   POST /admin/v1/tokens                 {"role", "actor", "purpose", "patient", "minutes", "emergency"}: records that whoever holds the
//                                         organisation's keystore signs such an access token, before it does (administrator)
//
// Everything is recorded in the audit map before it is answered, failed logins too; erasures, holds and changes of the registry before they
// are done as well ("begun": true). Thread-safety: handle() from any thread; it waits for the disk, so it stands behind an Offload, but for
// what waits_for_nothing().
#pragma once

#include <mutex>

#include "apps/backup_job.h"
#include "apps/growth_acts.h"
#include "apps/ledger.h"
#include "apps/timestamp_acts.h"
#include "edge/auth/failed_logins.h"
#include "edge/auth/token.h"
#include "edge/http/router.h"
#include "exchange/promises.h"
#include "vault/audit.h"
#include "vault/prover.h"
#include "vault/signer.h"
#include "vault/vault.h"

namespace careledger::apps {

struct AdminParts {  // borrowed
  OrganisationId organisation;
  std::string name;
  Ledger& ledger;
  vault::Vault& vault;
  vault::AuditMap& audit;
  const edge::auth::Authenticator& authenticator;
  edge::auth::FailedLogins& logins;
  std::function<Result<BackedUp>(BackupPart, const BackupFolders&)> back_up;
  const exchange::PromiseBook& promises;
  vault::CommandSigner& signer;
  TimestampPlace timestamps;
  GrowthPlace growth;
};

// The trust file of this ledger, as text: the validators that it was founded with, believed for good; or, with a trusting period (seconds,
// at most a hundred years), those of its newest block, believed for so long after it.
Result<std::string> trust_text(Ledger& ledger, std::optional<std::int64_t> trusting_period_s = std::nullopt);

// Adds the checkpoint of the view, cosigned by every witness at hand. conflict: a witness remembers another history.
Result<void> add_checkpoint(Ledger& ledger, const replica::View& view, proof::Bundle& bundle);
// That, and what leads from the ledger's first validators to those that signed the bundle's header.
Result<void> complete(Ledger& ledger, const replica::View& view, proof::Bundle& bundle);

class AdminApi final : public edge::http::Handler {
 public:
  explicit AdminApi(AdminParts parts) : parts_(std::move(parts)) {}
  void handle(edge::http::Request request, edge::http::Responder respond) override;
  // A proof while the newest checkpoint is cosigned already: it only reads, like a read of the record.
  bool waits_for_nothing(const edge::http::Request& request) const;

 private:
  // Each says in `entry` what it did, and in `patients` whose record it was: the access is recorded under every one of them.
  Result<edge::http::Response> answer(const edge::http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry,
                                      std::vector<std::string>& patients);
  Result<edge::http::Response> prove(const edge::http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry,
                                     std::vector<std::string>& patients);
  Result<edge::http::Response> receipt(const vault::ProofMaterial& material);
  Result<edge::http::Response> record(const edge::http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry,
                                      std::vector<std::string>& patients);
  Result<edge::http::Response> backup(const edge::http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry);
  Result<edge::http::Response> announce_token(const edge::http::Request& request, const edge::auth::Principal& principal,
                                              vault::AuditEntry& entry, std::vector<std::string>& patients);
  Result<edge::http::Response> status() const;
  Result<edge::http::Response> promises() const;
  Result<edge::http::Response> act(const edge::http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry,
                                   std::vector<std::string>& patients);

  AdminParts parts_;
  BackupJob job_;
  std::mutex acting_;  // one act at a time
};

}  // namespace careledger::apps
