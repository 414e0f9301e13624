// What the parties to a relationship know and the ledger does not: which patient a pseudonym is, and the terms of each consent.
//
// Stored in the organisation's vault, sealed under a key of its own. Thread-safety: safe from any thread. Every change is durable
// before it returns.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace careledger::vault {

class Vault;

enum class RelationshipState : std::uint8_t { proposed = 1, active = 2, ended = 3 };

struct Relationship {
  RelationshipId id;           // as on the ledger
  AccountId patient_account;   // the patient's pseudonym in this relationship
  std::string patient_id;      // of the Patient resource in this vault
  bool held_in_trust = false;  // this organisation holds the patient's key, in the keystore under Purpose::trust
  RelationshipState state = RelationshipState::proposed;
};

struct ConsentTerms {
  Digest grant;  // id of the grant on the ledger
  RelationshipId relationship;
  Bytes consent;           // canonical JSON of the FHIR Consent: the opening
  Bytes salt;              // 32 bytes; exchange/terms.h says how the two give the commitment on the ledger
  bool withdrawn = false;  // known here to be revoked, at once and before the ledger says so
};

class Relationships {
 public:
  explicit Relationships(Vault& vault);  // borrowed

  Result<void> put(const Relationship& relationship);  // new, or replaces by id
  Result<std::optional<Relationship>> find(const RelationshipId& id) const;
  Result<std::vector<Relationship>> of_patient(std::string_view patient_id) const;
  Result<std::vector<Relationship>> all(std::uint32_t limit) const;

  Result<void> put_terms(const ConsentTerms& terms);  // new, or replaces by grant
  Result<std::optional<ConsentTerms>> terms(const Digest& grant) const;
  Result<std::vector<ConsentTerms>> terms_of(const RelationshipId& relationship) const;
  Result<void> withdraw(const Digest& grant);  // not_found

 private:
  Vault& vault_;
};

}  // namespace careledger::vault
