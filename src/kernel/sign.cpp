#include "kernel/sign.h"

#include "kernel/canonical.h"

namespace careledger::kernel {

ledger::CommandSignature sign_bytes(ByteView signed_bytes, const Signer& signer) {
  ledger::CommandSignature signature;
  signature.set_key(signer.key);
  signature.set_algorithm(static_cast<std::uint32_t>(crypto::Algorithm::ed25519));
  signature.set_signature(Bytes(signer.with->sign(signed_bytes).view()));
  return signature;
}

ledger::SignedCommand sign_command(const CommandOrder& order, ByteView payload, std::span<const Signer> signers) {
  ledger::Command command;
  command.set_ledger(order.ledger.bytes());
  command.set_actor(order.actor.bytes());
  command.set_sequence(order.sequence);
  command.set_expires_ms(order.expires.value);
  command.set_contract(order.contract.value);
  command.set_payload(Bytes(payload));
  ledger::SignedCommand sealed;
  sealed.set_command(encode(command));
  const Bytes bytes = signed_bytes(kCommandTag, sealed.command());
  for (const auto& signer : signers) *sealed.add_signatures() = sign_bytes(bytes, signer);
  return sealed;
}

ledger::SignedCommand sign_command(const CommandOrder& order, ByteView payload, const Signer& signer) {
  return sign_command(order, payload, std::span(&signer, 1));
}

Digest digest_of(const ledger::SignedCommand& command) { return command_digest(command.command()); }

ledger::SignedBatch sign_batch(const OrganisationId& organisation, std::uint64_t sequence, std::span<const ledger::SignedCommand> commands,
                               const Signer& signer) {
  ledger::Batch batch;
  batch.set_organisation(organisation.bytes());
  batch.set_sequence(sequence);
  for (const auto& command : commands) *batch.add_commands() = command;
  ledger::SignedBatch sealed;
  sealed.set_batch(encode(batch));
  *sealed.add_signatures() = sign_bytes(signed_bytes(kBatchTag, sealed.batch()), signer);
  return sealed;
}

ledger::Authority single_key(const crypto::PublicKey& key) {
  ledger::Authority authority;
  authority.set_threshold(1);
  add_key(authority, KeyRole::command, key);
  return authority;
}

void add_key(ledger::Authority& authority, KeyRole role, const crypto::PublicKey& key) {
  const std::uint32_t last = authority.keys().empty() ? 0 : authority.keys(authority.keys_size() - 1).number();
  auto* added = authority.add_keys();
  added->set_number(last + 1);
  added->set_algorithm(static_cast<std::uint32_t>(crypto::Algorithm::ed25519));
  added->set_public_key(key.bytes());
  added->set_role(static_cast<std::uint32_t>(role));
}

}  // namespace careledger::kernel
