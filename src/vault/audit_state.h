// The insides of AuditMap. For src/vault alone.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <thread>

#include "vault/audit_store.h"
#include "vault/head_keeper.h"

namespace careledger::vault {

struct AuditMap::State {
  AuditOptions options;
  Clock& clock;
  std::unique_ptr<Files> own_files;  // when in memory
  std::unique_ptr<AuditFile> file;
  std::unique_ptr<AuditStore> store;
  crypto::Secret subject_key;
  std::unique_ptr<HeadKeeper> keeper;

  struct Queued {
    AuditEntry entry;
    UniqueFunction<void(const Result<Recorded>&)> done{};  // none: somebody behind it in the same batch tells
  };
  std::mutex queue_mutex;
  std::condition_variable queue_changed;
  std::condition_variable queue_done;  // a batch was flushed and its callbacks ran
  std::vector<Queued> queue;
  std::size_t reserved = 0;  // places of the queue that somebody holds
  bool flushing = false;
  bool closing = false;
  std::thread flusher;

  // Of the flusher's thread.
  BlockTime last_time;
  std::uint32_t last_number = 0;

  std::atomic<std::uint64_t> durable{0};  // entries
  mutable std::mutex pending_mutex;
  std::vector<Folding> pending;  // durable, not folded, in order
  FilePlace pending_next;        // behind the last of them

  void flush_loop();
  void flush(std::vector<Queued> batch);
  Recorded seal(const AuditEntry& entry, const crypto::HmacSha256& salts, Bytes& buffer, std::vector<Folding>& folding);
  Result<void> write(const Bytes& buffer, FilePlace before);
  Result<void> fold_pending();  // of the keeper's thread, or before it runs
};

}  // namespace careledger::vault
