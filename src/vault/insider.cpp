#include "vault/insider.h"

#include <algorithm>

#include "base/files.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "vault/audit_entry.h"
#include "vault/audit_file.h"
#include "vault/encoding.h"
#include "vault/parts.h"

namespace careledger::vault::insider {
namespace {

constexpr std::size_t kAuditFileMax = 256u << 20;
constexpr ByteView kAuditMagic = "careledger-audit";

constexpr std::size_t kKeySetIdSize = 16;

crypto::Secret derived(const crypto::Secret& key, ByteView salt, ByteView info) {
  return crypto::hkdf_sha256(key.view(), salt, info, crypto::kAeadKeySize);
}

// One frame of an audit file, opened and sealed as docs/formats/audit.md says: whoever has the keystore can.
struct Frame {
  Frame(const crypto::Secret& file_key, ByteView sealed)
      : key_set(sealed.substr(0, kKeySetIdSize)),
        seal(derived(file_key, key_set, "careledger/audit-seal/1")),
        salts(derived(file_key, key_set, "careledger/audit-salt/1")),
        body(sealed.substr(key_set.size())) {}

  std::optional<OpenedEntry> open(std::uint64_t offset) {
    const auto plain = crypto::aead_open(seal, nonce_of(offset), kAuditMagic, body);
    if (!plain) return std::nullopt;
    ByteView in = *plain;
    const auto index = take_varint(in);
    const auto in_append = take_varint(in);
    if (!index || !in_append) return std::nullopt;
    before = *in_append;
    return read_frame(*index, in, crypto::HmacSha256(salts.view()));
  }

  Bytes sealed_again(std::uint64_t index, std::uint64_t offset, const OpenedEntry& opened) const {
    Bytes plain;
    append_varint(plain, index);
    append_varint(plain, std::min(before, index));
    plain += frame_bytes(opened.recorded, entry_bytes(opened.entry), opened.entry.details);
    return key_set + crypto::aead_seal(seal, nonce_of(offset), kAuditMagic, plain);
  }

  static Bytes nonce_of(std::uint64_t offset) { return Bytes(4, '\0') + u64_bytes(offset); }

  Bytes key_set;
  crypto::Secret seal;
  crypto::Secret salts;
  ByteView body;
  std::uint64_t before = 0;
};

}  // namespace

Result<void> replace_body(Vault& vault, const std::string& type, const std::string& id, std::uint32_t version, ByteView body) {
  VaultParts& parts = vault.parts();
  CARELEDGER_TRY(const Version stored, vault.view().read_version(type, id, version));
  CARELEDGER_TRY(const VersionSecret secret, parts.tree->secret(stored.meta.number));
  const BodyName name{type, id, version, stored.meta.number};
  storage::Batch batch;
  batch.put(kBodiesColumn, u64_bytes(stored.meta.number),
            seal_body(parts.options.organisation, name, {stored.meta.patients, Bytes(body)}, secret, parts.entropy));
  return parts.store->write(batch, storage::Durability::synced);
}

Result<void> move_index_row(Vault& vault, const std::string& type, const std::string& parameter, const std::string& id, ByteView value) {
  VaultParts& parts = vault.parts();
  const Bytes prefix = parameter_prefix(type, parameter);
  const auto rows = parts.store->iterate(kIndexColumn, storage::Range::prefix(prefix));
  for (rows->seek_first(); rows->valid(); rows->next()) {
    const auto name = decode_index_key(rows->key(), prefix.size());
    if (!name || name->id != id) continue;
    storage::Batch batch;
    batch.erase(kIndexColumn, rows->key());
    batch.put(kIndexColumn, index_key(type, parameter, value, id, name->from), rows->value());
    return parts.store->write(batch, storage::Durability::synced);
  }
  CARELEDGER_CHECK(rows->status());
  return fail(ErrorKind::not_found, type + "/" + id + " is not found by " + parameter);
}

Result<void> forget_cosigned(Vault& vault) {
  storage::Store& store = *vault.parts().store;
  const auto rows = store.iterate(kPrivateColumn, storage::Range::prefix(Bytes(1, kCosignedRow)));
  storage::Batch batch;
  for (rows->seek_first(); rows->valid(); rows->next()) batch.erase(kPrivateColumn, rows->key());
  CARELEDGER_CHECK(rows->status());
  return store.write(batch, storage::Durability::synced);
}

Result<void> rewrite_audit(const std::string& audit_file, Keystore& keys, const std::function<bool(std::uint64_t, AuditEntry&)>& keep) {
  CARELEDGER_TRY(const Bytes file, system_files().read_all(audit_file, kAuditFileMax));
  CARELEDGER_TRY(const crypto::Secret root, keys.symmetric(Purpose::audit));
  if (file.size() < kAuditHeaderBytes) return fail(ErrorKind::corrupt, audit_file + " is no audit file");
  const crypto::Secret key = derived(root, ByteView(file).substr(kAuditMagic.size() + 2, 32), "careledger/audit-file/1");
  Bytes out = file.substr(0, kAuditHeaderBytes);
  std::uint64_t written = 0;
  ByteView in = ByteView(file).substr(kAuditHeaderBytes);
  for (std::uint64_t index = 0; !in.empty(); ++index) {
    const std::uint64_t offset = file.size() - in.size();
    const auto sealed = take_field(in);
    if (!sealed || sealed->size() < kKeySetIdSize) return fail(ErrorKind::corrupt, "audit entry " + std::to_string(index) + " is cut");
    Frame frame(key, *sealed);
    auto opened = frame.open(offset);
    if (!opened) return fail(ErrorKind::corrupt, "audit entry " + std::to_string(index) + " does not open");
    if (!keep(index, opened->entry)) continue;
    append_field(out, frame.sealed_again(written++, out.size(), *opened));
  }
  return system_files().replace(audit_file, out);
}

}  // namespace careledger::vault::insider
