#include "contracts/build.h"

#include <algorithm>

#include "contracts/access/access.pb.h"
#include "contracts/consent/consent.pb.h"
#include "contracts/records/records.pb.h"

namespace careledger::contracts::build {

namespace {

Order order(ContractId contract, const google::protobuf::Message& payload) { return {contract, kernel::encode(payload)}; }

template <class Command>
void hand_over(Command& command, const Handover& handover) {
  command.set_relationship(handover.relationship.bytes());
  *command.mutable_authority() = handover.authority;
  const Bytes bytes = relationship::handover_bytes(handover.ledger, handover.patient, handover.authority);
  for (const auto& signer : handover.signers) *command.add_proofs() = kernel::sign_bytes(bytes, signer);
  for (const auto& proof : handover.proofs) *command.add_proofs() = proof;
}

}  // namespace

Order admit(const NewOrganisation& organisation) {
  registry::Payload payload;
  auto* command = payload.mutable_admit();
  *command->mutable_authority() = organisation.authority;
  command->set_nonce(organisation.nonce.bytes());
  command->set_name(organisation.name);
  command->set_kind(number_of(organisation.kind));
  command->set_sealing_key(organisation.sealing_key.bytes());
  return order(kRegistry, payload);
}

Order suspend(const OrganisationId& organisation) {
  registry::Payload payload;
  payload.mutable_suspend()->set_organisation(organisation.bytes());
  return order(kRegistry, payload);
}

Order reinstate(const OrganisationId& organisation) {
  registry::Payload payload;
  payload.mutable_reinstate()->set_organisation(organisation.bytes());
  return order(kRegistry, payload);
}

Order accredit(const Digest& nonce, registry::HolderKind kind, registry::Role role, std::uint32_t valid_to_day) {
  registry::Payload payload;
  auto* command = payload.mutable_accredit();
  command->set_nonce(nonce.bytes());
  command->set_kind(number_of(kind));
  command->set_role(number_of(role));
  command->set_valid_to_day(valid_to_day);
  return order(kRegistry, payload);
}

Order renew(const Digest& holder, std::uint32_t valid_to_day) {
  registry::Payload payload;
  payload.mutable_renew()->set_holder(holder.bytes());
  payload.mutable_renew()->set_valid_to_day(valid_to_day);
  return order(kRegistry, payload);
}

Order revoke_accreditation(const Digest& holder) {
  registry::Payload payload;
  payload.mutable_revoke_accreditation()->set_holder(holder.bytes());
  return order(kRegistry, payload);
}

Order rotate(const ledger::Authority& authority) {
  registry::Payload payload;
  *payload.mutable_rotate()->mutable_authority() = authority;
  return order(kRegistry, payload);
}

Order revoke_key(std::uint32_t number) {
  registry::Payload payload;
  payload.mutable_revoke_key()->set_number(number);
  return order(kRegistry, payload);
}

Order set_sealing_key(const crypto::SealingKey& key) {
  registry::Payload payload;
  payload.mutable_set_sealing_key()->set_sealing_key(key.bytes());
  return order(kRegistry, payload);
}

Order activate(ProtocolVersion version, Height height) {
  registry::Payload payload;
  payload.mutable_activate()->set_version(version.value);
  payload.mutable_activate()->set_height(height.value);
  return order(kRegistry, payload);
}

Order propose(const NewPatient& patient) {
  relationship::Payload payload;
  auto* command = payload.mutable_propose();
  *command->mutable_authority() = patient.authority;
  command->set_nonce(patient.nonce.bytes());
  command->set_held_in_trust(patient.held_in_trust);
  return order(kRelationship, payload);
}

Order accept(const RelationshipId& relationship) {
  relationship::Payload payload;
  payload.mutable_accept()->set_relationship(relationship.bytes());
  return order(kRelationship, payload);
}

Order reject(const RelationshipId& relationship) {
  relationship::Payload payload;
  payload.mutable_reject()->set_relationship(relationship.bytes());
  return order(kRelationship, payload);
}

Order end(const RelationshipId& relationship) {
  relationship::Payload payload;
  payload.mutable_end()->set_relationship(relationship.bytes());
  return order(kRelationship, payload);
}

Order claim(const Handover& handover) {
  relationship::Payload payload;
  hand_over(*payload.mutable_claim(), handover);
  return order(kRelationship, payload);
}

Order change_controller(const Handover& handover, const Digest& reason) {
  relationship::Payload payload;
  hand_over(*payload.mutable_change_controller(), handover);
  payload.mutable_change_controller()->set_reason(reason.bytes());
  return order(kRelationship, payload);
}

Order merge(const RelationshipId& relationship, const Digest& survivor) {
  relationship::Payload payload;
  payload.mutable_merge()->set_relationship(relationship.bytes());
  payload.mutable_merge()->set_survivor(survivor.bytes());
  return order(kRelationship, payload);
}

Order unmerge(const RelationshipId& relationship) {
  relationship::Payload payload;
  payload.mutable_unmerge()->set_relationship(relationship.bytes());
  return order(kRelationship, payload);
}

Order grant(const RelationshipId& relationship, kernel::Counter number, const Digest& terms, std::uint32_t expires_day) {
  consent::Payload payload;
  auto* command = payload.mutable_grant();
  command->set_relationship(relationship.bytes());
  command->set_number(number);
  command->set_terms(terms.bytes());
  command->set_expires_day(expires_day);
  return order(kConsent, payload);
}

Order revoke(const RelationshipId& relationship, kernel::Counter number) {
  consent::Payload payload;
  payload.mutable_revoke()->set_relationship(relationship.bytes());
  payload.mutable_revoke()->set_number(number);
  return order(kConsent, payload);
}

Order anchor(ledger::Anchor anchor) {
  const auto sort = [](auto& list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  };
  auto& errors = *anchor.mutable_entered_in_error();
  auto& superseded = *anchor.mutable_supersedes();
  sort(errors);
  sort(superseded);
  superseded.erase(std::remove_if(superseded.begin(), superseded.end(),
                                  [&](const auto& c) { return std::binary_search(errors.begin(), errors.end(), c); }),
                   superseded.end());
  records::Payload payload;
  payload.mutable_anchor()->Swap(&anchor);
  return order(kRecords, payload);
}

Order erase(const Digest& commitment) {
  records::Payload payload;
  payload.mutable_erase()->set_commitment(commitment.bytes());
  return order(kRecords, payload);
}

Order head(const Digest& map_root, const Digest& log_root, std::uint64_t size) {
  access::Payload payload;
  payload.mutable_head()->set_map_root(map_root.bytes());
  payload.mutable_head()->set_log_root(log_root.bytes());
  payload.mutable_head()->set_size(size);
  return order(kAccess, payload);
}

Order propose(const governance::Action& action, BlockTime deadline) {
  governance::Payload payload;
  *payload.mutable_propose()->mutable_action() = action;
  payload.mutable_propose()->set_deadline_ms(deadline.value);
  return order(kGovernance, payload);
}

Order vote(const Digest& proposal, bool yes) {
  governance::Payload payload;
  payload.mutable_vote()->set_proposal(proposal.bytes());
  payload.mutable_vote()->set_yes(yes);
  return order(kGovernance, payload);
}

Order rotate_validator(const LedgerId& ledger, const OrganisationId& organisation, const crypto::SigningKey& next) {
  const Bytes key = next.public_key().bytes();
  governance::Payload payload;
  payload.mutable_rotate_validator()->set_key(key);
  payload.mutable_rotate_validator()->set_proof(Bytes(next.sign(governance::rotation_bytes(ledger, organisation, key)).view()));
  return order(kGovernance, payload);
}

Order leave() {
  governance::Payload payload;
  payload.mutable_leave();
  return order(kGovernance, payload);
}

Order freeze(BlockTime until) {
  governance::Payload payload;
  payload.mutable_freeze()->set_until_ms(until.value);
  return order(kGovernance, payload);
}

Order thaw() {
  governance::Payload payload;
  payload.mutable_thaw();
  return order(kGovernance, payload);
}

Order grow(const governance::Grow& grow) {
  governance::Payload payload;
  *payload.mutable_grow() = grow;
  return order(kGovernance, payload);
}

}  // namespace careledger::contracts::build
