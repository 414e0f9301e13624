#include "storage/roomy_disk.h"

namespace careledger::storage {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

template <class Work>
IOStatus with_room(Room& room, const Work& work) {
  IOStatus status = work();
  if (status.IsNoSpace() && room.give_out()) status = work();
  return status;
}

// Writes by position: a write that was cut short by the full disk is written over from where it began.
class RoomyFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  RoomyFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::shared_ptr<Room> room)
      : FSWritableFileOwnerWrapper(std::move(file)), room_(std::move(room)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* context) override {
    const IOStatus status = with_room(*room_, [&] { return target()->PositionedAppend(data, size_, options, context); });
    if (status.ok()) size_ += data.size();
    return status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&, IODebugContext* context) override {
    return Append(data, options, context);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* context) override {
    const IOStatus status = target()->Truncate(size, options, context);
    if (status.ok()) size_ = size;
    return status;
  }

 private:
  std::shared_ptr<Room> room_;
  std::uint64_t size_ = 0;
};

class RoomyFileSystem : public rocksdb::FileSystemWrapper {
 public:
  RoomyFileSystem(const std::shared_ptr<rocksdb::FileSystem>& below, std::shared_ptr<Room> room)
      : FileSystemWrapper(below), room_(std::move(room)) {}
  const char* Name() const override { return "careledger-roomy"; }

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* context) override {
    const IOStatus status = with_room(*room_, [&] { return target()->NewWritableFile(path, options, file, context); });
    if (status.ok()) *file = std::make_unique<RoomyFile>(std::move(*file), room_);
    return status;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options, IODebugContext* context) override {
    return with_room(*room_, [&] { return target()->RenameFile(from, to, options, context); });
  }

 private:
  std::shared_ptr<Room> room_;
};

}  // namespace

std::shared_ptr<DiskLayer> roomy_disk(std::shared_ptr<DiskLayer> below, std::shared_ptr<Room> room) {
  auto files = std::make_shared<RoomyFileSystem>(below->file_system(), std::move(room));
  return std::make_shared<WrappingLayer>(std::move(below), std::move(files));
}

}  // namespace careledger::storage
