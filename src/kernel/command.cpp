#include "kernel/command.h"

#include "crypto/hash.h"
#include "kernel/canonical.h"

namespace careledger::kernel {

namespace {

std::optional<std::vector<KeySignature>> take_signatures(const google::protobuf::RepeatedPtrField<ledger::CommandSignature>& signatures) {
  if (signatures.empty() || static_cast<std::size_t>(signatures.size()) > kSignaturesMax) return std::nullopt;
  std::vector<KeySignature> taken;
  taken.reserve(static_cast<std::size_t>(signatures.size()));
  for (const auto& signature : signatures) {
    const auto bytes = crypto::Signature::from(signature.signature());
    if (!bytes || signature.algorithm() != static_cast<std::uint32_t>(crypto::Algorithm::ed25519)) return std::nullopt;
    taken.push_back({signature.key(), crypto::Algorithm::ed25519, *bytes});
  }
  return taken;
}

// False when a field has a wrong size or is out of range.
bool take_fields(ledger::Command& command, ReceivedCommand& out) {
  const auto ledger = LedgerId::from(command.ledger());
  const auto actor = AccountId::from(command.actor());
  if (!ledger || !actor || command.sequence() == 0 || command.contract() == 0 || command.contract() > 0xffff) return false;
  out.ledger = *ledger;
  out.actor = *actor;
  out.sequence = command.sequence();
  out.expires = {command.expires_ms()};
  out.contract = {static_cast<std::uint16_t>(command.contract())};
  out.payload = std::move(*command.mutable_payload());
  return true;
}

bool take(const ledger::SignedCommand& command, ReceivedCommand& out) {
  auto message = decode_canonical<ledger::Command>(command.command());
  auto signatures = take_signatures(command.signatures());
  if (!message || !signatures || !take_fields(*message, out)) return false;
  out.signatures = std::move(*signatures);
  return true;
}

ReceivedCommand receive_sized(const ledger::SignedCommand& command, std::size_t size) {
  ReceivedCommand received;
  received.signed_bytes = signed_bytes(kCommandTag, command.command());
  received.digest = crypto::sha256(received.signed_bytes);
  if (size > kCommandSizeMax) {
    received.verdict = KernelCode::too_large;
  } else {
    received.verdict = take(command, received) ? KernelCode::ok : KernelCode::malformed;
  }
  return received;
}

}  // namespace

Bytes signed_bytes(ByteView tag, ByteView message) {
  Bytes bytes;
  bytes.reserve(4 + tag.size() + message.size());
  append_field(bytes, tag);
  bytes.append(message);
  return bytes;
}

Digest command_digest(ByteView command) { return crypto::sha256(signed_bytes(kCommandTag, command)); }

ReceivedCommand receive(const ledger::SignedCommand& command) { return receive_sized(command, command.ByteSizeLong()); }

ReceivedCommand receive_bytes(ByteView bytes) {
  const bool fits = bytes.size() <= kCommandSizeMax;
  if (fits) {
    if (const auto command = decode_canonical<ledger::SignedCommand>(bytes)) return receive_sized(*command, bytes.size());
  }
  ReceivedCommand received;  // no command can be told from these bytes: the digest is theirs
  received.verdict = fits ? KernelCode::malformed : KernelCode::too_large;
  received.digest = crypto::sha256(bytes);
  return received;
}

Result<ReceivedBatch> receive_batch(ByteView bytes) {
  if (bytes.size() > kBatchSizeMax) return fail(ErrorKind::too_large, "batch: over 512 KiB");
  const auto sealed = decode_canonical<ledger::SignedBatch>(bytes);
  if (!sealed) return fail(ErrorKind::malformed, "batch: the envelope is not canonical");
  const auto batch = decode_canonical<ledger::Batch>(sealed->batch());
  if (!batch) return fail(ErrorKind::malformed, "batch: its content is not canonical");
  const auto organisation = OrganisationId::from(batch->organisation());
  auto signatures = take_signatures(sealed->signatures());
  if (!organisation || !signatures) return fail(ErrorKind::malformed, "batch: organisation or signatures have the wrong size");
  if (batch->commands().empty()) return fail(ErrorKind::malformed, "batch: no command inside");
  if (static_cast<std::size_t>(batch->commands_size()) > kBatchCommandsMax) return fail(ErrorKind::too_large, "batch: over 4096 commands");
  ReceivedBatch received{*organisation, batch->sequence(), signed_bytes(kBatchTag, sealed->batch()), std::move(*signatures), {}};
  received.commands.reserve(static_cast<std::size_t>(batch->commands_size()));
  for (const auto& command : batch->commands()) received.commands.push_back(receive(command));
  return received;
}

}  // namespace careledger::kernel
