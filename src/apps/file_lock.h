// One process at a time: an flock(2), which the kernel drops when the process dies, on a file that is there for nothing else, and stays; or
// on a folder itself.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace careledger::apps {

class FileLock {
 public:
  // Makes the file when there is none, mode 0600. unavailable, in the words of `taken`, while another process holds it.
  static Result<std::unique_ptr<FileLock>> take(const std::string& path, const std::string& taken);
  // Of a folder that is there: waits as long as another holds it, which is to be no longer than a file takes to be read and written.
  static Result<std::unique_ptr<FileLock>> wait_for(const std::string& folder);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace careledger::apps
