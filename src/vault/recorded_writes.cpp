#include "vault/recorded_writes.h"

#include <algorithm>

#include "vault/audit_entry.h"
#include "vault/layout.h"
#include "vault/parts.h"

namespace careledger::vault {
namespace {

constexpr std::uint32_t kPage = 1024;  // entries looked at in one go

// The entries of a row that the audit map does not hold. They were appended behind `row.floor`, at once or never, so that the search ends
// soon after it or at the end of the file.
Result<std::vector<AuditEntry>> missing(const AuditMap& audit, const OwedRow& row) {
  const Bytes details = row.entry.details;
  std::vector<AuditEntry> left;
  for (const Subject& subject : row.subjects) {
    left.push_back(row.entry);
    left.back().subject = subject;
  }
  for (std::uint64_t from = row.floor; !left.empty();) {
    CARELEDGER_TRY(const std::vector<OpenedEntry> page, audit.entries(from, kPage));
    if (page.empty()) break;
    for (const OpenedEntry& one : page) {
      if (one.entry.details != details) continue;
      const Bytes known = entry_bytes(one.entry);
      const auto found = std::find_if(left.begin(), left.end(), [&](const AuditEntry& entry) { return entry_bytes(entry) == known; });
      if (found != left.end()) left.erase(found);
    }
    from += page.size();
  }
  return left;
}

}  // namespace

// What the callbacks of the audit map leave behind for the next commit; they may outlive the object.
struct RecordedWrites::Settled {
  std::mutex mutex;
  std::vector<std::uint64_t> done;    // commits whose rows may go
  std::vector<std::uint64_t> failed;  // commits that the map did not take

  std::vector<std::uint64_t> take(std::vector<std::uint64_t>& which) {
    const std::lock_guard lock(mutex);
    return std::exchange(which, {});
  }
  void put(std::vector<std::uint64_t>& which, std::span<const std::uint64_t> sequences) {
    const std::lock_guard lock(mutex);
    which.insert(which.end(), sequences.begin(), sequences.end());
  }
};

void Recording::when_done(UniqueFunction<void(const Result<void>&)> done) {
  std::unique_lock lock(mutex_);
  if (!result_) {
    done_ = std::move(done);
    return;
  }
  lock.unlock();
  done(*result_);
}

void Recording::finish(const Result<void>& result) {
  std::unique_lock lock(mutex_);
  result_ = result;
  auto done = std::move(done_);
  lock.unlock();
  if (done) done(result);
}

RecordedWrites::RecordedWrites(Vault& vault, AuditMap& audit) : vault_(vault), audit_(audit), settled_(std::make_shared<Settled>()) {}

RecordedWrites::~RecordedWrites() {
  const std::vector<std::uint64_t> done = settled_->take(settled_->done);
  if (done.empty()) return;
  storage::Batch batch;
  for (const std::uint64_t sequence : done) batch.erase(kStateColumn, owed_key(sequence));
  static_cast<void>(
      vault_.parts().store->write(batch, storage::Durability::buffered));  // rows that stay are found to be settled at the start
}

Result<std::unique_ptr<RecordedWrites>> RecordedWrites::open(Vault& vault, AuditMap& audit) {
  auto made = std::unique_ptr<RecordedWrites>(new RecordedWrites(vault, audit));
  CARELEDGER_CHECK(made->pay_debts());
  return made;
}

Result<void> RecordedWrites::pay_debts() {
  const VaultParts& parts = vault_.parts();
  storage::Batch batch;
  CARELEDGER_TRY(const auto since, parts.store->get(kStateColumn, kRecordedFromKey));
  bool changes = !since;
  if (!since) batch.put(kStateColumn, kRecordedFromKey, u64_bytes(parts.seen().sequence + 1));
  const auto rows = parts.store->iterate(kStateColumn, storage::Range::prefix(kOwedPrefix));
  for (rows->seek_first(); rows->valid(); rows->next()) {
    const auto row = decode_owed_row(rows->value());
    if (!row) return corrupt_row("state", rows->key());
    CARELEDGER_TRY(std::vector<AuditEntry> entries, missing(audit_, *row));
    for (AuditEntry& entry : entries) CARELEDGER_CHECK(audit_.append_and_wait(std::move(entry)));
    batch.erase(kStateColumn, rows->key());
    changes = true;
  }
  CARELEDGER_CHECK(rows->status());
  return changes ? parts.store->write(batch, storage::Durability::synced) : Result<void>{};
}

Result<RecordedCommit> RecordedWrites::commit(Transaction& transaction, const AuditEntry& entry, std::span<const Subject> subjects) {
  CARELEDGER_ASSERT(!subjects.empty());
  if (transaction.size() == 0) {
    CARELEDGER_TRY(const Committed nothing, transaction.commit());
    return RecordedCommit{nothing, nullptr};
  }
  CARELEDGER_CHECK(check_entry(entry));
  OwedRow row{audit_.size(), entry, {subjects.begin(), subjects.end()}};
  CARELEDGER_TRY(AuditMap::Places places, audit_.reserve(subjects.size()));
  const std::vector<std::uint64_t> done = settled_->take(settled_->done);
  transaction.owe(encode(row), done);
  auto committed = transaction.commit();
  if (!committed) {
    settled_->put(settled_->done, done);
    return tl::make_unexpected(std::move(committed.error()));
  }
  std::vector<AuditEntry> entries(subjects.size(), entry);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].subject = subjects[i];
    entries[i].written = committed->last_number;  // durable by now: no crash leaves a map that knows of more than the vault
  }
  const auto recording = std::make_shared<Recording>();
  append(committed->sequence, std::move(entries), std::move(places), recording);
  try_again();
  return RecordedCommit{*committed, recording};
}

void RecordedWrites::append(std::uint64_t sequence, std::vector<AuditEntry> entries, AuditMap::Places places,
                            std::shared_ptr<Recording> recording) {
  audit_.append(std::move(entries), std::move(places),
                [settled = settled_, sequence, recording = std::move(recording)](const Result<void>& recorded) {
                  settled->put(recorded ? settled->done : settled->failed, {&sequence, 1});
                  if (recording) recording->finish(recorded);
                });
}

// What the map did not take while its disk was full or broken off goes again beside the next write.
void RecordedWrites::try_again() {
  for (const std::uint64_t sequence : settled_->take(settled_->failed)) {
    const auto bytes = vault_.parts().store->get(kStateColumn, owed_key(sequence));
    const auto row = bytes && *bytes ? decode_owed_row(**bytes) : std::nullopt;
    auto entries = row ? missing(audit_, *row) : fail(ErrorKind::corrupt, "what a commit owes the audit map cannot be read");
    auto places = entries ? audit_.reserve(entries->size()) : fail(ErrorKind::busy, "");
    if (places) append(sequence, std::move(*entries), std::move(*places), nullptr);
    else settled_->put(settled_->failed, {&sequence, 1});
  }
}

}  // namespace careledger::vault
