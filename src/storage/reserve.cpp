#include "storage/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstring>

namespace careledger::storage {

Reserve::Reserve(std::string folder, std::uint64_t bytes) : path_(std::move(folder) + "/reserve"), bytes_(bytes) {}

Result<void> Reserve::hold() {
  const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(ErrorKind::storage, "cannot create " + path_ + ": " + std::strerror(errno));
  // posix_fallocate gives real blocks, so that the space is there when it is needed.
  const int code = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes_));
  ::close(fd);
  if (code != 0) {
    ::unlink(path_.c_str());
    return fail(ErrorKind::storage, "cannot set aside " + std::to_string(bytes_ >> 20) + " MiB in " + path_ + ": " + std::strerror(code));
  }
  held_.store(true, std::memory_order_release);
  return {};
}

bool Reserve::release() {
  if (!held_.exchange(false, std::memory_order_acq_rel)) return false;
  return ::unlink(path_.c_str()) == 0;
}

Result<std::uint64_t> free_bytes(const std::string& folder) {
  struct statvfs s{};
  if (::statvfs(folder.c_str(), &s) != 0) return fail(ErrorKind::storage, "cannot examine " + folder + ": " + std::strerror(errno));
  return static_cast<std::uint64_t>(s.f_bavail) * s.f_frsize;
}

}  // namespace careledger::storage
