#include "base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/descriptor.h"

namespace careledger {
namespace {

tl::unexpected<Error> system_error(const char* act, const std::string& path) {
  const int code = errno;
  const ErrorKind kind = code == ENOENT ? ErrorKind::not_found : ErrorKind::storage;
  return fail(kind, std::string("cannot ") + act + " " + path + ": " + std::strerror(code));
}

class SystemFile : public File {
 public:
  SystemFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  Result<void> append(ByteView bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = ::write(fd_.get(), bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return system_error("write", path_);
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
  }

  Result<Bytes> read(std::uint64_t offset, std::size_t count) const override {
    Bytes out;
    std::size_t have = 0;
    while (have < count) {
      if (have == out.size()) out.resize(std::min(count, std::max<std::size_t>(2 * have, 64 * 1024)));  // `count` is often a limit alone
      const ssize_t got = ::pread(fd_.get(), out.data() + have, out.size() - have, static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_error("read", path_);
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    out.resize(have);
    return out;
  }

  Result<std::uint64_t> size() const override {
    struct stat s{};
    if (::fstat(fd_.get(), &s) != 0) return system_error("examine", path_);
    return static_cast<std::uint64_t>(s.st_size);
  }

  Result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return system_error("shorten", path_);
    return {};
  }

  Result<void> sync() override {
    if (::fdatasync(fd_.get()) != 0) return system_error("make durable", path_);
    return {};
  }

 private:
  Descriptor fd_;
  std::string path_;
};

Result<void> sync_folder(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return system_error("open", folder);
  if (::fsync(fd.get()) != 0) return system_error("make durable", folder);
  return {};
}

class SystemFiles : public Files {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, bool create) override {
    const int fd = ::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
    if (fd < 0) return system_error("open", path);
    return std::unique_ptr<File>(new SystemFile(fd, path));
  }

  Result<Bytes> read_all(const std::string& path, std::size_t size_max) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return system_error("open", path);
    const SystemFile file(fd, path);
    CARELEDGER_TRY(Bytes bytes, file.read(0, size_max + 1));
    if (bytes.size() > size_max) return fail(ErrorKind::too_large, path + " is larger than " + std::to_string(size_max) + " bytes");
    return bytes;
  }

  Result<void> replace(const std::string& path, ByteView contents) override {
    const std::string aside = path + ".new";
    ::unlink(aside.c_str());
    {
      const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
      if (fd < 0) return system_error("create", aside);
      SystemFile file(fd, aside);
      CARELEDGER_CHECK(file.append(contents));
      CARELEDGER_CHECK(file.sync());
    }
    if (::rename(aside.c_str(), path.c_str()) != 0) return system_error("rename to", path);
    return sync_folder(path);
  }

  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return system_error("remove", path);
    return sync_folder(path);
  }

  Result<void> make_folder(const std::string& path) override {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
      if (::mkdir(path.substr(0, slash).c_str(), 0700) != 0 && errno != EEXIST) return system_error("create folder", path);
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return system_error("create folder", path);
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& folder) override {
    DIR* dir = ::opendir(folder.c_str());
    if (dir == nullptr) return system_error("list", folder);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(dir)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    ::closedir(dir);
    std::sort(names.begin(), names.end());
    return names;
  }

  bool exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }
};

}  // namespace

Files& system_files() {
  static SystemFiles files;
  return files;
}

}  // namespace careledger
