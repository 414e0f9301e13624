// The promises that custodians signed for what they released to us or refused us. Kept for ever: with a later complete list that lacks the
// promised entry, one of them convicts (proof::convict).
//
// One append-only file, each promise sealed (docs/formats/exchange.md). Thread-safety: safe from any thread. keep() is durable before it
// returns; a torn end from a crash is cut when the file is opened, since nobody was told of what stood there.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "crypto/secret.h"
#include "proof/ledger.pb.h"
#include "vault/keystore.h"

namespace careledger::exchange {

class PromiseBook {
 public:
  // `path` empty: in memory, for tests. corrupt: a promise in the middle does not open; wrong_key when none does. Borrows entropy.
  static Result<std::unique_ptr<PromiseBook>> open(const std::string& path, vault::Keystore& keys, Files& files, Entropy& entropy);

  // conflict when a promise of the same access was kept before, whatever else the two say: a custodian that promises one access for two
  // answers has recorded one of two.
  Result<void> keep(const ledger::SignedPromise& promise);
  std::vector<ledger::SignedPromise> of(const OrganisationId& custodian) const;  // oldest first
  std::vector<ledger::SignedPromise> all() const;                                // oldest first
  std::size_t size() const;

 private:
  PromiseBook(crypto::Secret key, Entropy& entropy) : key_(std::move(key)), entropy_(entropy) {}
  Result<void> load();
  Result<void> write(ByteView plain);

  const crypto::Secret key_;
  Entropy& entropy_;
  std::unique_ptr<File> file_;
  mutable std::mutex mutex_;
  std::set<Bytes> known_;  // the rows of audit maps that they are about
  std::vector<ledger::SignedPromise> promises_;
  bool broken_ = false;  // after a failed sync
};

}  // namespace careledger::exchange
