// A patient's wallet: a key for each relationship, the grants it made, and what it last saw of every ledger and list. One sealed file of
// mode 0600, under a passphrase (Argon2id) or a key file of its own; the format stands in docs/formats/consent.md.
//
// Thread-safety: one thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "codec/json/json.h"
#include "crypto/password.h"
#include "crypto/sign.h"

namespace careledger::apps {

struct WalletKey {  // of one relationship; the organisation is known once the hospital has enrolled it
  std::string label;
  crypto::SigningKey key;
  Digest nonce;
  std::string organisation;  // hex; empty before the first contact
  std::string organisation_name;
  std::uint64_t head_size = 0;         // of the organisation's audit map, as last seen
  std::string head_root;               // hex
  std::uint64_t as_of = 0;             // height of the proof that showed it
  std::string subject;                 // hex: what the organisation lists this patient's accesses under; held on to since the acceptance
  std::optional<AccountId> claimed{};  // the account that other keys began, when this key took it over or is to
  bool handed_over = false;            // to another wallet: this key controls nothing any more
  std::string handover_reason{};       // what was said then, and the salt of its commitment on the ledger (hex)
  std::string handover_salt{};

  AccountId account() const;
  std::string enrolment_code() const;
  // Holds on to the subject that the organisation names first; corrupt when it names another one later: a list of that one is complete
  // and says nothing about this patient.
  Result<void> pin_subject(const std::string& hex);
  // The key that cosigns checkpoints for this relationship, derived from the wallet's key of it: one a relationship, since one for all
  // would link the pseudonyms.
  crypto::SigningKey witness() const;
};

struct WalletGrant {
  std::string custodian;     // hex
  std::string relationship;  // hex, at the custodian
  std::uint32_t number = 0;
  std::string salt;     // hex
  Bytes consent;        // canonical JSON
  std::string grantee;  // name, for people
  bool revoked = false;
};

struct SeenLog {  // of a node that signs checkpoints of its own
  Bytes trust;
  std::uint64_t log_size = 0;
  std::string log_root;
  Bytes checkpoint;
};

struct Wallet {
  std::string ledger;  // hex; empty before the first contact
  Bytes trust;         // the trust file, remembered at first contact
  std::uint64_t log_size = 0;
  std::string log_root;                  // hex, of that size
  Bytes checkpoint;                      // the signed note that said so
  std::map<std::string, SeenLog> nodes;  // in a network: what each organisation's node (hex) showed; the four above are the last asked
  std::vector<WalletKey> keys;
  std::vector<WalletGrant> grants;

  WalletKey* by_label(const std::string& label);
  WalletKey* of_organisation(const std::string& hex);
};

struct WalletSeal {             // at most one is set; none: FILE.key beside the wallet
  std::string passphrase_file;  // first line; "-" is standard input
  std::string key_file;
};

class WalletFile {
 public:
  // conflict: the file is there already.
  static Result<WalletFile> create(const std::string& path, const WalletSeal& seal, Entropy& entropy);
  // wrong_key: another passphrase or key file; newer_format, malformed, not_found.
  static Result<WalletFile> open(const std::string& path, const WalletSeal& seal, Entropy& entropy);

  Wallet& wallet() { return wallet_; }
  Result<void> save();  // whole and durable before it returns
  Result<WalletKey*> add_key(const std::string& label);

 private:
  WalletFile(std::string path, crypto::Secret key, Bytes head, Entropy& entropy)
      : path_(std::move(path)), key_(std::move(key)), head_(std::move(head)), entropy_(&entropy) {}

  std::string path_;
  crypto::Secret key_;
  Bytes head_;  // how the file is sealed; authenticated with what it holds
  Entropy* entropy_;
  Wallet wallet_;
};

// JSON inside the file, whose seeds never leave locked memory: they are put into the text when it is written, and taken out of it before it
// is parsed. malformed.
crypto::Secret wallet_json(const Wallet& wallet);
Result<Wallet> read_wallet_json(crypto::Secret text);

}  // namespace careledger::apps
