// For targets whose decoder takes a file: a folder of this process's own, gone with it.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/assert.h"
#include "base/files.h"

namespace careledger::fuzz {

class Scratch {
 public:
  Scratch() { CARELEDGER_ASSERT(system_files().make_folder(folder_).has_value()); }
  ~Scratch() { std::filesystem::remove_all(folder_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  // The file of that name with these bytes; its path. Not synced: nothing here outlives the process.
  std::string with(const std::string& name, ByteView bytes) const {
    remove(name);
    const auto file = system_files().open(path(name), true);
    CARELEDGER_ASSERT(file && (*file)->append(bytes).has_value());
    return path(name);
  }
  void remove(const std::string& name) const { std::filesystem::remove_all(path(name)); }

 private:
  const std::string folder_ = (std::filesystem::temp_directory_path() / ("careledger-fuzz-" + std::to_string(::getpid()))).string();
};

}  // namespace careledger::fuzz
