#include <algorithm>

#include "vault/outbox.h"
#include "vault/parts.h"

namespace careledger::vault {

Result<Digest> commitment_of(const VaultParts& parts, std::uint64_t number) {
  const Bytes key = u64_bytes(number);
  CARELEDGER_TRY(const auto waiting, parts.store->get(kOutboxColumn, key));
  if (waiting) {
    const auto row = decode_outbox_row(*waiting);
    if (!row) return corrupt_row("outbox", key);
    return row->commitment;
  }
  CARELEDGER_TRY(const auto anchor, parts.anchors.find(*parts.store, number));
  if (!anchor) return corrupt_row("outbox", key);
  return anchor->row.commitments[number - anchor->first];
}

Result<AnchorState> Outbox::state_of(std::uint64_t number) const {
  CARELEDGER_TRY(const auto anchor, parts_.anchors.find(*parts_.store, number));
  if (!anchor) return AnchorState{};
  return AnchorState{anchor->row.state, anchor->row.height, anchor->row.position};
}

namespace {

Result<StoredVersion> stored_version(const VaultParts& parts, std::uint64_t sequence, std::string_view type, std::string_view id,
                                     std::uint32_t version) {
  CARELEDGER_CHECK(check_name(type, id));
  if (version == 0) {
    CARELEDGER_TRY(const auto current, newest(parts, type, id, sequence));
    if (!current) return fail(ErrorKind::not_found, "no such resource");
    return *current;
  }
  const Bytes key = version_key(type, id, version);
  CARELEDGER_TRY(const auto bytes, parts.store->get(kVersionsColumn, key));
  if (!bytes) return fail(ErrorKind::not_found, "no such version");
  const auto row = decode_version_row(*bytes);
  if (!row) return corrupt_row("versions", key);
  return StoredVersion{version, *row};
}

}  // namespace

Result<ProofMaterial> Vault::proof_material(std::string_view type, std::string_view id, std::uint32_t version) const {
  const VaultParts& parts = *parts_;
  const View now = view();
  ProofMaterial material;
  CARELEDGER_TRY(const StoredVersion stored, stored_version(parts, now.sequence(), type, id, version));
  const std::uint64_t number = stored.row.number;
  if (stored.row.erased) {
    if (!stored.row.remnant) return fail(ErrorKind::gone, "this version was erased, and nothing is left here that a proof could stand on");
    CARELEDGER_TRY(material.version, load(parts, type, id, stored, false));
    material.remnant = stored.row.remnant;
  } else {
    CARELEDGER_TRY(material.version, now.read_version(type, id, stored.version));
    CARELEDGER_TRY(const VersionSecret secret, parts.tree->secret(number));
    material.seed = secret.salt_seed();
  }
  CARELEDGER_TRY(const auto anchor, parts.anchors.find(*parts.store, number));
  if (!anchor) {  // it waits, or did a moment ago
    CARELEDGER_TRY(material.commitment, commitment_of(parts, number));
    return material;
  }
  material.commitment = anchor->row.commitments[number - anchor->first];
  material.anchor = {anchor->row.state, anchor->row.height, anchor->row.position};
  material.signed_command = anchor->row.signed_command;
  const auto at = std::lower_bound(anchor->leaves.begin(), anchor->leaves.end(), material.commitment);
  if (at == anchor->leaves.end() || *at != material.commitment) return corrupt_row("anchors", u64_bytes(anchor->first));
  material.leaf_index = static_cast<std::uint32_t>(at - anchor->leaves.begin());
  material.leaf_count = static_cast<std::uint32_t>(anchor->leaves.size());
  material.path = anchor->tree.inclusion(material.leaf_index);
  return material;
}

}  // namespace careledger::vault
