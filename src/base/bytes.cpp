#include "base/bytes.h"

#include <array>

namespace careledger {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::uint8_t octet(char c) { return static_cast<std::uint8_t>(c); }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string encode64(ByteView in, std::string_view alphabet, bool pad) {
  std::string out;
  out.reserve((in.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < in.size(); i += 3) {
    const std::size_t left = in.size() - i;
    std::uint32_t group = std::uint32_t{octet(in[i])} << 16;
    if (left > 1) group |= std::uint32_t{octet(in[i + 1])} << 8;
    if (left > 2) group |= octet(in[i + 2]);
    out.push_back(alphabet[group >> 18]);
    out.push_back(alphabet[(group >> 12) & 63]);
    if (left > 1) out.push_back(alphabet[(group >> 6) & 63]);
    else if (pad) out.push_back('=');
    if (left > 2) out.push_back(alphabet[group & 63]);
    else if (pad) out.push_back('=');
  }
  return out;
}

std::array<std::int8_t, 256> reverse_table(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) table[octet(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}

// `text` without padding. Strict: the unused low bits of the last character must be zero.
std::optional<Bytes> decode64(std::string_view text, const std::array<std::int8_t, 256>& table) {
  if (text.size() % 4 == 1) return std::nullopt;
  Bytes out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = table[octet(c)];
    if (value < 0) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>((bits >> count) & 0xff));
      bits &= (1u << count) - 1;
    }
  }
  if (bits != 0) return std::nullopt;
  return out;
}

template <class Int>
void append_int(Bytes& out, Int value) {
  for (int shift = static_cast<int>(sizeof(Int)) * 8 - 8; shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 0xff));
}

template <class Int>
std::optional<Int> take_int(ByteView& in) {
  if (in.size() < sizeof(Int)) return std::nullopt;
  Int value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i) value = static_cast<Int>((value << 8) | octet(in[i]));
  in.remove_prefix(sizeof(Int));
  return value;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out.push_back(kHex[octet(c) >> 4]);
    out.push_back(kHex[octet(c) & 15]);
  }
  return out;
}

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return out;
}

std::string to_base64(ByteView bytes) { return encode64(bytes, kBase64, true); }
std::string to_base64url(ByteView bytes) { return encode64(bytes, kBase64Url, false); }

std::optional<Bytes> from_base64(std::string_view text) {
  static const auto table = reverse_table(kBase64);
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  return decode64(text.substr(0, text.size() - padding), table);
}

std::optional<Bytes> from_base64url(std::string_view text) {
  static const auto table = reverse_table(kBase64Url);
  return decode64(text, table);
}

void append_u16(Bytes& out, std::uint16_t value) { append_int(out, value); }
void append_u32(Bytes& out, std::uint32_t value) { append_int(out, value); }
void append_u64(Bytes& out, std::uint64_t value) { append_int(out, value); }

Bytes u32_bytes(std::uint32_t value) {
  Bytes out;
  append_int(out, value);
  return out;
}

Bytes u64_bytes(std::uint64_t value) {
  Bytes out;
  append_int(out, value);
  return out;
}

std::optional<std::uint16_t> take_u16(ByteView& in) { return take_int<std::uint16_t>(in); }
std::optional<std::uint32_t> take_u32(ByteView& in) { return take_int<std::uint32_t>(in); }
std::optional<std::uint64_t> take_u64(ByteView& in) { return take_int<std::uint64_t>(in); }

std::optional<ByteView> take_bytes(ByteView& in, std::size_t count) {
  if (in.size() < count) return std::nullopt;
  const ByteView out = in.substr(0, count);
  in.remove_prefix(count);
  return out;
}

void append_field(Bytes& out, ByteView field) {
  append_u32(out, static_cast<std::uint32_t>(field.size()));
  out.append(field);
}

std::optional<ByteView> take_field(ByteView& in) {
  ByteView rest = in;
  const auto size = take_u32(rest);
  if (!size) return std::nullopt;
  const auto field = take_bytes(rest, *size);
  if (field) in = rest;
  return field;
}

bool equal_constant_time(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  volatile std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference = static_cast<std::uint8_t>(difference | (octet(a[i]) ^ octet(b[i])));
  return difference == 0;
}

}  // namespace careledger
