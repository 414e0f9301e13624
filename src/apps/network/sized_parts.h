// Files of sized parts: a line that says what the file is, then of each part u32 size (big-endian) and the part.
//
// Thread-safety: one thread a file.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/files.h"

namespace careledger::apps::network {

Result<void> append_part(File& file, ByteView part);

class SizedParts {
 public:
  // not_found; malformed: it does not begin with `magic`, and so is no `what`, of which one is got as `from` says.
  static Result<SizedParts> open(Files& files, const std::string& path, std::string_view magic, const std::string& what,
                                 const std::string& from);
  Result<std::optional<Bytes>> next(std::size_t size_max);  // nullopt after the last; malformed: cut off, or larger than that

 private:
  SizedParts(std::string path, std::string what, std::unique_ptr<File> file, std::uint64_t at)
      : path_(std::move(path)), what_(std::move(what)), file_(std::move(file)), at_(at) {}
  std::string path_;
  std::string what_;
  std::unique_ptr<File> file_;
  std::uint64_t at_;
};

}  // namespace careledger::apps::network
