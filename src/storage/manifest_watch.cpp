#include "storage/manifest_watch.h"

#include "base/bytes.h"
#include "storage/journal_check.h"

namespace careledger::storage {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr const char* kRecord = "/MANIFEST.synced";
constexpr std::size_t kRecordMax = 256;

// field(name) ‖ u64 size ‖ u32 CRC-32C of both
Bytes encode(const SyncedManifest& synced) {
  Bytes out;
  append_field(out, synced.name);
  append_u64(out, synced.size);
  append_u32(out, masked_crc32c(out));
  return out;
}

IOStatus write_record(rocksdb::FileSystem& files, const std::string& folder, const SyncedManifest& synced) {
  const std::string path = folder + kRecord;
  const std::string aside = path + ".new";
  const Bytes bytes = encode(synced);
  std::unique_ptr<rocksdb::FSWritableFile> file;
  IOStatus status = files.NewWritableFile(aside, rocksdb::FileOptions(), &file, nullptr);
  if (status.ok()) status = file->Append(bytes, IOOptions(), nullptr);
  if (status.ok()) status = file->Sync(IOOptions(), nullptr);
  if (status.ok()) status = file->Close(IOOptions(), nullptr);
  if (status.ok()) status = files.RenameFile(aside, path, IOOptions(), nullptr);
  std::unique_ptr<rocksdb::FSDirectory> directory;
  if (status.ok()) status = files.NewDirectory(folder, IOOptions(), &directory, nullptr);
  if (status.ok()) status = directory->FsyncWithDirOptions(IOOptions(), nullptr, rocksdb::DirFsyncOptions());
  return status;
}

class WatchedManifest : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WatchedManifest(std::unique_ptr<rocksdb::FSWritableFile> file, std::shared_ptr<rocksdb::FileSystem> files, const std::string& path)
      : FSWritableFileOwnerWrapper(std::move(file)), files_(std::move(files)), slash_(path.rfind('/')), path_(path) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* context) override {
    const IOStatus status = target()->Append(data, options, context);
    if (status.ok()) size_ += data.size();
    return status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&, IODebugContext* context) override {
    return Append(data, options, context);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    const IOStatus status = target()->Sync(options, context);
    return status.ok() ? write_down() : status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    const IOStatus status = target()->Fsync(options, context);
    return status.ok() ? write_down() : status;
  }
  IOStatus write_down() { return write_record(*files_, path_.substr(0, slash_), {path_.substr(slash_ + 1), size_}); }

 private:
  std::shared_ptr<rocksdb::FileSystem> files_;
  std::size_t slash_;
  std::string path_;
  std::uint64_t size_ = 0;
};

class WatchingFileSystem : public rocksdb::FileSystemWrapper {
 public:
  explicit WatchingFileSystem(const std::shared_ptr<rocksdb::FileSystem>& below) : FileSystemWrapper(below), below_(below) {}
  const char* Name() const override { return "careledger-manifest-watch"; }

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* context) override {
    IOStatus status = target()->NewWritableFile(path, options, file, context);
    if (!status.ok() || path.find("/MANIFEST-") == std::string::npos) return status;
    auto watched = std::make_unique<WatchedManifest>(std::move(*file), below_, path);
    status = watched->write_down();  // nothing of it is durable yet
    *file = std::move(watched);
    return status;
  }

 private:
  std::shared_ptr<rocksdb::FileSystem> below_;
};

}  // namespace

std::shared_ptr<DiskLayer> watch_manifests(std::shared_ptr<DiskLayer> below) {
  auto files = std::make_shared<WatchingFileSystem>(below->file_system());
  return std::make_shared<WrappingLayer>(std::move(below), std::move(files));
}

std::optional<SyncedManifest> synced_manifest(rocksdb::FileSystem& files, const std::string& folder) {
  const auto bytes = read_small(files, folder + kRecord, kRecordMax);
  if (!bytes) return std::nullopt;
  ByteView in = *bytes;
  const auto name = take_field(in);
  const auto size = take_u64(in);
  const auto checksum = take_u32(in);
  if (!name || !size || !checksum || !in.empty()) return std::nullopt;
  if (masked_crc32c(ByteView(*bytes).substr(0, bytes->size() - 4)) != *checksum) return std::nullopt;
  return SyncedManifest{std::string(*name), *size};
}

}  // namespace careledger::storage
