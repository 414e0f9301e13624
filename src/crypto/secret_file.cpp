#include "crypto/secret_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/descriptor.h"

namespace careledger::crypto {
namespace {

tl::unexpected<Error> cannot(const char* act, const std::string& path) {
  const int code = errno;
  return fail(code == ENOENT ? ErrorKind::not_found : ErrorKind::storage,
              std::string("cannot ") + act + " " + path + ": " + std::strerror(code));
}

tl::unexpected<Error> too_large(const std::string& path, std::size_t size_max) {
  return fail(ErrorKind::too_large, path + " is larger than " + std::to_string(size_max) + " bytes");
}

// 0 at the end of the file.
Result<std::size_t> read_some(int descriptor, const std::string& path, char* to, std::size_t count) {
  for (;;) {
    const ssize_t got = ::read(descriptor, to, count);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return cannot("read", path);
  }
}

}  // namespace

Result<Secret> read_secret_file(const std::string& path, std::size_t size_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return cannot("open", path);
  Secret bytes(size_max + 1);
  std::size_t size = 0;
  for (;;) {
    CARELEDGER_TRY(const std::size_t got, read_some(file.get(), path, bytes.data() + size, bytes.size() - size));
    if (got == 0) return Secret::copy_of(bytes.view().substr(0, size));
    size += got;
    if (size > size_max) return too_large(path, size_max);
  }
}

Result<Secret> read_secret_line(int descriptor, std::size_t size_max) {
  const std::string what = "the line given";
  Secret line(size_max + 1);
  for (std::size_t size = 0; size <= size_max; ++size) {
    CARELEDGER_TRY(const std::size_t got, read_some(descriptor, what, line.data() + size, 1));
    if (got == 0 || line.data()[size] == '\n') return Secret::copy_of(line.view().substr(0, size));
  }
  return too_large(what, size_max);
}

}  // namespace careledger::crypto
