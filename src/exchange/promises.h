// The promises that custodians signed for what they released to us or refused us. Kept for ever: with a later complete list that lacks the
// promised entry, one of them convicts (proof::convict).
//
// One append-only file, each promise sealed (docs/formats/exchange.md). Thread-safety: safe from any thread. keep() is durable before it
// returns. What a crash left of the one append under way is put aside in PATH.torn when the file is opened, since nobody was told of what
// stood there; whatever no crash can have done is damage, and changes nothing.
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
  // `path` empty: in memory, for tests. corrupt: a promise does not open that is no torn end; the file stays as it is. Borrows entropy.
  static Result<std::unique_ptr<PromiseBook>> open(const std::string& path, vault::Keystore& keys, Files& files, Entropy& entropy);
  // Opens every promise of a file that nobody writes to, to the last byte; how many. Changes nothing. not_found without a file; corrupt
  // names the byte, also where open() would take it for a torn end.
  static Result<std::uint64_t> verify(const std::string& path, vault::Keystore& keys, Files& files);
  // Appends to `to`, durably, every promise of the file at `path` that is whole, also while a book writes to it. not_found, corrupt as
  // open().
  static Result<void> copy(const std::string& path, const std::string& to, vault::Keystore& keys, Files& files);

  // conflict when a promise of the same access was kept before, whatever else the two say: a custodian that promises one access for two
  // answers has recorded one of two.
  Result<void> keep(const ledger::SignedPromise& promise);
  std::vector<ledger::SignedPromise> of(const OrganisationId& custodian) const;  // oldest first
  std::vector<ledger::SignedPromise> all() const;                                // oldest first
  std::size_t size() const;
  std::uint64_t torn_bytes() const { return torn_bytes_; }  // cut when it was opened; 0 after a clean stop

 private:
  PromiseBook(crypto::Secret key, Entropy& entropy) : key_(std::move(key)), entropy_(entropy) {}
  Result<void> load(const std::string& path, Files& files);
  Result<void> write(ByteView plain);

  const crypto::Secret key_;
  Entropy& entropy_;
  std::unique_ptr<File> file_;
  std::uint64_t torn_bytes_ = 0;
  mutable std::mutex mutex_;
  std::set<Bytes> known_;  // the rows of audit maps that they are about
  std::vector<ledger::SignedPromise> promises_;
  bool broken_ = false;  // after a failed sync
};

}  // namespace careledger::exchange
