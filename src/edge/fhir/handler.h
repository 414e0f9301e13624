// The FHIR R4 REST interface (http://hl7.org/fhir/R4/http.html) over one organisation's records: everything below /fhir of its port.
//
//   FhirHandler fhir({vault, audit, writes, authenticator, clock, entropy, pool, &operations}, {organisation, "North",
//   "https://north.example/fhir"}); router.add({}, "/fhir/*", fhir);
//
// read, vread, history, create, update (also as create), delete, batch, transaction, search, capabilities, $retrieve and $relationship
// of a Patient, and AuditEvent rendered from the audit map. Each request but /fhir/metadata and /fhir/OperationDefinition needs a token;
// every one is permitted, and recorded durably before its answer leaves. Writes are answered when they are anchored on the ledger
// (header "CareLedger-Anchor: final", "pending" or "refused"; a refused anchor never takes a record back). Errors are OperationOutcomes.
// A write with the header Idempotency-Key is stored once for each actor and key, however often it is sent: again it answers 409 with the
// issue "duplicate", in a batch each entry that was stored, while the others are taken as ever. The key stands for the request: what
// another request asks for under the same key is not looked at. A client makes a new key for each, from 128 random bits.
//
// Thread-safety: handle() from any thread; it waits for no lock of a writer. Reads of one version run on the calling I/O thread, searches
// and histories on threads of their own, everything that writes on the worker pool. Everything in FhirParts is borrowed and must outlive
// the handler and every answer; stop the server and the pool, then stop anchoring and the audit map, before the handler goes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "crypto/secret.h"
#include "edge/auth/failed_logins.h"
#include "edge/auth/token.h"
#include "edge/fhir/operations.h"
#include "edge/http/message.h"
#include "edge/http/worker_pool.h"
#include "vault/audit.h"
#include "vault/recorded_writes.h"
#include "vault/vault.h"

namespace careledger::edge::fhir {

struct FhirParts {
  vault::Vault& vault;
  vault::AuditMap& audit;
  vault::RecordedWrites& writes;  // of the two
  const auth::Authenticator& authenticator;
  auth::FailedLogins& logins;
  Clock& clock;
  Entropy& entropy;
  http::WorkerPool& pool;
  Operations* operations = nullptr;  // none: the operations answer 501 and are left out of the capabilities
};

struct FhirConfig {
  OrganisationId organisation;
  std::string name;           // of the organisation, for the capabilities
  std::string base_url{};     // "https://north.example/fhir"; empty: from the Host of each request
  std::string version = "0";  // of the software
  std::function<bool()> waits_for_anchor = [] {
    return true;
  };  // false: a write is answered when durable and recorded ("CareLedger-Anchor: pending")
  bool check_references = true;              // refuse what points at nothing; false takes records whose context is elsewhere
  crypto::Secret page_key{};                 // 32 bytes for search tokens (keystore, Purpose::page_token); empty: random, one run
  std::uint32_t page_rows = 50;              // of a search without _count
  std::uint32_t page_rows_max = 1000;        // a larger _count gets this
  std::uint32_t counted_max = 10'000;        // matches of a search whose number is told, and recorded under every patient counted
  std::uint32_t entries_max = 25'000;        // of a batch or transaction
  std::size_t answer_bytes_max = 64u << 20;  // of bodies in one Bundle that is an answer; a page ends with the body that reaches it
  std::uint32_t page_life_s = 3600;          // of a next link
  std::function<void(const std::string&)> on_alert{};  // failures of ours that an operator must hear of; never patient data
};

class FhirHandler : public http::Handler {
 public:
  FhirHandler(FhirParts parts, FhirConfig config);
  ~FhirHandler() override;
  FhirHandler(const FhirHandler&) = delete;
  FhirHandler& operator=(const FhirHandler&) = delete;

  void handle(http::Request request, http::Responder respond) override;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace careledger::edge::fhir
