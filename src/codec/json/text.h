// Scanning of characters, eight at a time. For codec/json alone.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace careledger::codec::json {

// True when RFC 8785 writes the text as it is: no quote, no backslash, no control character.
inline bool needs_no_escape(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101u;
  constexpr std::uint64_t kHighs = 0x8080808080808080u;
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    const std::uint64_t quote = word ^ (kOnes * '"');
    const std::uint64_t backslash = word ^ (kOnes * '\\');
    const std::uint64_t hit = ((word - kOnes * 0x20) | (quote - kOnes) | (backslash - kOnes)) & ~word & kHighs;
    if (hit != 0) return false;  // exact for the lowest hit; a false one above it is only ever beside a true one
  }
  for (; left > 0; ++at, --left) {
    const auto c = static_cast<unsigned char>(*at);
    if (c < 0x20 || c == '"' || c == '\\') return false;
  }
  return true;
}

}  // namespace careledger::codec::json
