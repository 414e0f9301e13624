#include "ordering/abci/frames.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::size_t kVarintBytesMax = 10;
constexpr std::size_t kKeptBytes = 1u << 20;  // given out and not yet dropped from the buffer's front

struct Length {
  std::uint64_t value = 0;
  std::size_t bytes = 0;  // of the varint itself
};

Result<std::optional<Length>> read_length(ByteView bytes) {
  Length length;
  for (const char one : bytes) {
    const auto byte = static_cast<std::uint8_t>(one);
    if (length.bytes == kVarintBytesMax || (length.bytes == kVarintBytesMax - 1 && byte > 1))
      return fail(ErrorKind::malformed, "the length before a message is no 64-bit varint");
    length.value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * length.bytes++);
    if ((byte & 0x80) == 0) return std::optional(length);
  }
  return std::optional<Length>();
}

}  // namespace

Bytes frame(ByteView message) {
  Bytes out;
  out.reserve(message.size() + 5);
  std::uint64_t left = message.size();
  for (; left >= 0x80; left >>= 7) out.push_back(static_cast<char>((left & 0x7f) | 0x80));
  out.push_back(static_cast<char>(left));
  return out.append(message);
}

Result<std::optional<Bytes>> FrameReader::next() {
  const ByteView waiting = ByteView(buffer_).substr(begin_);
  CARELEDGER_TRY(const auto length, read_length(waiting));
  if (!length) return std::optional<Bytes>();
  if (length->value > frame_bytes_max_)
    return fail(ErrorKind::too_large, "a message of " + std::to_string(length->value) + " bytes was announced; at most " +
                                          std::to_string(frame_bytes_max_) + " are taken");
  if (waiting.size() - length->bytes < length->value) return std::optional<Bytes>();
  Bytes message(waiting.substr(length->bytes, length->value));
  begin_ += length->bytes + length->value;
  if (begin_ == buffer_.size() || begin_ > kKeptBytes) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  return std::optional(std::move(message));
}

}  // namespace careledger::ordering::abci
