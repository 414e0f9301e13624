// The FHIR operations $retrieve and $relationship of a Patient, on top of exchange/ and the ledger.
//
// Both wait for others (another organisation, the end of an epoch), so they run on threads of their own: the worker pool must stay free for
// the very requests they wait for when one process hosts both sides.
//
// Thread-safety: as fhir::Operations. Parts are borrowed; stop() before they go.
#pragma once

#include "contracts/relationship/relationship.h"
#include "edge/fhir/operations.h"
#include "edge/http/worker_pool.h"
#include "exchange/requester.h"
#include "vault/quiet_outbox.h"
#include "vault/vault.h"

namespace careledger::edge::exchange {

inline constexpr std::string_view kRefusalSystem = "https://careledger.example/fhir/CodeSystem/refusal";

struct OperationsParts {
  OrganisationId organisation;
  careledger::exchange::Requester& requester;
  replica::Replica& replica;
  ordering::Ordering& ordering;
  std::uint32_t epoch_ms;  // of the mixed lane
  vault::QuietOutbox& quiet;
  const Clock& clock;
  vault::Keystore& keys;
  const vault::Vault& vault;
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
  struct Proposal {
    vault::Relationship relationship;
    Bytes payload;
  };
  Result<Proposal> prepare(const fhir::OperationCall& call);
  Result<Proposal> prepare_in_trust(const std::string& patient_id);
  Result<Proposal> prepare_for_wallet(const std::string& patient_id, std::string_view code);
  Result<crypto::SigningKey> key_held_for(const RelationshipId& id);
  Result<fhir::OperationReply> propose(const fhir::OperationCall& call);
  // relationship_acts.cpp
  Result<fhir::OperationReply> list(const fhir::OperationCall& call);
  Result<fhir::OperationReply> claim(const fhir::OperationCall& call);
  Result<fhir::OperationReply> merge(const fhir::OperationCall& call);
  Result<fhir::OperationReply> unmerge(const fhir::OperationCall& call);
  Result<fhir::OperationReply> reply_about(const std::vector<vault::Relationship>& relationships) const;
  bool any_with(const std::vector<vault::Relationship>& relationships, contracts::relationship::Status status) const;
  Result<RelationshipId> active_one_of(std::string_view patient_id) const;
  Result<void> send_claim(const vault::Relationship& held, const Bytes& payload);
  Result<void> send_quietly(const RelationshipId& id, Bytes payload);  // the organisation's own command

  OperationsParts parts_;
  std::mutex trust_mutex_;  // one relationship in trust a patient: between looking and making
  http::WorkerPool waiting_;
};

// What a wallet hands to its hospital: base64url of field(canonical Authority) ‖ field(nonce, 32 bytes).
struct Enrolment {
  ledger::Authority authority;
  Digest nonce;
};
std::string enrolment_code(const Enrolment& enrolment);
Result<Enrolment> read_enrolment(std::string_view code);  // malformed

// What a wallet makes to take over an account that other keys control: a new authority and its signature over
// relationship::handover_bytes(). base64url of field(canonical Authority) ‖ field(account) ‖ field(canonical CommandSignature).
struct HandoverCode {
  ledger::Authority authority;
  AccountId account;
  ledger::CommandSignature proof;
};
std::string handover_code(const HandoverCode& handover);
// malformed; invalid when the proof is not the authority's for this account and ledger.
Result<HandoverCode> read_handover_code(std::string_view code, const LedgerId& ledger);

// What stands on the ledger in place of the relationship that a merged one goes on in.
Digest commitment_to(const vault::MergedInto& merged);

}  // namespace careledger::edge::exchange
