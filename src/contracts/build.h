// Payloads of every command, for wallets, nodes and tests: canonical bytes for kernel::sign_command(), beside the id of the contract that
// reads them. Pure. Nothing is judged here: a wrong argument gets its code from the contract.
#pragma once

#include <span>
#include <vector>

#include "contracts/governance/governance.h"
#include "contracts/registry/registry.h"
#include "contracts/relationship/relationship.h"
#include "crypto/hpke.h"
#include "kernel/sign.h"

namespace careledger::contracts::build {

inline constexpr ContractId kRegistry{1};
inline constexpr ContractId kRelationship{2};
inline constexpr ContractId kConsent{3};
inline constexpr ContractId kRecords{4};
inline constexpr ContractId kAccess{5};
inline constexpr ContractId kGovernance{6};

struct Order {  // what a command says: its contract and payload
  ContractId contract;
  Bytes payload;
};

// registry
struct NewOrganisation {
  ledger::Authority authority;
  Digest nonce;  // 32 random bytes
  std::string name;
  registry::OrganisationKind kind{};  // none: refused
  crypto::SealingKey sealing_key;
  OrganisationId id() const { return kernel::account_id(authority, nonce.view()); }
};
Order admit(const NewOrganisation& organisation);
Order suspend(const OrganisationId& organisation);
Order reinstate(const OrganisationId& organisation);
Order accredit(const Digest& nonce, registry::HolderKind kind, registry::Role role, std::uint32_t valid_to_day);
Order renew(const Digest& holder, std::uint32_t valid_to_day);
Order revoke_accreditation(const Digest& holder);
Order rotate(const ledger::Authority& authority);
Order revoke_key(std::uint32_t number);
Order set_sealing_key(const crypto::SealingKey& key);
Order activate(ProtocolVersion version, Height height);

// relationship
struct NewPatient {
  ledger::Authority authority;
  Digest nonce;
  bool held_in_trust = false;
  AccountId id() const { return kernel::account_id(authority, nonce.view()); }
};
Order propose(const NewPatient& patient);
Order accept(const RelationshipId& relationship);
Order reject(const RelationshipId& relationship);
Order end(const RelationshipId& relationship);
// `signers`: keys of the new authority; they sign relationship::handover_bytes(). `proofs`: what such keys signed elsewhere.
struct Handover {
  LedgerId ledger;
  AccountId patient;
  RelationshipId relationship;
  ledger::Authority authority;
  std::vector<kernel::Signer> signers;
  std::vector<ledger::CommandSignature> proofs{};
};
Order claim(const Handover& handover);
Order change_controller(const Handover& handover, const Digest& reason);
Order merge(const RelationshipId& relationship, const Digest& survivor);
Order unmerge(const RelationshipId& relationship);

// consent; expires_day 0 is open
Order grant(const RelationshipId& relationship, kernel::Counter number, const Digest& terms, std::uint32_t expires_day);
Order revoke(const RelationshipId& relationship, kernel::Counter number);

// records; the lists of the anchor are sorted here, and what stands in both is entered in error only
Order anchor(ledger::Anchor anchor);
Order erase(const Digest& commitment);

// access
Order head(const Digest& map_root, const Digest& log_root, std::uint64_t size);

// governance; a proposal's id is governance::proposal_id of the command
Order propose(const governance::Action& action, BlockTime deadline);
Order vote(const Digest& proposal, bool yes);
Order rotate_validator(const LedgerId& ledger, const OrganisationId& organisation, const crypto::SigningKey& next);
Order leave();
Order grow(const governance::Grow& grow);
Order freeze(BlockTime until);
Order thaw();

}  // namespace careledger::contracts::build
