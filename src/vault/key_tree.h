// The secrets of all record versions, in a form from which single ones can be taken out for ever.
//
// Version n owns leaf n of a binary tree of height 40 (Goldreich, Goldwasser and Micali): each node's 32-byte seed gives those of its two
// children by a one-way function, so whoever holds the root's seed holds every version's secret. To erase version n, the seeds on its way
// are dropped and those beside the way kept: everything but n still follows from them, and n follows from nothing. Seeds that are kept are
// the *key pages*; they stand in one sealed file, `keys.<generation>`, under a root key in the keystore.
//
// An erasure writes the new pages under a fresh root key as the next generation, then puts that root into the keystore in place of the
// old one, whose file is overwritten, then overwrites the old pages. From then on every older copy of the record, in backups or in files
// that a database has not reclaimed yet, is dead. The pages grow by at most 40 seeds an erasure and not with the number of versions: a
// backup of the keys stays good for every later version until the next erasure.
//
// Thread-safety: safe from any thread. Format: docs/formats/keystore.md.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace careledger::vault {

class Keystore;

// What one version's seal and salts derive from.
class VersionSecret {
 public:
  explicit VersionSecret(crypto::Secret leaf) : leaf_(std::move(leaf)) {}
  crypto::Secret data_key() const;   // 32 bytes, AES-256-GCM
  crypto::Secret salt_seed() const;  // 32 bytes: codec/fhir/record.h derives the salts of the leaves from it

 private:
  crypto::Secret leaf_;
};

inline constexpr std::uint8_t kKeyTreeHeight = 40;

class KeyTree {
 public:
  // `folder` empty: in memory. wrong_key when the pages are of another generation than the keystore expects (an older copy of either).
  static Result<std::unique_ptr<KeyTree>> open(const std::string& folder, Keystore& keys, Entropy& entropy);

  Result<VersionSecret> secret(std::uint64_t number) const;  // gone when erased; invalid from 2^40 on
  bool erased(std::uint64_t number) const;
  std::uint64_t above_erased() const;  // no number from this one on was erased
  // Durable when it returns. On failure either nothing has changed or, after the keystore was written, the erasure holds.
  Result<void> erase(std::uint64_t number);
  Result<void> rotate();  // fresh root key over the same pages; bodies stay as they are
  std::uint64_t generation() const;
  Result<Bytes> sealed_pages() const;  // the file's bytes, for the backup of the keys
  std::size_t pages() const;           // seeds held

 private:
  struct NodeId {
    std::uint8_t level;  // 0: a version's secret
    std::uint64_t index;
    friend auto operator<=>(const NodeId&, const NodeId&) = default;
  };
  using Pages = std::map<NodeId, crypto::Secret>;

  KeyTree(std::string folder, Keystore& keys, Entropy& entropy) : folder_(std::move(folder)), keys_(keys), entropy_(entropy) {}
  Result<void> load();
  Result<void> store(Pages pages);
  Pages without(std::uint64_t number) const;
  std::string path(std::uint64_t generation) const;
  Bytes seal(const Pages& pages, const crypto::Secret& root, std::uint64_t generation) const;
  static Result<Pages> unseal(ByteView file, const crypto::Secret& root, std::uint64_t generation);
  const crypto::Secret* cover(std::uint64_t number, std::uint8_t* level) const;

  const std::string folder_;
  Keystore& keys_;
  Entropy& entropy_;
  mutable std::mutex mutex_;
  Pages pages_;
  std::uint64_t generation_ = 0;
  Bytes file_;  // as sealed last
  // Seeds of subtrees of 256 versions, so that a version in use costs eight steps and not forty.
  mutable std::unordered_map<std::uint64_t, crypto::Secret> cache_;
};

}  // namespace careledger::vault
