// What a patient's wallet asks its organisation: /patient/v1/… of the organisation's endpoint.
//
// Each request carries an RFC 9421 signature under the command key of the patient's account here (keyid: the account id in hex), and counts
// once; the account must be the patient of a relationship with this organisation.
//
//   GET  relationship               {relationship, account, subject, status, held_in_trust, organisation: {id, name}}; subject is
//                                   what the caller's accesses are listed under, for the wallet to hold on to
//   POST consents                   {"consent": {…}, "salt": hex, "relationship": hex, "number": n}: the opening of a grant that stands on
//   the
//                                   ledger. At the custodian it must be the caller's own relationship; at a grantee it is kept for
//                                   requests to that custodian about the caller's record
//   POST consents/{number}/withdraw the custodian stops releasing under that grant at once, before the ledger says so
//   POST cosignatures               {"key", "note"}: a checkpoint of the ledger that the caller's wallet found to go on from what it
//   remembers,
//                                   cosigned under the wallet's key for this relationship; the newest is kept, and audits compare with it
//   GET  accesses                   a proof bundle: the complete list of accesses to the caller's record, each opened; with ?from=PLACE
//                                   and ?to=PLACE (proof/audit_place.h) the part of it from the one to before the other. What is more
//                                   than one bundle holds comes in parts: each says before which entry it ends, the next begins there
//   GET  notices                    releases, refusals, retrievals and emergencies, one JSON object a line, newest last
//
// Everything is recorded in the audit map before it is answered, failed logins too. A list waits for the ledger without holding a thread,
// and not for ever: unavailable (503) when no head of the audit map becomes final in time.
//
// Thread-safety: handle() from any thread; it waits for the disk, so it stands behind an Offload. Parts are borrowed, and stop before this
// goes: the audit's heads first, then the ordering.
#pragma once

#include <functional>

#include "edge/auth/failed_logins.h"
#include "edge/http/signature.h"
#include "edge/http/worker_pool.h"
#include "ordering/ordering.h"
#include "proof/bundle.h"
#include "proof/checkpoint.h"
#include "replica/replica.h"
#include "vault/audit.h"
#include "vault/relationships.h"

namespace careledger::edge::patient {

inline constexpr std::string_view kProofType = "application/vnd.careledger.proof";

struct PatientApiParts {
  OrganisationId organisation;
  std::string name;
  const replica::Replica& replica;
  ordering::Ordering& ordering;
  vault::AuditMap& audit;
  vault::Relationships& relationships;
  auth::FailedLogins& logins;
  const Clock& clock;
  http::WorkerPool& workers;  // where lists are proven once they are there
  proof::NoteKey log_key;     // of the ledger's checkpoints
  // Adds what witnesses say of the view's log to a bundle that stands on it; empty: bundles go without.
  std::function<Result<void>(const replica::View&, proof::Bundle&)> witness{};
  std::uint32_t part_max = vault::ListRange{}.limit;  // entries of one bundle
};

class PatientApi final : public http::Handler {
 public:
  explicit PatientApi(PatientApiParts parts) : parts_(std::move(parts)) {}
  void handle(http::Request request, http::Responder respond) override;

 private:
  struct Caller {
    AccountId account;
    vault::Relationship relationship;
    std::uint32_t status = 0;  // on the ledger
  };
  Result<Caller> caller_of(const http::Request& request);
  Result<http::Response> answer(const http::Request& request, const Caller& caller, vault::AuditEntry& entry);
  http::Response relationship(const Caller& caller) const;
  Result<http::Response> deposit(const http::Request& request, const Caller& caller, vault::AuditEntry& entry);
  Result<http::Response> withdraw(std::string_view number, const Caller& caller, vault::AuditEntry& entry);
  struct Listing;  // a list on its way
  void accesses(std::shared_ptr<Listing> listing);
  void prove(std::shared_ptr<Listing> listing, vault::AccessList list);
  Result<http::Response> proven(vault::AccessList list);
  void finish(Result<http::Response> response, vault::AuditEntry entry, http::Responder respond);
  Result<http::Response> cosignature(const http::Request& request, const Caller& caller, vault::AuditEntry& entry);
  Result<http::Response> notices(const Caller& caller) const;

  PatientApiParts parts_;
  http::ReplayCache seen_{1'000'000, 500};  // in five minutes; a wallet sends a handful
};

}  // namespace careledger::edge::patient
