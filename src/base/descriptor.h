// A POSIX file descriptor that closes itself. Holds -1 when opening failed: the caller looks at get() and errno. Not thread-safe.
#pragma once

#include <unistd.h>

namespace careledger {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace careledger
