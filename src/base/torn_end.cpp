#include "base/torn_end.h"

#include <algorithm>

namespace careledger {
namespace {

constexpr std::uint64_t kPart = 1u << 20;

}  // namespace

Result<std::uint64_t> cut_torn_end(Files& files, const std::string& path, File& file, std::uint64_t offset) {
  CARELEDGER_TRY(const std::uint64_t size, file.size());
  CARELEDGER_TRY(const auto aside, files.open(path + ".torn", true));
  CARELEDGER_CHECK(aside->append(u64_bytes(offset) + u64_bytes(size - offset)));
  for (std::uint64_t at = offset; at < size; at += kPart) {
    CARELEDGER_TRY(const Bytes part, file.read(at, static_cast<std::size_t>(std::min(size - at, kPart))));
    CARELEDGER_CHECK(aside->append(part));
  }
  CARELEDGER_CHECK(aside->sync());
  CARELEDGER_CHECK(file.truncate(offset));
  CARELEDGER_CHECK(file.sync());
  return size - offset;
}

}  // namespace careledger
