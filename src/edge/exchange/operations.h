// The FHIR operations $retrieve and $relationship of a Patient, on top of exchange/ and the ledger.
//
// Both wait for others (another organisation, the end of an epoch), so they run on threads of their own: the worker pool must stay free for
// the very requests they wait for when one process hosts both sides.
//
// Thread-safety: as fhir::Operations. Parts are borrowed; stop() before they go.
#pragma once

#include "edge/fhir/operations.h"
#include "edge/http/worker_pool.h"
#include "exchange/requester.h"
#include "vault/quiet_outbox.h"

namespace careledger::edge::exchange {

inline constexpr std::string_view kRefusalSystem = "https://careledger.example/fhir/CodeSystem/refusal";

struct OperationsParts {
  OrganisationId organisation;
  careledger::exchange::Requester& requester;
  replica::Replica& replica;
  vault::QuietOutbox& quiet;
  const Clock& clock;
  vault::Keystore& keys;
  vault::AuditMap& audit;
  vault::Relationships& relationships;
  Entropy& entropy;
};

class Operations final : public fhir::Operations {
 public:
  explicit Operations(OperationsParts parts, std::size_t threads = 4) : parts_(parts), waiting_(threads, 256) {}
  void retrieve(fhir::OperationCall call, fhir::OperationDone done) override;
  void relationship(fhir::OperationCall call, fhir::OperationDone done) override;
  void stop() { waiting_.stop(); }

 private:
  Result<fhir::OperationReply> run_retrieve(const fhir::OperationCall& call);
  Result<fhir::OperationReply> run_relationship(const fhir::OperationCall& call);
  Result<careledger::exchange::Retrieval> wish_of(const fhir::OperationCall& call) const;
  Result<fhir::OperationReply> relate(const fhir::OperationCall& call);
  Result<fhir::OperationReply> record(const fhir::OperationCall& call, vault::AuditKind kind, Result<fhir::OperationReply> reply);
  Result<OrganisationId> custodian_of(std::string_view name) const;
  Result<vault::Relationship> prepare(const fhir::OperationCall& call, Bytes& payload);
  Result<void> propose(const RelationshipId& id, Bytes payload);

  OperationsParts parts_;
  http::WorkerPool waiting_;
};

// What a wallet hands to its hospital: base64url of field(canonical Authority) ‖ field(nonce, 32 bytes).
struct Enrolment {
  ledger::Authority authority;
  Digest nonce;
};
std::string enrolment_code(const Enrolment& enrolment);
Result<Enrolment> read_enrolment(std::string_view code);  // malformed

}  // namespace careledger::edge::exchange
