// The requester's side of an exchange: ask a custodian for what a patient lets us receive, and believe nothing of the answer that does
// not verify against this node's own ledger.
//
// Order: choose the opening that the patient deposited here, seal the request, send it by the courier, open the answer, check that it is
// for this request, check and keep the custodian's promise, verify each record, record the receipt at home, hand it over.
//
// Thread-safety: retrieve() from any thread; it blocks for network and disk. Everything in RequesterParts is borrowed.
#pragma once

#include "base/clock.h"
#include "codec/json/json.h"
#include "exchange/courier.h"
#include "exchange/envelope.h"
#include "exchange/promises.h"
#include "exchange/refusal.h"
#include "ordering/ordering.h"
#include "proof/verify.h"
#include "replica/replica.h"
#include "vault/audit.h"
#include "vault/relationships.h"
#include "vault/vault.h"

namespace careledger::exchange {

struct RequesterParts {
  OrganisationId organisation;
  const replica::Replica& replica;
  const ordering::Ordering& ordering;
  vault::Keystore& keys;
  vault::Vault& vault;
  vault::AuditMap& audit;
  vault::Relationships& relationships;
  PromiseBook& promises;
  Courier& courier;
  Clock& clock;
  Entropy& entropy;
};

struct Retrieval {  // what a clinician asks for
  OrganisationId from;
  std::string patient_id;  // of the Patient resource here
  Digest practitioner;     // holder id on the ledger
  std::string actor;       // as the audit map names the same person
  std::string role;
  std::string purpose;
  std::vector<std::string> categories;  // none: all that the patient allows
};

struct Received {
  std::optional<Refusal> refusal;
  std::vector<codec::json::Document> resources;  // each verified
  std::size_t rejected = 0;                      // records that did not verify, left out
  std::uint64_t left_out = 0;                    // records that the custodian may not release yet: their anchor is not final
  ledger::SignedPromise promise;
};

class Requester {
 public:
  explicit Requester(RequesterParts parts) : parts_(parts) {}

  // Recorded in the audit map before it returns, refusals included. malformed, corrupt: the answer does not hold, and nothing of it is
  // shown; not_found: the custodian is not on the ledger; the courier's errors.
  Result<Received> retrieve(const Retrieval& wish);

 private:
  Result<ReleaseRequest> make_request(const Retrieval& wish);
  Result<void> choose_opening(const Retrieval& wish, ReleaseRequest& request);
  Result<ReleaseAnswer> ask(const Retrieval& wish, const ReleaseRequest& request);
  Result<void> check_promise(const ReleaseRequest& request, const ReleaseAnswer& answer);
  Result<codec::json::Document> verify_record(const OrganisationId& custodian, ByteView bundle) const;
  Result<Received> receive(const Retrieval& wish);
  Result<void> record(const Retrieval& wish, const Result<Received>& received);

  RequesterParts parts_;
};

}  // namespace careledger::exchange
