#include "storage/faulty_disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>

#include "base/assert.h"
#include "storage/disk_layer.h"

namespace careledger::storage {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class FaultyDisk::Model {
 public:
  IOStatus step() {
    const std::lock_guard lock(mutex_);
    if (++steps_ >= stop_at_) return IOStatus::IOError("the disk has stopped");
    return IOStatus::OK();
  }
  IOStatus use_space(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    if (!free_) return IOStatus::OK();
    if (*free_ < bytes) return IOStatus::NoSpace("no space left on the disk");
    *free_ -= bytes;
    return IOStatus::OK();
  }
  bool take_sync_failure() {
    const std::lock_guard lock(mutex_);
    return std::exchange(fail_sync_, false);
  }
  void created(const std::string& path) {
    const std::lock_guard lock(mutex_);
    synced_[path] = 0;
    new_.insert(path);
  }
  void synced(const std::string& path, std::uint64_t size) {
    const std::lock_guard lock(mutex_);
    if (const auto file = synced_.find(path); file != synced_.end()) file->second = size;
  }
  void renamed(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    if (const auto file = synced_.extract(from)) synced_[to] = file.mapped();
    std::erase_if(new_, [&](const std::string& path) {  // a journal keeps the order: with the rename all names made before it are durable
      return path.starts_with(to.substr(0, to.rfind('/') + 1));
    });
  }
  void removed(const std::string& path) {
    const std::lock_guard lock(mutex_);
    synced_.erase(path);
    new_.erase(path);
  }
  void folder_synced(const std::string& folder) {
    const std::lock_guard lock(mutex_);
    std::erase_if(new_, [&](const std::string& path) { return path.starts_with(folder + "/"); });
  }

  void restart(Loss loss, std::uint64_t seed) {
    const std::lock_guard lock(mutex_);
    std::mt19937_64 random(seed);
    for (const auto& [path, size] : synced_) {
      if (loss == Loss::none || !std::filesystem::exists(path)) continue;
      if (loss == Loss::unsynced && new_.contains(path)) {
        std::filesystem::remove(path);
        continue;
      }
      const std::uint64_t written = std::filesystem::file_size(path);
      if (written <= size) continue;
      const std::uint64_t kept = loss == Loss::torn ? size + random() % (written - size + 1) : size;
      std::filesystem::resize_file(path, kept);
      if (loss == Loss::torn && kept > size) spoil(path, kept - 1 - random() % std::min<std::uint64_t>(kept - size, 512), kept, random);
    }
    synced_.clear();
    new_.clear();
    stop_at_ = UINT64_MAX;
    free_.reset();
    fail_sync_ = false;
  }

  std::mutex mutex_;
  std::uint64_t steps_ = 0;
  std::uint64_t stop_at_ = UINT64_MAX;
  std::optional<std::uint64_t> free_;
  bool fail_sync_ = false;

 private:
  static void spoil(const std::string& path, std::uint64_t from, std::uint64_t until, std::mt19937_64& random) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    CARELEDGER_ASSERT(file >= 0);
    for (std::uint64_t at = from; at < until; ++at) {
      const char byte = static_cast<char>(random());
      CARELEDGER_ASSERT(::pwrite(file, &byte, 1, static_cast<off_t>(at)) == 1);
    }
    ::close(file);
  }
  std::map<std::string, std::uint64_t> synced_;  // files written in this run: how much of each is durable
  std::set<std::string> new_;                    // whose folder was not synced since they were made
};

class FaultyDisk::WritableFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WritableFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::shared_ptr<Model> model, std::string path)
      : FSWritableFileOwnerWrapper(std::move(file)), model_(std::move(model)), path_(std::move(path)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* context) override {
    IOStatus status = model_->step();
    if (status.ok()) status = model_->use_space(data.size());
    return status.ok() ? target()->Append(data, options, context) : status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&, IODebugContext* context) override {
    return Append(data, options, context);
  }
  IOStatus PositionedAppend(const Slice& data, std::uint64_t offset, const IOOptions& options, IODebugContext* context) override {
    IOStatus status = model_->step();
    if (status.ok()) status = model_->use_space(data.size());
    return status.ok() ? target()->PositionedAppend(data, offset, options, context) : status;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* context) override { return sync(options, context); }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override { return sync(options, context); }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* context) override {
    const IOStatus status = model_->step();
    return status.ok() ? target()->Truncate(size, options, context) : status;
  }

 private:
  IOStatus sync(const IOOptions& options, IODebugContext* context) {
    const IOStatus status = model_->step();
    if (!status.ok()) return status;
    if (model_->take_sync_failure()) return IOStatus::IOError("cannot sync: input/output error");
    model_->synced(path_, target()->GetFileSize(options, context));  // the tests need no real sync: the machine does not die
    return target()->Flush(options, context);
  }
  std::shared_ptr<Model> model_;
  std::string path_;
};

class FaultyDisk::Directory : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(std::unique_ptr<rocksdb::FSDirectory> directory, std::shared_ptr<Model> model, std::string path)
      : FSDirectoryWrapper(std::move(directory)), model_(std::move(model)), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return sync(); }
  IOStatus FsyncWithDirOptions(const IOOptions&, IODebugContext*, const rocksdb::DirFsyncOptions&) override { return sync(); }

 private:
  IOStatus sync() {
    const IOStatus status = model_->step();
    if (status.ok()) model_->folder_synced(path_);
    return status;
  }
  std::shared_ptr<Model> model_;
  std::string path_;
};

class FaultyDisk::FileSystem : public rocksdb::FileSystemWrapper {
 public:
  explicit FileSystem(std::shared_ptr<Model> model) : FileSystemWrapper(rocksdb::FileSystem::Default()), model_(std::move(model)) {}
  const char* Name() const override { return "careledger-faulty-disk"; }

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* context) override {
    IOStatus status = model_->step();
    if (status.ok()) status = target()->NewWritableFile(path, options, file, context);
    if (!status.ok()) return status;
    model_->created(path);
    *file = std::make_unique<WritableFile>(std::move(*file), model_, path);
    return status;
  }
  IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions&, std::unique_ptr<rocksdb::FSWritableFile>*,
                              IODebugContext*) override {
    return IOStatus::NotSupported("files are not opened again for writing", path);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options, std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext* context) override {
    const IOStatus status = target()->NewDirectory(path, options, directory, context);
    if (status.ok()) *directory = std::make_unique<Directory>(std::move(*directory), model_, path);
    return status;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options, IODebugContext* context) override {
    IOStatus status = model_->step();
    if (status.ok()) status = target()->RenameFile(from, to, options, context);
    if (status.ok()) model_->renamed(from, to);
    return status;
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* context) override {
    IOStatus status = model_->step();
    if (status.ok()) status = target()->DeleteFile(path, options, context);
    if (status.ok()) model_->removed(path);
    return status;
  }

 private:
  std::shared_ptr<Model> model_;
};

namespace {

class ImpatientLayer : public DiskLayer {
 public:
  using DiskLayer::DiskLayer;
  bool is_patient() const override { return false; }
};

}  // namespace

FaultyDisk::FaultyDisk()
    : model_(std::make_shared<Model>()), layer_(std::make_shared<ImpatientLayer>(std::make_shared<FileSystem>(model_))) {}
FaultyDisk::~FaultyDisk() = default;

std::shared_ptr<DiskLayer> FaultyDisk::layer() const { return layer_; }

std::uint64_t FaultyDisk::steps() const {
  const std::lock_guard lock(model_->mutex_);
  return model_->steps_;
}
void FaultyDisk::stop_at_step(std::uint64_t step) {
  const std::lock_guard lock(model_->mutex_);
  model_->stop_at_ = step;
}
void FaultyDisk::fail_next_sync() {
  const std::lock_guard lock(model_->mutex_);
  model_->fail_sync_ = true;
}
void FaultyDisk::set_free_bytes(std::uint64_t bytes) {
  const std::lock_guard lock(model_->mutex_);
  model_->free_ = bytes;
}
void FaultyDisk::set_unlimited() {
  const std::lock_guard lock(model_->mutex_);
  model_->free_.reset();
}
void FaultyDisk::restart(Loss loss, std::uint64_t seed) { model_->restart(loss, seed); }

}  // namespace careledger::storage
