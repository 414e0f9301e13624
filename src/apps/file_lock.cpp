#include "apps/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace careledger::apps {

Result<std::unique_ptr<FileLock>> FileLock::take(const std::string& path, const std::string& taken) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail(ErrorKind::storage, "cannot open " + path + ": " + std::strerror(errno));
  auto lock = std::unique_ptr<FileLock>(new FileLock(descriptor));
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) return fail(ErrorKind::unavailable, taken);
  return lock;
}

Result<std::unique_ptr<FileLock>> FileLock::wait_for(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return fail(ErrorKind::storage, "cannot open " + folder + ": " + std::strerror(errno));
  auto lock = std::unique_ptr<FileLock>(new FileLock(descriptor));
  while (::flock(descriptor, LOCK_EX) != 0)
    if (errno != EINTR) return fail(ErrorKind::storage, "cannot lock " + folder + ": " + std::strerror(errno));
  return lock;
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace careledger::apps
