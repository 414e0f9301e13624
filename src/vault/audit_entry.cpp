#include "vault/audit_entry.h"

#include "crypto/hash.h"
#include "vault/encoding.h"

namespace careledger::vault {

const char* name_of(AuditKind kind) {
  switch (kind) {
    case AuditKind::read: return "read";
    case AuditKind::vread: return "vread";
    case AuditKind::search: return "search";
    case AuditKind::history: return "history";
    case AuditKind::create: return "create";
    case AuditKind::update: return "update";
    case AuditKind::remove: return "delete";
    case AuditKind::transaction: return "transaction";
    case AuditKind::release: return "release";
    case AuditKind::refusal: return "refusal";
    case AuditKind::retrieve: return "retrieve";
    case AuditKind::export_data: return "export";
    case AuditKind::prove: return "prove";
    case AuditKind::read_audit: return "read-audit";
    case AuditKind::break_glass: return "break-glass";
    case AuditKind::backup: return "backup";
    case AuditKind::restore: return "restore";
    case AuditKind::key_use: return "key-use";
    case AuditKind::configuration: return "configuration";
    case AuditKind::failed_login: return "failed-login";
    case AuditKind::erase: return "erase";
    case AuditKind::start: return "start";
    case AuditKind::stop: return "stop";
    case AuditKind::check: return "check";
  }
  return "other";
}

Result<void> check_entry(const AuditEntry& entry) {
  for (const std::string* text : {&entry.actor, &entry.role, &entry.purpose, &entry.organisation, &entry.resource_type, &entry.resource_id})
    if (text->size() > kAuditTextMax) return fail(ErrorKind::too_large, "a field of an audit entry is longer than 1 KiB");
  if (entry.details.size() > kAuditDetailsMax) return fail(ErrorKind::too_large, "the details of an audit entry are longer than 64 KiB");
  return {};
}

Bytes entry_bytes(const AuditEntry& entry) {
  Bytes out;
  out.reserve(96 + entry.actor.size() + entry.resource_id.size());
  out += entry.subject.view();
  append_u16(out, static_cast<std::uint16_t>(entry.kind));
  out.push_back(static_cast<char>(entry.outcome));
  append_short(out, entry.actor);
  append_short(out, entry.role);
  append_short(out, entry.purpose);
  append_short(out, entry.organisation);
  append_short(out, entry.resource_type);
  append_short(out, entry.resource_id);
  append_varint(out, entry.version);
  return out;
}

std::optional<AuditEntry> read_entry_bytes(ByteView in) {
  const auto subject = take_bytes(in, 32);
  const auto kind = take_u16(in);
  const auto outcome = take_u8(in);
  if (!subject || !kind || !outcome || *outcome > static_cast<std::uint8_t>(AuditOutcome::failed)) return std::nullopt;
  AuditEntry entry;
  entry.subject = *Subject::from(*subject);
  entry.kind = static_cast<AuditKind>(*kind);
  entry.outcome = static_cast<AuditOutcome>(*outcome);
  for (std::string* text : {&entry.actor, &entry.role, &entry.purpose, &entry.organisation, &entry.resource_type, &entry.resource_id}) {
    const auto field = take_short(in);
    if (!field) return std::nullopt;
    *text = *field;
  }
  const auto version = take_varint(in);
  if (!version || *version > UINT32_MAX || !in.empty()) return std::nullopt;
  entry.version = static_cast<std::uint32_t>(*version);
  return entry;
}

Bytes audit_key(const Subject& subject, BlockTime time, std::uint32_t number) {
  Bytes key = subject.bytes();
  append_u64(key, static_cast<std::uint64_t>(time.value));
  append_u32(key, number);
  return key;
}

Bytes audit_log_leaf(ByteView key, const Digest& commitment) { return Bytes(key).append(commitment.view()); }

Bytes frame_bytes(const Recorded& recorded, ByteView entry, ByteView details) {
  Bytes out;
  out.reserve(24 + entry.size() + details.size());
  append_varint(out, static_cast<std::uint64_t>(recorded.time.value));
  append_varint(out, recorded.number);
  append_short(out, entry);
  append_short(out, details);
  return out;
}

std::optional<OpenedEntry> read_frame(std::uint64_t index, ByteView in, const crypto::HmacSha256& salts) {
  const auto time = take_varint(in);
  const auto number = take_varint(in);
  const auto entry_part = take_short(in);
  const auto details = take_short(in);
  if (!time || !number || *number > UINT32_MAX || !entry_part || !details || !in.empty()) return std::nullopt;
  auto entry = read_entry_bytes(*entry_part);
  if (!entry) return std::nullopt;
  entry->details = *details;
  OpenedEntry opened{{index, {static_cast<std::int64_t>(*time)}, static_cast<std::uint32_t>(*number), {}},
                     std::move(*entry),
                     entry_salt(salts, index, 'e'),
                     entry_salt(salts, index, 'd')};
  opened.recorded.commitment = commit_parts(opened.entry_salt, *entry_part, opened.details_salt, *details);
  return opened;
}

Bytes entry_salt(const crypto::HmacSha256& salts, std::uint64_t index, char part) {
  return salts.mac(u64_bytes(index).append(1, part)).bytes();
}

Digest commit_parts(ByteView salt_e, ByteView entry, ByteView salt_d, ByteView details) {
  const Digest shown = crypto::tagged_hash("careledger/audit-part/1", {salt_e, entry});
  const Digest apart = crypto::tagged_hash("careledger/audit-part/1", {salt_d, details});
  return crypto::tagged_hash("careledger/audit-entry/1", {shown.view(), apart.view()});
}

Digest entry_commitment(const OpenedEntry& opened) {
  return commit_parts(opened.entry_salt, entry_bytes(opened.entry), opened.details_salt, opened.entry.details);
}

}  // namespace careledger::vault
