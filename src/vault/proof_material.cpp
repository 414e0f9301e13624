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

Result<ProofMaterial> Vault::proof_material(std::string_view type, std::string_view id, std::uint32_t version) const {
  const VaultParts& parts = *parts_;
  ProofMaterial material;
  CARELEDGER_TRY(material.version, version == 0 ? view().read(type, id) : view().read_version(type, id, version));
  const std::uint64_t number = material.version.meta.number;
  CARELEDGER_TRY(const VersionSecret secret, parts.tree->secret(number));
  material.seed = secret.salt_seed();
  CARELEDGER_TRY(material.commitment, commitment_of(parts, number));
  CARELEDGER_TRY(const auto anchor, parts.anchors.find(*parts.store, number));
  if (!anchor) return material;
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
