#include "vault/prover.h"

#include <algorithm>

#include "codec/fhir/record.h"
#include "contracts/access/access.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"

namespace careledger::vault {
namespace {

Result<Provable> provable_at(const replica::View& view, Height header, const ordering::Ordering& ordering) {
  CARELEDGER_TRY(proof::SignedHeader signed_header, ordering.header(header));
  CARELEDGER_TRY(proof::ValidatorSet validators, ordering.validators(header));
  if (signed_header.header.app_hash != view.app_hash().view())
    return fail(ErrorKind::unavailable, "the newest state is not provable yet; ask again in a moment");
  return Provable{view, std::move(signed_header), std::move(validators)};
}

proof::Bundle chain_part(const Provable& at) {
  proof::Bundle bundle;
  bundle.ledger = at.view.ledger();
  bundle.signed_header = at.header;
  bundle.validators = at.validators;
  bundle.roots = proof::app_map(at.view.app_state());
  return bundle;
}

struct OpenedVersion {
  std::vector<Bytes> leaves;
  std::vector<std::size_t> shown;
};

Result<OpenedVersion> open_version(const ProofMaterial& material, const std::set<std::string>& disclose) {
  CARELEDGER_TRY(const codec::json::Document document, codec::json::parse(material.version.body));
  OpenedVersion out;
  std::size_t found = 0;
  for (codec::fhir::RecordLeaf& leaf : codec::fhir::record_leaves(document.root(), material.seed.view())) {
    const bool named = disclose.contains(leaf.name);
    found += named ? 1 : 0;
    if (named || disclose.contains("*")) out.shown.push_back(out.leaves.size());
    out.leaves.push_back(std::move(leaf.data));
  }
  if (found < disclose.size() - disclose.count("*"))
    return fail(ErrorKind::not_found, "the version has no such top-level element to disclose");
  return out;
}

// The version of the authority that was in force at `height`, when it has been replaced since: the anchor's signatures are under its keys.
std::optional<kernel::Counter> replaced_version(const replica::View& view, const OrganisationId& organisation, Height height) {
  const auto account = view.state().get(kernel::kAccounts, organisation);
  for (kernel::Counter version = 1; account && version < account->authority_version(); ++version) {
    const auto past = view.state().get(kernel::kPastAuthorities, organisation, version);
    if (past && past->until_height() >= height.value) return version;
  }
  return std::nullopt;
}

Result<proof::LoggedCommand> prove_logged(const replica::View& view, ByteView signed_command) {
  proof::LoggedCommand out;
  if (!kernel::parse_canonical(signed_command, out.command)) return fail(ErrorKind::corrupt, "a stored command does not read");
  CARELEDGER_TRY(replica::CommandProof in_log, view.prove_command(proof::command_digest(out.command.command())));
  out.height = in_log.at.height;
  out.position = in_log.at.position;
  out.index = in_log.index;
  out.path = std::move(in_log.path);
  return out;
}

}  // namespace

Result<Provable> newest_provable(const replica::Replica& replica, const ordering::Ordering& ordering) {
  const replica::View view = replica.view();
  if (view.height().value == 0) return fail(ErrorKind::not_found, "the ledger has no block yet");
  if (auto at_tip = provable_at(view, view.height(), ordering)) return at_tip;
  // The newest block changed the state: its own header commits to the state before it.
  CARELEDGER_TRY(const replica::View before, replica.view_at({view.height().value - 1}));
  return provable_at(before, view.height(), ordering);
}

Result<Digest> anchoring_command(const ProofMaterial& material) {
  if (material.anchor.state != Anchoring::final)
    return fail(ErrorKind::not_found, "this version is not on the ledger yet; try again in a moment");
  ledger::SignedCommand command;
  if (!kernel::parse_canonical(material.signed_command, command)) return fail(ErrorKind::corrupt, "a stored command does not read");
  return proof::command_digest(command.command());
}

Result<proof::Bundle> prove_record(const Provable& at, const OrganisationId& organisation, const ProofMaterial& material,
                                   const RecordProofOptions& options) {
  if (material.anchor.state != Anchoring::final)
    return fail(ErrorKind::not_found, "this version is not on the ledger yet; try again in a moment");
  if (material.anchor.height > at.view.height())
    return fail(ErrorKind::unavailable, "the block that proves this version is still to come; try again in a moment");
  proof::RecordClaim claim;
  claim.type = material.version.meta.type;
  if (material.remnant) {
    claim.root = *material.remnant;
  } else {
    CARELEDGER_TRY(const OpenedVersion version, open_version(material, options.disclose));
    proof::OpenedRecord opened = proof::open_record(version.leaves, version.shown);
    claim.root = opened.root;
    claim.elements = std::move(opened.elements);
  }
  CARELEDGER_TRY(claim.anchor, prove_logged(at.view, material.signed_command));
  claim.leaf = material.leaf_index;
  claim.leaf_path = material.path;
  std::vector<Bytes> keys{proof::account_key(organisation), proof::organisation_key(organisation)};
  if (options.currency) keys.push_back(proof::exception_key(organisation, material.commitment));
  if (const auto replaced = replaced_version(at.view, organisation, claim.anchor.height))
    keys.push_back(proof::past_authority_key(organisation, *replaced));
  std::sort(keys.begin(), keys.end());
  CARELEDGER_TRY(claim.state, at.view.prove(keys));
  proof::Bundle bundle = chain_part(at);
  bundle.claim = std::move(claim);
  return bundle;
}

Result<proof::Bundle> prove_accesses(const Provable& at, const OrganisationId& organisation, AccessList list, bool with_details) {
  proof::AccessClaim claim;
  claim.custodian = organisation;
  claim.subject = id_cast<Digest>(list.subject);
  claim.after = list.after;
  claim.before = list.before;
  claim.list = std::move(list.range_proof);
  std::vector<Bytes> keys{proof::account_key(organisation), proof::organisation_key(organisation), proof::head_key(organisation)};
  // A promise made before a rotation stands under keys that were replaced since: whoever holds one must be able to convict by this list.
  const auto account = at.view.state().get(kernel::kAccounts, organisation);
  for (kernel::Counter version = 1; account && version < account->authority_version(); ++version)
    keys.push_back(proof::past_authority_key(organisation, version));
  std::sort(keys.begin(), keys.end());
  CARELEDGER_TRY(claim.state, at.view.prove(keys));
  const auto head = at.view.state().get(contracts::access::kHeads, organisation);
  if (!head || head->map_root() != list.head.map_root.view() || head->height() != list.head.height.value)
    return fail(ErrorKind::conflict, "a newer head of the audit map is on the ledger; take the list again");
  CARELEDGER_TRY(claim.head, prove_logged(at.view, list.head.signed_command));
  std::uint32_t number = 0;
  claim.openings.reserve(list.entries.size());
  for (OpenedEntry& entry : list.entries) {
    proof::AuditOpening opening;
    opening.row = number++;
    opening.entry_salt = std::move(entry.entry_salt);
    opening.entry = entry_bytes(entry.entry);
    if (with_details) {
      opening.details_salt = std::move(entry.details_salt);
      opening.details = std::move(entry.entry.details);
    } else {
      opening.details_hash = proof::audit_part(entry.details_salt, entry.entry.details);
    }
    claim.openings.push_back(std::move(opening));
  }
  proof::Bundle bundle = chain_part(at);
  bundle.claim = std::move(claim);
  return bundle;
}

}  // namespace careledger::vault
