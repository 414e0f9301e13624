#include "proof/audit_place.h"

#include <charconv>

namespace careledger::proof {

Bytes place_bytes(AuditPlace place) { return u64_bytes(place.time_ms) + u32_bytes(place.number); }

std::optional<AuditPlace> read_audit_place(ByteView bytes) {
  if (bytes.size() != kAuditPlaceSize) return std::nullopt;
  const std::uint64_t time_ms = *take_u64(bytes);
  return AuditPlace{time_ms, *take_u32(bytes)};
}

Bytes audit_key(const Digest& subject, AuditPlace place) { return subject.bytes() + place_bytes(place); }

std::optional<AuditPlace> place_of_key(ByteView key) {
  if (key.size() != Digest::size + kAuditPlaceSize) return std::nullopt;
  return read_audit_place(key.substr(Digest::size));
}

std::string to_text(AuditPlace place) { return std::to_string(place.time_ms) + "." + std::to_string(place.number); }

std::optional<AuditPlace> parse_audit_place(std::string_view text) {
  AuditPlace place;
  const char* const end = text.data() + text.size();
  const auto time = std::from_chars(text.data(), end, place.time_ms);
  if (time.ec != std::errc()) return std::nullopt;
  if (time.ptr == end) return place;
  if (*time.ptr != '.') return std::nullopt;
  const auto number = std::from_chars(time.ptr + 1, end, place.number);
  if (number.ec != std::errc() || number.ptr != end) return std::nullopt;
  return place;
}

}  // namespace careledger::proof
