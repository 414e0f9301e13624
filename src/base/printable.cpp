#include "base/printable.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace careledger {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t size = 1;
  bool well_formed = false;
};

std::size_t size_of(std::uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

// A sequence that is no UTF-8 is read byte by byte.
CodePoint first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::size_t size = size_of(byte(0));
  if (size == 0 || size > text.size()) return {};
  if (size == 1) return {byte(0), 1, true};
  std::uint32_t value = byte(0) & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return {};
    value = value << 6u | (byte(i) & 0x3Fu);
  }
  constexpr std::array<std::uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  return {value, size, value >= kSmallest[size] && value <= 0x10FFFF};
}

bool is_harmless(std::uint32_t code) {
  constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 8> kOthers{{
      {0x00, 0x1F},      // C0
      {0x7F, 0x9F},      // DEL and C1
      {0x061C, 0x061C},  // Arabic letter mark
      {0x200E, 0x200F},  // left-to-right, right-to-left mark
      {0x2028, 0x202E},  // line and paragraph separator, embeddings and overrides
      {0x2066, 0x206F},  // isolates, and deprecated marks of direction and shape
      {0xD800, 0xDFFF},  // surrogates
      {0xFEFF, 0xFEFF},  // byte order mark
  }};
  return std::ranges::none_of(kOthers, [&](const auto& range) { return code >= range.first && code <= range.second; });
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint first = first_of(text);
    if (first.well_formed && is_harmless(first.value)) out += text.substr(0, first.size);
    else out += '?';
    text.remove_prefix(first.size);
  }
  return out;
}

}  // namespace careledger
