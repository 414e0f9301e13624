// The organisation's keys, in one sealed file. Never one key for two jobs: each slot has a purpose, and a purpose one current key.
//
// The file is always sealed: under a passphrase (Argon2id), a key file that only its owner may read and that lies outside the data
// folder, or a systemd credential; the latter two restart unattended. The format stands in docs/formats/keystore.md.
//
// Keys live in crypto::Secret memory and leave it for the crypto library alone. Thread-safety: reading from any thread; changes
// (add, rotate_root, seal_under) take turns by a lock inside. Every change is on disk, whole, before it returns.
// Errors: wrong_key (says what to do), newer_format, corrupt, not_found, forbidden (permissions of the key file), too_large (100,000
// keys), storage.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "crypto/hpke.h"
#include "crypto/password.h"
#include "crypto/sign.h"

namespace careledger::vault {

// Numbers are permanent; new purposes are added at the end.
enum class Purpose : std::uint16_t {
  files = 1,           // root of the encrypted file system under the vault's store
  records = 2,         // root of the key tree of the record versions (key_tree.h)
  audit = 3,           // seals the audit file
  audit_subject = 4,   // HMAC: patient id -> subject of the audit map
  page_token = 5,      // seals paging tokens
  access_token = 6,    // signs the access tokens of the HTTP endpoint
  command = 7,         // Ed25519: signs the organisation's commands
  batch = 8,           // Ed25519: signs batch envelopes
  http_signature = 9,  // Ed25519: RFC 9421 signatures towards other organisations
  opening = 10,        // X25519: opens what others seal to the organisation
  promise = 11,        // Ed25519: signs promises of audit entries
  cosign = 12,         // Ed25519: cosigns checkpoints of the ledger
  validator = 13,      // Ed25519: signs blocks; stands in the ledger's keystore only
  founder = 14,        // Ed25519: the founding authority's; stands in the ledger's keystore only
  trust = 15,          // Ed25519: of relationships held in trust in older keystores; new ones lie in the vault (relationships.h)
  backup = 16,         // seals backups
  relationships = 17,  // seals the file of relationships and consent terms
  engine_node = 18,    // Ed25519: by which engines of a network know each other; stands in the ledger's keystore only
  timestamp = 19,      // number of an ECDSA key on P-256, which issues time stamps (crypto/timestamp.h); kept like a symmetric key
};
const char* name_of(Purpose purpose);

struct KeyInfo {  // what may be shown: `careledger keys`, the key inventory
  Purpose purpose;
  crypto::Algorithm algorithm;  // meaningless for symmetric keys
  std::string label;
  BlockTime created;
  bool retired = false;  // kept to open what was sealed before a rotation
  Bytes public_key;      // empty for symmetric keys
};

// How the file is sealed. Made by one of the functions; holds secrets.
class Seal {
 public:
  static Seal passphrase(ByteView passphrase, crypto::PasswordCost cost = {});
  // 32 random bytes, mode 0600, in a folder outside `data_folder` (checked when opened and made). make: writes a new one when absent.
  static Result<Seal> key_file(const std::string& path, const std::string& data_folder, bool make, Entropy& entropy);
  static Result<Seal> credential(const std::string& name);  // $CREDENTIALS_DIRECTORY/<name>, 32 bytes or more

  Seal(Seal&&) noexcept = default;
  Seal& operator=(Seal&&) noexcept = default;
  Seal clone() const;

 private:
  friend class Keystore;
  enum class Method : std::uint8_t { passphrase = 1, key_file = 2, credential = 3 };
  Seal() = default;
  Method method_ = Method::passphrase;
  crypto::Secret secret_;
  crypto::PasswordCost cost_;
  std::string hint_;  // path or credential name: tells the operator what to bring; not secret
};

// What a keystore says about itself without being opened: how it is sealed, and the path or credential to bring.
struct SealInfo {
  std::string method;  // "passphrase", "key-file", "credential"
  std::string hint;
};

// Label of the key that is to follow the current one of its purpose: durable beside it while others (the ledger, files) are told of it, and
// used by nobody before make_current() or promote().
inline constexpr std::string_view kNextKey = "next";

class Keystore {
 public:
  static Result<std::unique_ptr<Keystore>> create(const std::string& path, const Seal& seal, Clock& clock,
                                                  Entropy& entropy);  // conflict: it is there
  static Result<std::unique_ptr<Keystore>> open(const std::string& path, const Seal& seal, Clock& clock, Entropy& entropy);
  static Result<SealInfo> describe(const std::string& path);
  // For tests and throw-away vaults: nothing on disk.
  static std::unique_ptr<Keystore> in_memory(Clock& clock, Entropy& entropy);
  ~Keystore();

  // The current key of a purpose; made, and on disk, when it was not there.
  Result<crypto::Secret> symmetric(Purpose purpose, std::string_view label = {});  // 32 bytes
  Result<crypto::SigningKey> signing(Purpose purpose, std::string_view label = {});
  Result<crypto::OpeningKey> opening(std::string_view label = {});
  bool holds(Purpose purpose, std::string_view label = {}) const;
  // Brings a key made elsewhere, or replaces the current one, which is kept as retired. conflict when it is the same.
  Result<void> add_signing(Purpose purpose, std::string_view label, const crypto::SigningKey& key);
  Result<crypto::SigningKey> rotate_signing(Purpose purpose, std::string_view label = {});

  // Makes the key with this public half the current one of its purpose, whether it was prepared (kNextKey) or retired; the one before is
  // kept as retired. False, changing nothing, when the keystore has no such key.
  Result<bool> make_current(Purpose purpose, ByteView public_key);

  // Sets a symmetric key and forgets the old one: what was sealed under it and not re-wrapped is dead. Overwrites the old file.
  Result<void> replace_symmetric(Purpose purpose, const crypto::Secret& key);
  // A small value beside the key, changed together with it (for example the generation of the key tree). 0 when never set.
  Result<void> replace_symmetric(Purpose purpose, const crypto::Secret& key, std::uint64_t generation);
  std::uint64_t generation(Purpose purpose) const;
  // The key that was prepared (kNextKey) becomes the current one, and the one before is forgotten; nothing when there is none. Symmetric
  // keys, and a validator's: whoever finds its old key must not be able to sign another history with it.
  Result<void> promote(Purpose purpose);

  Result<void> seal_under(const Seal& seal);  // re-seals under something else; the old file is overwritten
  std::vector<KeyInfo> inventory() const;     // ordered by purpose, label, created

 private:
  struct State;
  explicit Keystore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// No core dumps, no ptrace by others of the same user: call first in main(). Says false when the system refused a part.
bool harden_process();

}  // namespace careledger::vault
