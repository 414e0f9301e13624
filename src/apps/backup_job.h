// A part of a backup that an organisation's endpoint was asked for: it runs on a thread of its own, because it takes as long as it takes,
// and whoever asked comes again for the result. One at a time.
//
// Thread-safety: any thread. Destruction waits for what runs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/ids.h"
#include "base/result.h"

namespace careledger::apps {

struct BackupFolders {
  std::string data;
  std::string keys;
};

struct BackedUp {
  std::uint64_t versions = 0;
  std::uint64_t audit_entries = 0;
  Height height;
  std::uint64_t lost_entries = 0;   // of a restore: accesses that the ledger's heads cover and the backup did not hold
  bool without_old_blocks = false;  // of a check or a restore: the backup of a grown ledger's former owner has none from before that
};

// In this order, each of all organisations before the next: what is copied later may know more than what was copied before, never less.
// A witness must not remember more than the ledger, nor the ledger know of accesses that the audit does not hold.
enum class BackupPart : std::uint8_t { records, ledger, accesses };

class BackupJob {
 public:
  ~BackupJob();
  Result<void> start(std::function<Result<BackedUp>()> work);  // busy while one runs
  // What became of the last one; nullopt when it still runs after `patience`. not_found when none was started.
  std::optional<Result<BackedUp>> wait(std::chrono::milliseconds patience);

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::thread thread_;
  bool running_ = false;
  std::optional<Result<BackedUp>> outcome_;
};

}  // namespace careledger::apps
