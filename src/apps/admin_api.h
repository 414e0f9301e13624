// What the command line asks a running node for: /admin/v1/… of each organisation's endpoint, under tokens of the organisation.
//
//   GET  /admin/v1/status                 figures of the organisation and the ledger (administrator, auditor)
//   GET  /admin/v1/prove?type=&id=[&version=][&show=ELEMENT…]   a proof bundle (whoever may Action::prove)
//   GET  /admin/v1/record?patient=        what there is of one patient (whoever may Action::export_data)
//   POST /admin/v1/backup?part=&data=&keys=   starts writing one part of a backup into folders of the node's machine (administrator): 202
//   GET  /admin/v1/backup                 what became of it: 200 and figures, 202 while it runs, or its error (administrator)
//   GET  /admin/v1/promises               what custodians promised this organisation: [{custodian, custodian_name, time_ms, number, file}],
//                                         the file in base64 (docs/formats/promise.md; auditor, administrator)
//   GET  /admin/v1/trust                  the trust file that bundles of this ledger verify against
//   POST /admin/v1/tokens                 {"role", "actor", "purpose", "patient", "minutes", "emergency"}: records that whoever holds the
//                                         organisation's keystore signs such an access token, before it does (administrator)
//
// Everything is recorded in the audit map before it is answered, failed logins too. Thread-safety: handle() from any thread; it waits for
// the disk, so it stands behind an Offload.
#pragma once

#include "apps/backup_job.h"
#include "apps/ledger.h"
#include "edge/auth/failed_logins.h"
#include "edge/auth/token.h"
#include "edge/http/router.h"
#include "exchange/promises.h"
#include "vault/audit.h"
#include "vault/prover.h"
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
};

// Everything of it that the trust file of this ledger says, as text.
Result<std::string> trust_text(Ledger& ledger);

// Adds the checkpoint of the view, cosigned by every witness at hand. conflict: a witness remembers another history.
Result<void> add_checkpoint(Ledger& ledger, const replica::View& view, proof::Bundle& bundle);

class AdminApi final : public edge::http::Handler {
 public:
  explicit AdminApi(AdminParts parts) : parts_(std::move(parts)) {}
  void handle(edge::http::Request request, edge::http::Responder respond) override;

 private:
  // Each says in `entry` what it did, and in `patients` whose record it was: the access is recorded under every one of them.
  Result<edge::http::Response> answer(const edge::http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry,
                                      std::vector<std::string>& patients);
  Result<edge::http::Response> prove(const edge::http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry,
                                     std::vector<std::string>& patients);
  Result<edge::http::Response> record(const edge::http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry,
                                      std::vector<std::string>& patients);
  Result<edge::http::Response> backup(const edge::http::Request& request, const edge::auth::Principal& principal, vault::AuditEntry& entry);
  Result<edge::http::Response> announce_token(const edge::http::Request& request, const edge::auth::Principal& principal,
                                              vault::AuditEntry& entry, std::vector<std::string>& patients);
  edge::http::Response status() const;
  Result<edge::http::Response> promises() const;

  AdminParts parts_;
  BackupJob job_;
};

}  // namespace careledger::apps
