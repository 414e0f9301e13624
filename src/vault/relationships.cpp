#include "vault/relationships.h"

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "vault/encoding.h"
#include "vault/parts.h"

namespace careledger::vault {
namespace {

// Rows of the private column: u8 kind ‖ 32 bytes ‖ 32 more for the two that only point. Values are sealed, bound to their key.
constexpr char kRelationship = 1;    // relationship id -> Relationship
constexpr char kOfPatient = 2;       // HMAC of the patient's id ‖ relationship id -> nothing
constexpr char kTerms = 3;           // grant -> ConsentTerms
constexpr char kOfRelationship = 4;  // relationship id ‖ grant -> nothing
constexpr char kHeld = 5;            // name -> varint contract ‖ payload of a HeldCommand
// kCosignedRow = 6: relationship id -> Cosigned

constexpr char kTrustKey = 7;  // relationship id -> seed(32) ‖ nonce(32) of one that is held in trust

constexpr const char* kElsewhere = "the grant was deposited for another relationship";
constexpr std::size_t kTermsMax = 1u << 20;  // bytes of one Consent
constexpr std::size_t kRowsMax = 10'000;     // of one patient or one relationship

Bytes row_key(char kind, ByteView first, ByteView second = {}) { return Bytes(1, kind).append(first).append(second); }

Bytes seal_row(ByteView key, ByteView plain, const crypto::Secret& secret, Entropy& entropy) {
  const Bytes nonce = entropy.take(crypto::kAeadNonceSize);
  return nonce + crypto::aead_seal(secret, nonce, key, plain);
}

// `open`: aead_open, or aead_open_secret for a row that holds a key.
template <class Plain>
Result<Plain> open_row(ByteView key, ByteView sealed, const crypto::Secret& secret,
                       Result<Plain> (*open)(const crypto::Secret&, ByteView, ByteView, ByteView)) {
  if (sealed.size() < crypto::kAeadNonceSize) return corrupt_row("private", key);
  auto plain = open(secret, sealed.substr(0, crypto::kAeadNonceSize), key, sealed.substr(crypto::kAeadNonceSize));
  if (!plain) return corrupt_row("private", key);
  return plain;
}

Bytes encode(const Relationship& one) {
  Bytes out = one.id.bytes() + one.patient_account.bytes();
  append_short(out, one.patient_id);
  out.push_back(one.held_in_trust ? '\1' : '\0');
  out.push_back(static_cast<char>(one.state));
  if (one.merged) out.append(one.merged->survivor.view()).append(one.merged->salt.view());
  return out;
}

std::optional<Relationship> decode_relationship(ByteView in) {
  const auto id = take_bytes(in, 32);
  const auto account = take_bytes(in, 32);
  const auto patient = take_short(in);
  const auto trust = take_u8(in);
  const auto state = take_u8(in);
  if (!id || !account || !patient || !trust || *trust > 1 || !state || *state < 1 || *state > 3) return std::nullopt;
  Relationship one{*RelationshipId::from(*id), *AccountId::from(*account), std::string(*patient), *trust == 1,
                   static_cast<RelationshipState>(*state)};
  if (in.empty()) return one;
  const auto survivor = take_bytes(in, 32);
  const auto salt = take_bytes(in, 32);
  if (!survivor || !salt || !in.empty()) return std::nullopt;
  one.merged = MergedInto{*RelationshipId::from(*survivor), *Digest::from(*salt)};
  return one;
}

Bytes encode(const ConsentTerms& terms) {
  Bytes out = terms.grant.bytes() + terms.relationship.bytes();
  append_short(out, terms.consent);
  append_short(out, terms.salt);
  out.push_back(terms.withdrawn ? '\1' : '\0');
  return out;
}

std::optional<ConsentTerms> decode_terms(ByteView in) {
  const auto grant = take_bytes(in, 32);
  const auto relationship = take_bytes(in, 32);
  const auto consent = take_short(in);
  const auto salt = take_short(in);
  const auto withdrawn = take_u8(in);
  if (!grant || !relationship || !consent || !salt || !withdrawn || *withdrawn > 1 || !in.empty()) return std::nullopt;
  return ConsentTerms{*Digest::from(*grant), *RelationshipId::from(*relationship), Bytes(*consent), Bytes(*salt), *withdrawn == 1};
}

Bytes encode(const Cosigned& one) {
  Bytes out = one.relationship.bytes();
  append_short(out, one.key);
  append_short(out, one.note);
  return out;
}

std::optional<Cosigned> decode_cosigned(ByteView in) {
  const auto relationship = take_bytes(in, 32);
  const auto key = take_short(in);
  const auto note = take_short(in);
  if (!relationship || !key || !note || !in.empty()) return std::nullopt;
  return Cosigned{*RelationshipId::from(*relationship), std::string(*key), Bytes(*note)};
}

Bytes patient_mark(const crypto::Secret& secret, std::string_view patient_id) {
  return crypto::hmac_sha256(secret.view(), Bytes("patient\0", 8).append(patient_id)).bytes();
}

// What the rows under a pointer point at: the last 32 bytes of each key.
Result<std::vector<Bytes>> pointed_at(const VaultParts& parts, ByteView prefix) {
  const auto rows = parts.store->iterate(kPrivateColumn, storage::Range::prefix(prefix));
  std::vector<Bytes> targets;
  for (rows->seek_first(); rows->valid() && targets.size() < kRowsMax; rows->next()) {
    if (rows->key().size() != 65) return corrupt_row("private", rows->key());
    targets.emplace_back(rows->key().substr(33));
  }
  CARELEDGER_CHECK(rows->status());
  return targets;
}

template <class T, class Decode>
Result<std::optional<T>> find_row(const VaultParts& parts, const Bytes& key, const crypto::Secret& secret, Decode decode) {
  CARELEDGER_TRY(const auto sealed, parts.store->get(kPrivateColumn, key));
  if (!sealed) return std::optional<T>();
  CARELEDGER_TRY(const Bytes plain, open_row(key, *sealed, secret, crypto::aead_open));
  auto found = decode(plain);
  if (!found) return corrupt_row("private", key);
  return found;
}

}  // namespace

Relationships::Relationships(Vault& vault) : vault_(vault) {}

Result<void> Relationships::put(const Relationship& relationship) {
  storage::Batch batch;
  CARELEDGER_CHECK(put_row(relationship, batch));
  return vault_.parts().store->write(batch, storage::Durability::synced);
}

Result<void> Relationships::put_in_trust(const Relationship& relationship, const TrustKey& trust) {
  VaultParts& parts = vault_.parts();
  CARELEDGER_TRY(const crypto::Secret secret, parts.keys.symmetric(Purpose::relationships));
  storage::Batch batch;
  CARELEDGER_CHECK(put_row(relationship, batch));
  const Bytes key = row_key(kTrustKey, relationship.id.view());
  crypto::Secret plain(64);
  trust.key.seed().view().copy(plain.data(), 32);
  trust.nonce.view().copy(plain.data() + 32, 32);
  batch.put(kPrivateColumn, key, seal_row(key, plain.view(), secret, parts.entropy));
  return parts.store->write(batch, storage::Durability::synced);
}

Result<std::optional<TrustKey>> Relationships::trust_key(const RelationshipId& id) const {
  const VaultParts& parts = vault_.parts();
  CARELEDGER_TRY(const crypto::Secret secret, parts.keys.symmetric(Purpose::relationships));
  const Bytes key = row_key(kTrustKey, id.view());
  CARELEDGER_TRY(const auto sealed, parts.store->get(kPrivateColumn, key));
  if (!sealed) return std::optional<TrustKey>();
  CARELEDGER_TRY(const crypto::Secret plain, open_row(key, *sealed, secret, crypto::aead_open_secret));
  if (plain.size() != 64) return corrupt_row("private", key);
  const crypto::Secret seed = crypto::Secret::copy_of(plain.view().substr(0, 32));
  const Digest nonce = *Digest::from(plain.view().substr(32));
  CARELEDGER_TRY(crypto::SigningKey signing, crypto::SigningKey::from_seed(seed));
  return std::optional<TrustKey>(TrustKey{std::move(signing), nonce});
}

Result<void> Relationships::take_back(const RelationshipId& id) {
  VaultParts& parts = vault_.parts();
  CARELEDGER_TRY(const auto known, find(id));
  if (!known || known->state != RelationshipState::proposed) return {};
  CARELEDGER_TRY(const crypto::Secret secret, parts.keys.symmetric(Purpose::relationships));
  storage::Batch batch;
  batch.erase(kPrivateColumn, row_key(kRelationship, id.view()));
  batch.erase(kPrivateColumn, row_key(kOfPatient, patient_mark(secret, known->patient_id), id.view()));
  batch.erase(kPrivateColumn, row_key(kTrustKey, id.view()));
  return parts.store->write(batch, storage::Durability::synced);
}

Result<void> Relationships::put_row(const Relationship& relationship, storage::Batch& batch) {
  CARELEDGER_CHECK(check_name("Patient", relationship.patient_id));
  VaultParts& parts = vault_.parts();
  CARELEDGER_TRY(const crypto::Secret secret, parts.keys.symmetric(Purpose::relationships));
  CARELEDGER_TRY(const auto before, find(relationship.id));
  if (before && before->patient_id != relationship.patient_id) {
    batch.erase(kPrivateColumn, row_key(kOfPatient, patient_mark(secret, before->patient_id), relationship.id.view()));
  }
  const Bytes key = row_key(kRelationship, relationship.id.view());
  batch.put(kPrivateColumn, key, seal_row(key, encode(relationship), secret, parts.entropy));
  batch.put(kPrivateColumn, row_key(kOfPatient, patient_mark(secret, relationship.patient_id), relationship.id.view()), {});
  return {};
}

Result<std::optional<Relationship>> Relationships::find(const RelationshipId& id) const {
  CARELEDGER_TRY(const crypto::Secret secret, vault_.parts().keys.symmetric(Purpose::relationships));
  return find_row<Relationship>(vault_.parts(), row_key(kRelationship, id.view()), secret, decode_relationship);
}

Result<std::vector<Relationship>> Relationships::of_patient(std::string_view patient_id) const {
  CARELEDGER_TRY(const crypto::Secret secret, vault_.parts().keys.symmetric(Purpose::relationships));
  CARELEDGER_TRY(const auto ids, pointed_at(vault_.parts(), row_key(kOfPatient, patient_mark(secret, patient_id))));
  std::vector<Relationship> found;
  for (const Bytes& id : ids) {
    CARELEDGER_TRY(auto one, find(*RelationshipId::from(id)));
    if (one) found.push_back(std::move(*one));
  }
  return found;
}

Result<std::vector<Relationship>> Relationships::all(std::uint32_t limit) const {
  CARELEDGER_TRY(const crypto::Secret secret, vault_.parts().keys.symmetric(Purpose::relationships));
  const auto rows = vault_.parts().store->iterate(kPrivateColumn, storage::Range::prefix(Bytes(1, kRelationship)));
  std::vector<Relationship> found;
  for (rows->seek_first(); rows->valid() && found.size() < limit; rows->next()) {
    CARELEDGER_TRY(const Bytes plain, open_row(rows->key(), rows->value(), secret, crypto::aead_open));
    auto one = decode_relationship(plain);
    if (!one) return corrupt_row("private", rows->key());
    found.push_back(std::move(*one));
  }
  CARELEDGER_CHECK(rows->status());
  return found;
}

Result<void> Relationships::put_terms(const ConsentTerms& terms) {
  const std::lock_guard lock(terms_mutex_);
  CARELEDGER_TRY(const auto before, this->terms(terms.grant));
  if (before && before->relationship != terms.relationship) return fail(ErrorKind::conflict, kElsewhere);
  ConsentTerms merged = terms;
  if (before && before->withdrawn) merged.withdrawn = true;
  return write_terms(merged);
}

Result<void> Relationships::write_terms(const ConsentTerms& terms) {
  if (terms.consent.size() > kTermsMax || terms.salt.size() > 64) return fail(ErrorKind::too_large, "the consent is larger than 1 MiB");
  VaultParts& parts = vault_.parts();
  CARELEDGER_TRY(const crypto::Secret secret, parts.keys.symmetric(Purpose::relationships));
  const Bytes key = row_key(kTerms, terms.grant.view());
  storage::Batch batch;
  batch.put(kPrivateColumn, key, seal_row(key, encode(terms), secret, parts.entropy));
  batch.put(kPrivateColumn, row_key(kOfRelationship, terms.relationship.view(), terms.grant.view()), {});
  return parts.store->write(batch, storage::Durability::synced);
}

Result<std::optional<ConsentTerms>> Relationships::terms(const Digest& grant) const {
  CARELEDGER_TRY(const crypto::Secret secret, vault_.parts().keys.symmetric(Purpose::relationships));
  return find_row<ConsentTerms>(vault_.parts(), row_key(kTerms, grant.view()), secret, decode_terms);
}

Result<std::vector<ConsentTerms>> Relationships::terms_of(const RelationshipId& relationship) const {
  CARELEDGER_TRY(const auto grants, pointed_at(vault_.parts(), row_key(kOfRelationship, relationship.view())));
  std::vector<ConsentTerms> found;
  for (const Bytes& grant : grants) {
    CARELEDGER_TRY(auto one, terms(*Digest::from(grant)));
    if (one) found.push_back(std::move(*one));
  }
  return found;
}

Result<void> Relationships::withdraw(const RelationshipId& relationship, const Digest& grant) {
  const std::lock_guard lock(terms_mutex_);
  CARELEDGER_TRY(auto known, terms(grant));
  if (known && known->relationship != relationship) return fail(ErrorKind::conflict, kElsewhere);
  if (known && known->withdrawn) return {};
  if (!known) known = ConsentTerms{grant, relationship, {}, {}, false};
  known->withdrawn = true;
  return write_terms(*known);
}

Result<void> Relationships::hold(const HeldCommand& command) {
  VaultParts& parts = vault_.parts();
  CARELEDGER_TRY(const crypto::Secret secret, parts.keys.symmetric(Purpose::relationships));
  const Bytes key = row_key(kHeld, command.name.view());
  Bytes plain;
  append_varint(plain, command.contract.value);
  storage::Batch batch;
  batch.put(kPrivateColumn, key, seal_row(key, plain.append(command.payload), secret, parts.entropy));
  return parts.store->write(batch, storage::Durability::synced);
}

Result<std::vector<HeldCommand>> Relationships::held() const {
  const VaultParts& parts = vault_.parts();
  CARELEDGER_TRY(const crypto::Secret secret, parts.keys.symmetric(Purpose::relationships));
  const auto rows = parts.store->iterate(kPrivateColumn, storage::Range::prefix(Bytes(1, kHeld)));
  std::vector<HeldCommand> found;
  for (rows->seek_first(); rows->valid(); rows->next()) {
    CARELEDGER_TRY(const Bytes plain, open_row(rows->key(), rows->value(), secret, crypto::aead_open));
    ByteView rest = plain;
    const auto name = Digest::from(rows->key().substr(1));
    const auto contract = take_varint(rest);
    if (!name || !contract || *contract > UINT16_MAX) return corrupt_row("private", rows->key());
    found.push_back({*name, ContractId{static_cast<std::uint16_t>(*contract)}, Bytes(rest)});
  }
  CARELEDGER_CHECK(rows->status());
  return found;
}

Result<void> Relationships::drop(const Digest& name) {
  storage::Batch batch;
  batch.erase(kPrivateColumn, row_key(kHeld, name.view()));
  return vault_.parts().store->write(batch, storage::Durability::buffered);  // back after a crash: the ledger has it already then
}

Result<void> Relationships::put_cosigned(const Cosigned& cosigned) {
  VaultParts& parts = vault_.parts();
  CARELEDGER_TRY(const crypto::Secret secret, parts.keys.symmetric(Purpose::relationships));
  const Bytes key = row_key(kCosignedRow, cosigned.relationship.view());
  storage::Batch batch;
  batch.put(kPrivateColumn, key, seal_row(key, encode(cosigned), secret, parts.entropy));
  return parts.store->write(batch, storage::Durability::synced);
}

Result<void> Relationships::each_cosigned(const std::function<Result<void>(const Cosigned&)>& visit) const {
  CARELEDGER_TRY(const crypto::Secret secret, vault_.parts().keys.symmetric(Purpose::relationships));
  const auto rows = vault_.parts().store->iterate(kPrivateColumn, storage::Range::prefix(Bytes(1, kCosignedRow)));
  for (rows->seek_first(); rows->valid(); rows->next()) {
    CARELEDGER_TRY(const Bytes plain, open_row(rows->key(), rows->value(), secret, crypto::aead_open));
    const auto one = decode_cosigned(plain);
    if (!one) return corrupt_row("private", rows->key());
    CARELEDGER_CHECK(visit(*one));
  }
  return rows->status();
}

}  // namespace careledger::vault
