// One process at a time: an flock(2) on a file that is there for nothing else, which the kernel drops when the process dies. The file
// stays.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace careledger::apps {

class FileLock {
 public:
  // Makes the file when there is none, mode 0600. unavailable, in the words of `taken`, while another process holds it.
  static Result<std::unique_ptr<FileLock>> take(const std::string& path, const std::string& taken);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace careledger::apps
