#include "apps/network/sized_parts.h"

namespace careledger::apps::network {

Result<void> append_part(File& file, ByteView part) {
  Bytes size;
  append_u32(size, static_cast<std::uint32_t>(part.size()));
  CARELEDGER_CHECK(file.append(size));
  return file.append(part);
}

Result<SizedParts> SizedParts::open(Files& files, const std::string& path, std::string_view magic, const std::string& what,
                                    const std::string& from) {
  CARELEDGER_TRY(auto file, files.open(path, false));
  CARELEDGER_TRY(const Bytes begins, file->read(0, magic.size()));
  if (begins != magic) return fail(ErrorKind::malformed, path + " is no " + what + " (" + from + ")");
  return SizedParts(path, what, std::move(file), magic.size());
}

Result<std::optional<Bytes>> SizedParts::next(std::size_t size_max) {
  CARELEDGER_TRY(const Bytes head, file_->read(at_, 4));
  if (head.empty()) return std::optional<Bytes>();
  ByteView rest = head;
  const auto size = take_u32(rest);
  if (!size || *size > size_max) return fail(ErrorKind::malformed, path_ + " is no " + what_ + ", or it was cut off");
  CARELEDGER_TRY(Bytes part, file_->read(at_ + 4, *size));
  if (part.size() != *size) return fail(ErrorKind::malformed, path_ + " was cut off: ask for it again");
  at_ += 4 + *size;
  return std::optional(std::move(part));
}

}  // namespace careledger::apps::network
