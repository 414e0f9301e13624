// A write and its record, together: what a commit owes the audit map is a row of that very commit, is appended from there, and again at the
// next start when a crash, a full disk or a full queue came in between. So no version is stored that stands in no access list.
//
//   CARELEDGER_TRY(auto written, writes.commit(*transaction, entry, {audit.subject_of("p1")}));
//   written.recording->when_done([…](const Result<void>& recorded) {…});   // the answer waits for that
//
// Thread-safety: safe from any thread, each transaction on its own. Borrows vault and audit map; goes before either.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/function.h"
#include "vault/audit.h"
#include "vault/vault.h"

namespace careledger::vault {

// Whether the entries of one commit are durable yet.
class Recording {
 public:
  // Runs once: at once when it is over, else on a thread of the audit map. An error: the write stands, its entries are owed still.
  void when_done(UniqueFunction<void(const Result<void>&)> done);

 private:
  friend class RecordedWrites;
  void finish(const Result<void>& result);

  std::mutex mutex_;
  std::optional<Result<void>> result_;
  UniqueFunction<void(const Result<void>&)> done_;
};

struct RecordedCommit {
  Committed committed;
  std::shared_ptr<Recording> recording;  // nullptr when the transaction changed nothing: then nothing was recorded either
};

class RecordedWrites {
 public:
  // Appends what commits of an earlier run still owe: durable when it returns.
  static Result<std::unique_ptr<RecordedWrites>> open(Vault& vault, AuditMap& audit);
  ~RecordedWrites();

  // Commits, and appends `entry` once for each of `subjects`. busy when the audit map cannot take them now, and too_large when it never
  // can: then nothing is stored.
  Result<RecordedCommit> commit(Transaction& transaction, const AuditEntry& entry, std::span<const Subject> subjects);

 private:
  struct Settled;
  RecordedWrites(Vault& vault, AuditMap& audit);
  Result<void> pay_debts();
  void append(std::uint64_t sequence, std::vector<AuditEntry> entries, AuditMap::Places places, std::shared_ptr<Recording> recording);
  void try_again();

  Vault& vault_;
  AuditMap& audit_;
  std::shared_ptr<Settled> settled_;
};

}  // namespace careledger::vault
