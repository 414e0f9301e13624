// Bytes of an audit entry (docs/formats/audit.md). For src/vault alone. Pure functions.
#pragma once

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "vault/audit.h"

namespace careledger::vault {

inline constexpr std::size_t kAuditDetailsMax = 64 * 1024;
inline constexpr std::size_t kAuditTextMax = 1024;  // each of the other fields

Result<void> check_entry(const AuditEntry& entry);                              // too_large
std::optional<AuditEntry> read_entry_bytes(ByteView bytes);                     // exactly what entry_bytes() gives; details stay empty
Bytes audit_key(const Subject& subject, BlockTime time, std::uint32_t number);  // 44 bytes: the map's key
Bytes audit_log_leaf(ByteView key, const Digest& commitment);                   // leaf data of the log: key ‖ commitment

// What a frame holds before it is sealed: time, number, entry bytes, details.
Bytes frame_bytes(const Recorded& recorded, ByteView entry, ByteView details);
// Back, with index and salts; nullopt when malformed.
std::optional<OpenedEntry> read_frame(std::uint64_t index, ByteView plain, const crypto::HmacSha256& salts);
Bytes entry_salt(const crypto::HmacSha256& salts, std::uint64_t index, char part);  // part: 'e' the entry, 'd' its details
Digest commit_parts(ByteView salt_e, ByteView entry, ByteView salt_d, ByteView details);

}  // namespace careledger::vault
