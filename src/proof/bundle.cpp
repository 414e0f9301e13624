#include "proof/bundle.h"

#include "base/assert.h"
#include "crypto/hash.h"

namespace careledger::proof {
namespace {

Bytes spaced(char space, ByteView id) { return Bytes(1, space).append(id); }

}  // namespace

Digest record_commitment(ByteView profile, ByteView type, const Digest& root) {
  return crypto::tagged_hash("careledger/record/1", {profile, type, root.view()});
}

Bytes exception_key(const OrganisationId& organisation, const Digest& commitment) {
  return spaced('\x40', crypto::tagged_hash("careledger/record-exception/1", {organisation.view(), commitment.view()}).view());
}

Bytes account_key(const AccountId& account) { return spaced('\x01', account.view()); }

Bytes past_authority_key(const AccountId& account, std::uint32_t version) { return spaced('\x03', account.view()) + u32_bytes(version); }

Bytes organisation_key(const OrganisationId& organisation) { return spaced('\x10', organisation.view()); }

Bytes head_key(const OrganisationId& organisation) { return spaced('\x50', organisation.view()); }

Digest command_digest(ByteView command) {
  Bytes signed_bytes;
  append_field(signed_bytes, "careledger/command/1");
  return crypto::sha256({signed_bytes, command});
}

// The smallest key behind a row is the row's own with a zero byte more.
Bytes AccessClaim::list_begin() const { return after ? audit_key(subject, *after) + '\0' : subject.bytes(); }

Bytes AccessClaim::list_end() const { return before ? audit_key(subject, *before) : prefix_end(subject.view()); }

Digest audit_part(ByteView salt, ByteView data) { return crypto::tagged_hash("careledger/audit-part/1", {salt, data}); }

Digest audit_commitment(const Digest& entry_part, const Digest& details_part) {
  return crypto::tagged_hash("careledger/audit-entry/1", {entry_part.view(), details_part.view()});
}

OpenedRecord open_record(std::span<const Bytes> leaves, std::span<const std::size_t> shown) {
  LogTree tree;
  for (const Bytes& leaf : leaves) tree.append_data(leaf);
  OpenedRecord out{tree.root(), {}};
  out.elements.reserve(shown.size());
  for (const std::size_t index : shown) {
    CARELEDGER_ASSERT(index < leaves.size());
    ShownElement element{leaves[index], {}};
    std::uint64_t node = index;
    std::uint64_t last = leaves.size() - 1;
    for (const Digest& sibling : tree.inclusion(index)) {
      while ((node & 1) == 0 && node == last) {  // on the right edge a node without a sibling rises as it is
        node >>= 1;
        last >>= 1;
      }
      element.path.emplace_back((node & 1) != 0, sibling);
      node >>= 1;
      last >>= 1;
    }
    out.elements.push_back(std::move(element));
  }
  return out;
}

}  // namespace careledger::proof
