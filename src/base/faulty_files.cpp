#include "base/faulty_files.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"

namespace careledger {

class FaultyFiles::Handle : public File {
 public:
  Handle(std::unique_ptr<File> file, FaultyFiles& files, std::string path)
      : file_(std::move(file)), files_(files), path_(std::move(path)) {}
  Result<void> append(ByteView bytes) override {
    CARELEDGER_CHECK(files_.step(bytes.size()));
    return file_->append(bytes);
  }
  Result<Bytes> read(std::uint64_t offset, std::size_t count) const override { return file_->read(offset, count); }
  Result<std::uint64_t> size() const override { return file_->size(); }
  Result<void> truncate(std::uint64_t size) override {
    CARELEDGER_CHECK(files_.step());
    CARELEDGER_CHECK(file_->truncate(size));
    const std::lock_guard lock(files_.mutex_);
    std::uint64_t& synced = files_.synced_[path_];
    synced = std::min(synced, size);
    return {};
  }
  Result<void> sync() override {
    CARELEDGER_TRY(const std::uint64_t size, file_->size());
    return files_.sync(path_, size);
  }

 private:
  std::unique_ptr<File> file_;
  FaultyFiles& files_;
  std::string path_;
};

std::uint64_t FaultyFiles::steps() const {
  const std::lock_guard lock(mutex_);
  return steps_;
}
void FaultyFiles::stop_at_step(std::uint64_t step) {
  const std::lock_guard lock(mutex_);
  stop_at_ = step;
}
void FaultyFiles::fail_next_sync() {
  const std::lock_guard lock(mutex_);
  fail_sync_ = true;
}
void FaultyFiles::fail_next_rename_sync() {
  const std::lock_guard lock(mutex_);
  fail_rename_sync_ = true;
}

void FaultyFiles::set_free_bytes(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  free_ = bytes;
}

Result<void> FaultyFiles::step(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (++steps_ >= stop_at_) return fail(ErrorKind::storage, "the disk has stopped");
  if (free_ && *free_ < bytes) return fail(ErrorKind::storage, "no space left on the disk");
  if (free_) *free_ -= bytes;
  return {};
}

Result<void> FaultyFiles::sync(const std::string& path, std::uint64_t size) {
  CARELEDGER_CHECK(step());
  const std::lock_guard lock(mutex_);
  if (std::exchange(fail_sync_, false)) return fail(ErrorKind::storage, "cannot make durable " + path + ": input/output error");
  synced_[path] = size;  // no real sync: the machine does not die
  return {};
}

Result<std::unique_ptr<File>> FaultyFiles::open(const std::string& path, bool create) {
  const bool there = below_.exists(path);
  if (create && !there) CARELEDGER_CHECK(step());
  CARELEDGER_TRY(std::unique_ptr<File> file, below_.open(path, create));
  CARELEDGER_TRY(const std::uint64_t size, file->size());
  {
    const std::lock_guard lock(mutex_);
    synced_.try_emplace(path, size);
  }
  return std::unique_ptr<File>(new Handle(std::move(file), *this, path));
}

Result<Bytes> FaultyFiles::read_all(const std::string& path, std::size_t size_max) { return below_.read_all(path, size_max); }

Result<void> FaultyFiles::replace(const std::string& path, ByteView contents) {
  CARELEDGER_CHECK(step(contents.size()));
  if (auto stopped = step(); !stopped) {  // between the new file and the rename: it lies beside, in part
    CARELEDGER_TRY(const auto aside, below_.open(path + ".new", true));
    CARELEDGER_CHECK(aside->append(contents.substr(0, contents.size() / 2)));
    return stopped;
  }
  CARELEDGER_CHECK(below_.replace(path, contents));
  const std::lock_guard lock(mutex_);
  synced_[path] = contents.size();
  if (std::exchange(fail_rename_sync_, false)) return fail(ErrorKind::storage, path + ": the folder could not be synced");
  return {};
}

Result<void> FaultyFiles::remove(const std::string& path) {
  CARELEDGER_CHECK(step());
  CARELEDGER_CHECK(below_.remove(path));
  const std::lock_guard lock(mutex_);
  synced_.erase(path);
  return {};
}

Result<void> FaultyFiles::make_folder(const std::string& path) {
  CARELEDGER_CHECK(step());
  return below_.make_folder(path);
}

Result<std::vector<std::string>> FaultyFiles::list(const std::string& folder) { return below_.list(folder); }
bool FaultyFiles::exists(const std::string& path) { return below_.exists(path); }

Result<void> FaultyFiles::lose(const std::string& path, std::uint64_t synced, Loss loss, std::uint64_t seed) {
  if (loss == Loss::none || !below_.exists(path)) return {};
  CARELEDGER_TRY(const auto file, below_.open(path, false));
  CARELEDGER_TRY(const std::uint64_t written, file->size());
  if (written <= synced) return {};
  if (loss == Loss::unsynced) return file->truncate(synced);
  SeededEntropy random(seed ^ written);
  const Bytes chance = random.take(8);
  ByteView bytes = chance;
  const std::uint64_t kept = *take_u64(bytes) % (written - synced + 1);
  const std::uint64_t spoilt = std::min<std::uint64_t>(kept, 16);
  CARELEDGER_CHECK(file->truncate(synced + kept - spoilt));
  return file->append(random.take(spoilt));
}

Result<void> FaultyFiles::restart(Loss loss, std::uint64_t seed) {
  std::map<std::string, std::uint64_t> files;
  {
    const std::lock_guard lock(mutex_);
    files.swap(synced_);
    stop_at_ = UINT64_MAX;
    fail_sync_ = false;
    free_.reset();
  }
  for (const auto& [path, synced] : files) CARELEDGER_CHECK(lose(path, synced, loss, seed));
  return {};
}

}  // namespace careledger
