#include "storage/rocks_log.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <mutex>

namespace careledger::storage {
namespace {

constexpr std::size_t kLogBytesMax = 1u << 20;
constexpr std::size_t kLineBytesMax = 1024;

class RocksLog : public rocksdb::Logger {
 public:
  explicit RocksLog(std::unique_ptr<rocksdb::FSWritableFile> file) : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), file_(std::move(file)) {}
  ~RocksLog() override {
    if (file_) file_->Close(rocksdb::IOOptions(), nullptr).PermitUncheckedError();
  }
  using rocksdb::Logger::Logv;
  __attribute__((format(printf, 2, 0))) void Logv(const char* format, va_list arguments) override {
    char line[kLineBytesMax];
    const int size = std::vsnprintf(line, sizeof(line) - 1, format, arguments);
    if (size <= 0) return;
    std::size_t count = std::min<std::size_t>(static_cast<std::size_t>(size), sizeof(line) - 2);
    line[count++] = '\n';
    const std::lock_guard lock(mutex_);
    if (!file_ || written_ + count > kLogBytesMax) return;
    written_ += count;
    file_->Append(rocksdb::Slice(line, count), rocksdb::IOOptions(), nullptr).PermitUncheckedError();
  }
  using rocksdb::Logger::GetInfoLogLevel;

 private:
  std::mutex mutex_;
  std::unique_ptr<rocksdb::FSWritableFile> file_;
  std::size_t written_ = 0;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> open_rocks_log(const std::shared_ptr<rocksdb::FileSystem>& files, const std::string& folder) {
  const std::string path = folder + "/LOG";
  files->RenameFile(path, folder + "/LOG.old", rocksdb::IOOptions(), nullptr).PermitUncheckedError();
  std::unique_ptr<rocksdb::FSWritableFile> file;
  const rocksdb::IOStatus status = files->NewWritableFile(path, rocksdb::FileOptions(), &file, nullptr);
  if (!status.ok()) file.reset();
  return std::make_shared<RocksLog>(std::move(file));
}

}  // namespace careledger::storage
