#include "vault/shred.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/descriptor.h"
#include "base/files.h"

namespace careledger::vault {
namespace {

Result<void> overwrite(int fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return fail(ErrorKind::storage, path + ": " + std::strerror(errno));
  static constexpr std::array<char, 4096> kZeros{};
  for (off_t at = 0; at < info.st_size;) {
    const auto count = std::min<std::size_t>(kZeros.size(), static_cast<std::size_t>(info.st_size - at));
    const ssize_t wrote = ::pwrite(fd, kZeros.data(), count, at);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return fail(ErrorKind::storage, path + ": cannot overwrite: " + std::strerror(errno));
    at += wrote;
  }
  if (::fdatasync(fd) != 0) return fail(ErrorKind::storage, path + ": " + std::strerror(errno));
  return {};
}

}  // namespace

Result<void> replace_and_shred(const std::string& path, ByteView contents) {
  const Descriptor old(::open(path.c_str(), O_WRONLY | O_CLOEXEC));  // keeps the old file's blocks within reach
  CARELEDGER_CHECK(system_files().replace(path, contents));
  return old.get() >= 0 ? overwrite(old.get(), path) : Result<void>{};
}

Result<void> shred(const std::string& path) {
  const Descriptor old(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (old.get() < 0) return errno == ENOENT ? Result<void>{} : fail(ErrorKind::storage, path + ": " + std::strerror(errno));
  CARELEDGER_CHECK(overwrite(old.get(), path));
  return system_files().remove(path);
}

Result<void> shred_folder(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code failed;
  if (!fs::exists(folder, failed)) return {};
  Result<void> first;
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed))
    if (at->is_regular_file()) files.push_back(at->path().string());
  if (failed) first = fail(ErrorKind::storage, folder + ": " + failed.message());
  for (const std::string& file : files)
    if (auto gone = shred(file); !gone && first) first = std::move(gone);
  if (first && fs::remove_all(folder, failed) == static_cast<std::uintmax_t>(-1))
    first = fail(ErrorKind::storage, folder + ": " + failed.message());
  return first;
}

}  // namespace careledger::vault
