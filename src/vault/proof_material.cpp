#include <algorithm>

#include "proof/log.h"
#include "vault/outbox.h"
#include "vault/parts.h"

namespace careledger::vault {
namespace {

struct Found {
  std::uint64_t first;
  AnchorRow row;
};

// The anchor that holds the number; nullopt while it waits in the outbox.
Result<std::optional<Found>> anchor_of(const VaultParts& parts, std::uint64_t number) {
  const auto rows = parts.store->iterate(kAnchorsColumn, storage::Range::all());
  rows->seek_backward(u64_bytes(number));
  if (!rows->valid()) {
    CARELEDGER_CHECK(rows->status());
    return std::nullopt;
  }
  ByteView key = rows->key();
  const auto first = take_u64(key);
  auto row = decode_anchor_row(rows->value());
  if (!first || !key.empty() || !row) return corrupt_row("anchors", rows->key());
  if (number - *first >= row->commitments.size()) return std::nullopt;
  return Found{*first, std::move(*row)};
}

}  // namespace

Result<Digest> commitment_of(const VaultParts& parts, std::uint64_t number) {
  const Bytes key = u64_bytes(number);
  CARELEDGER_TRY(const auto waiting, parts.store->get(kOutboxColumn, key));
  if (waiting) {
    const auto row = decode_outbox_row(*waiting);
    if (!row) return corrupt_row("outbox", key);
    return row->commitment;
  }
  CARELEDGER_TRY(const auto found, anchor_of(parts, number));
  if (!found) return corrupt_row("outbox", key);
  return found->row.commitments[number - found->first];
}

Result<AnchorState> Outbox::state_of(std::uint64_t number) const {
  CARELEDGER_TRY(const auto found, anchor_of(parts_, number));
  if (!found) return AnchorState{};
  return AnchorState{found->row.state, found->row.height, found->row.position};
}

Result<ProofMaterial> Vault::proof_material(std::string_view type, std::string_view id, std::uint32_t version) const {
  const VaultParts& parts = *parts_;
  ProofMaterial material;
  CARELEDGER_TRY(material.version, view().read_version(type, id, version));
  const std::uint64_t number = material.version.meta.number;
  CARELEDGER_TRY(const VersionSecret secret, parts.tree->secret(number));
  material.seed = secret.salt_seed();
  CARELEDGER_TRY(material.commitment, commitment_of(parts, number));
  CARELEDGER_TRY(const auto found, anchor_of(parts, number));
  if (!found) return material;
  material.anchor = {found->row.state, found->row.height, found->row.position};
  material.signed_command = found->row.signed_command;
  const std::vector<Digest> leaves = anchor_leaves(found->row);
  const auto at = std::lower_bound(leaves.begin(), leaves.end(), material.commitment);
  material.leaf_index = static_cast<std::uint32_t>(at - leaves.begin());
  material.leaf_count = static_cast<std::uint32_t>(leaves.size());
  material.path = proof::anchor_tree(leaves).inclusion(material.leaf_index);
  return material;
}

}  // namespace careledger::vault
