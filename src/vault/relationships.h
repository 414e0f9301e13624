// What the parties to a relationship know and the ledger does not: which patient a pseudonym is, and the terms of each consent.
//
// Stored in the organisation's vault, sealed under a key of its own. Thread-safety: safe from any thread, through one object for all that
// write. Every change is durable before it returns.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "crypto/sign.h"

namespace careledger::storage {
class Batch;
}

namespace careledger::vault {

class Vault;

enum class RelationshipState : std::uint8_t { proposed = 1, active = 2, ended = 3 };

// Opening of the commitment that stands on the ledger while a relationship is merged; kept afterwards.
struct MergedInto {
  RelationshipId survivor;
  Digest salt;
};

struct Relationship {
  RelationshipId id;           // as on the ledger
  AccountId patient_account;   // the patient's pseudonym in this relationship
  std::string patient_id;      // of the Patient resource in this vault
  bool held_in_trust = false;  // this organisation holds the patient's key (TrustKey)
  RelationshipState state = RelationshipState::proposed;
  std::optional<MergedInto> merged{};
};

// What proposes a relationship in trust and signs for its patient.
struct TrustKey {
  crypto::SigningKey key;
  Digest nonce;  // the other half of what the patient's account follows from
};

struct ConsentTerms {
  Digest grant;  // id of the grant on the ledger
  RelationshipId relationship;
  Bytes consent;           // canonical JSON of the FHIR Consent: the opening
  Bytes salt;              // 32 bytes; exchange/terms.h says how the two give the commitment on the ledger
  bool withdrawn = false;  // known here to be revoked, at once and before the ledger says so
};

// A command that waits for the end of an epoch (quiet_outbox.h). The organisation's own is not signed yet; a patient's is.
struct HeldCommand {
  Digest name;          // tells nothing of when it was asked for; the order in which they go out. Of a signed one: its digest
  ContractId contract;  // 0: `payload` is a whole SignedCommand
  Bytes payload;
  bool is_signed() const { return contract.value == 0; }
};

// The newest checkpoint of the ledger that the wallet of a relationship cosigned. Nobody but this organisation learns whose wallet it was.
struct Cosigned {
  RelationshipId relationship;
  std::string key;  // of the wallet for this relationship, as text (proof/checkpoint.h)
  Bytes note;       // text and the wallet's cosignature
};

class Relationships {
 public:
  explicit Relationships(Vault& vault);  // borrowed

  Result<void> put(const Relationship& relationship);                            // new, or replaces by id
  Result<void> put_in_trust(const Relationship& relationship, const TrustKey&);  // both in one step
  Result<std::optional<TrustKey>> trust_key(const RelationshipId& id) const;
  // Takes back what the ledger refused, key included; nothing happens to one that is more than proposed, or not there.
  Result<void> take_back(const RelationshipId& id);
  Result<std::optional<Relationship>> find(const RelationshipId& id) const;
  Result<std::vector<Relationship>> of_patient(std::string_view patient_id) const;
  Result<std::vector<Relationship>> all(std::uint32_t limit) const;

  // New, or replaces by grant; `withdrawn` only rises: what was withdrawn stays so. conflict when another relationship deposited the grant.
  Result<void> put_terms(const ConsentTerms& terms);
  Result<std::optional<ConsentTerms>> terms(const Digest& grant) const;
  Result<std::vector<ConsentTerms>> terms_of(const RelationshipId& relationship) const;
  // Also of a grant that was never deposited here: it is then withdrawn before anybody shows it. conflict as above.
  Result<void> withdraw(const RelationshipId& relationship, const Digest& grant);

  Result<void> hold(const HeldCommand& command);  // new, or replaces by name
  Result<std::vector<HeldCommand>> held() const;  // by name
  Result<void> drop(const Digest& name);          // held or not

  Result<void> put_cosigned(const Cosigned& cosigned);  // replaces the one before
  // Each of them in turn; stops at the first error that `visit` gives.
  Result<void> each_cosigned(const std::function<Result<void>(const Cosigned&)>& visit) const;

 private:
  Result<void> put_row(const Relationship& relationship, storage::Batch& batch);
  Result<void> write_terms(const ConsentTerms& terms);

  Vault& vault_;
  std::mutex terms_mutex_;  // between reading and writing the terms of a grant
};

}  // namespace careledger::vault
