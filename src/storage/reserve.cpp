#include "storage/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstring>

namespace careledger::storage {
namespace {

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

Reserve::Reserve(const std::string& folder, std::uint64_t bytes) : path_(folder + "/reserve"), bytes_(bytes) {}

Result<void> Reserve::hold() {
  const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(ErrorKind::storage, "cannot create " + path_ + ": " + std::strerror(errno));
  // posix_fallocate gives real blocks, so that the space is there when it is needed.
  const int code = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes_));
  ::close(fd);
  if (code != 0) {
    ::unlink(path_.c_str());
    return fail(ErrorKind::storage, "cannot set aside " + mebibytes(bytes_) + " in " + path_ + ": " + std::strerror(code));
  }
  held_.store(true, std::memory_order_release);
  return {};
}

bool Reserve::release() {
  if (!held_.exchange(false, std::memory_order_acq_rel)) return false;
  return ::unlink(path_.c_str()) == 0;
}

bool Reserve::on_disk() const {
  struct stat found{};
  return ::stat(path_.c_str(), &found) == 0 && static_cast<std::uint64_t>(found.st_size) >= bytes_;
}

Room::Room(std::string folder, std::uint64_t reserve_bytes, std::uint64_t floor_bytes)
    : folder_(std::move(folder)), floor_bytes_(floor_bytes), reserve_(folder_, reserve_bytes) {}

void Room::tell(const std::string& what) const {
  if (tell_) tell_(what);
}

bool Room::some_room() const {
  const auto free = free_bytes(folder_);
  return free && *free > 0;
}

Room::State Room::look() {
  const std::lock_guard lock(mutex_);
  std::uint64_t free = free_bytes(folder_).value_or(0);
  const std::uint64_t wanted = reserve_.on_disk() ? 0 : reserve_.bytes() + floor_bytes_ + kReturnBytes;
  if (!reserve_.held() && free >= wanted && reserve_.hold()) free = free_bytes(folder_).value_or(0);
  const bool before = accepting_.load(std::memory_order_relaxed);
  const bool now = reserve_.held() && free >= floor_bytes_ + (before ? 0 : kReturnBytes);
  accepting_.store(now, std::memory_order_release);
  if (now != before)
    tell(now ? "there is room on the disk again: records are taken"
             : "the disk is nearly full (" + mebibytes(free) + " free): new records are refused; revocations and audit go on");
  return {free, reserve_.held(), now};
}

Room::State Room::state() const { return {free_bytes(folder_).value_or(0), reserve_.held(), accepting()}; }

Result<void> Room::admit() {
  const State state = look();
  if (state.accepting) return {};
  const std::uint64_t needed = floor_bytes_ + kReturnBytes + (state.reserve_held ? 0 : reserve_.bytes());
  return fail(ErrorKind::storage, "the disk of this node is full: no new records are taken until " + mebibytes(needed) +
                                      " of it are free (now " + mebibytes(state.free_bytes) +
                                      "). Its operator must make room; nothing need be restarted. Reading, revoking and audit go on");
}

bool Room::give_out() {
  const std::lock_guard lock(mutex_);
  accepting_.store(false, std::memory_order_release);
  if (!reserve_.release()) return some_room();  // two writes may find the disk full at once, and one of them gives the reserve out
  tell("the disk is full: the reserve of " + mebibytes(reserve_.bytes()) + " is in use now; make room before it is used up");
  return true;
}

Result<std::uint64_t> free_bytes(const std::string& folder) {
  struct statvfs s{};
  if (::statvfs(folder.c_str(), &s) != 0) return fail(ErrorKind::storage, "cannot examine " + folder + ": " + std::strerror(errno));
  return static_cast<std::uint64_t>(s.f_bavail) * s.f_frsize;
}

}  // namespace careledger::storage
