// Small binary rows: variable-length integers beside the fixed ones of base/bytes.h. For src/vault alone.
#pragma once

#include <optional>

#include "base/bytes.h"

namespace careledger::vault {

// Seven bits a byte, lowest first; the shortest form only.
inline void append_varint(Bytes& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>((value & 0x7f) | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

inline std::optional<std::uint64_t> take_varint(ByteView& in) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < in.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(in[i]);
    if (i == 9 && byte > 1) return std::nullopt;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte & 0x80) continue;
    if (byte == 0 && i > 0) return std::nullopt;
    in.remove_prefix(i + 1);
    return value;
  }
  return std::nullopt;
}

inline std::optional<std::uint8_t> take_u8(ByteView& in) {
  if (in.empty()) return std::nullopt;
  const auto value = static_cast<std::uint8_t>(in.front());
  in.remove_prefix(1);
  return value;
}

// A short field: its length as a varint before it.
inline void append_short(Bytes& out, ByteView field) {
  append_varint(out, field.size());
  out.append(field);
}

inline std::optional<ByteView> take_short(ByteView& in) {
  ByteView rest = in;
  const auto size = take_varint(rest);
  if (!size || *size > rest.size()) return std::nullopt;
  const ByteView field = rest.substr(0, *size);
  in = rest.substr(*size);
  return field;
}

}  // namespace careledger::vault
