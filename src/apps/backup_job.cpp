#include "apps/backup_job.h"

namespace careledger::apps {

BackupJob::~BackupJob() {
  if (thread_.joinable()) thread_.join();
}

Result<void> BackupJob::start(std::function<Result<BackedUp>()> work) {
  const std::lock_guard lock(mutex_);
  if (running_) return fail(ErrorKind::busy, "a backup is being made already; wait for it");
  if (thread_.joinable()) thread_.join();  // it has ended
  running_ = true;
  outcome_.reset();
  thread_ = std::thread([this, work = std::move(work)] {
    auto outcome = work();
    const std::lock_guard done(mutex_);
    outcome_ = std::move(outcome);
    running_ = false;
    ended_.notify_all();
  });
  return {};
}

std::optional<Result<BackedUp>> BackupJob::wait(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, patience, [this] { return !running_; });
  if (running_) return std::nullopt;
  if (!outcome_) return Result<BackedUp>(fail(ErrorKind::not_found, "no backup was asked for"));
  return outcome_;
}

}  // namespace careledger::apps
