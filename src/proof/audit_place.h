// Where an entry of an audit map stands among those of its subject, and its key there (docs/formats/audit.md).
//
// Thread-safety: pure functions.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"

namespace careledger::proof {

struct AuditPlace {
  std::uint64_t time_ms = 0;
  std::uint32_t number = 0;  // tells entries of one millisecond apart
  friend auto operator<=>(const AuditPlace&, const AuditPlace&) = default;
};
inline constexpr std::size_t kAuditPlaceSize = 8 + 4;

Bytes place_bytes(AuditPlace place);                         // u64 time ‖ u32 number, in the order of places
std::optional<AuditPlace> read_audit_place(ByteView bytes);  // nullopt unless there are 12 bytes
Bytes audit_key(const Digest& subject, AuditPlace place);    // subject ‖ place. The row's value is the entry's commitment, 32 bytes
std::optional<AuditPlace> place_of_key(ByteView key);        // nullopt when it is no key of an audit map
// As requests name it: the time and the number in decimal, "1764000000000.2"; a number of 0 may be left out.
std::string to_text(AuditPlace place);
std::optional<AuditPlace> parse_audit_place(std::string_view text);

}  // namespace careledger::proof
