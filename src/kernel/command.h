// Decoding of what clients send: one signed command, and a batch of them in an organisation's envelope.
//
// Both are canonical protobuf (kernel/canonical.h, messages in proof/ledger.proto). A signature covers the field of a domain tag
// (u32 length ‖ tag) and then the exact message bytes, so that no signature serves two purposes. Pure functions; any thread.
#pragma once

#include <span>
#include <vector>

#include "base/ids.h"
#include "crypto/sign.h"
#include "kernel/codes.h"
#include "proof/ledger.pb.h"

namespace careledger::kernel {

inline constexpr std::size_t kCommandSizeMax = 64 * 1024;  // an encoded SignedCommand
inline constexpr std::size_t kBatchSizeMax = 512 * 1024;   // an encoded SignedBatch
inline constexpr std::size_t kBatchCommandsMax = 4096;
inline constexpr std::size_t kSignaturesMax = 8;
inline constexpr std::int64_t kExpiryAheadMaxMs = 60 * 60 * 1000;
inline constexpr ByteView kCommandTag = "careledger/command/1";
inline constexpr ByteView kBatchTag = "careledger/batch/1";

Bytes signed_bytes(ByteView tag, ByteView message);  // field(tag) ‖ message
Digest command_digest(ByteView command);             // SHA-256 of signed_bytes(kCommandTag, command)

struct KeySignature {
  std::uint32_t key = 0;  // Key.number within the actor's authority
  crypto::Algorithm algorithm = crypto::Algorithm::ed25519;
  crypto::Signature signature;
};

// A command as it came. `verdict` is ok, too_large or malformed; unless ok only `digest` means anything. One is made for every command
// of a batch, so that each gets its receipt.
struct ReceivedCommand {
  KernelCode verdict = KernelCode::malformed;
  Digest digest;       // SHA-256 of signed_bytes
  Bytes signed_bytes;  // field(kCommandTag) ‖ Command
  LedgerId ledger;
  AccountId actor;
  std::uint64_t sequence = 0;
  BlockTime expires;
  ContractId contract;
  Bytes payload;
  std::vector<KeySignature> signatures;
};

ReceivedCommand receive(const ledger::SignedCommand& command);
ReceivedCommand receive_bytes(ByteView bytes);  // of an encoded SignedCommand

struct ReceivedBatch {
  OrganisationId organisation;
  std::uint64_t sequence = 0;
  Bytes signed_bytes;  // field(kBatchTag) ‖ Batch
  std::vector<KeySignature> signatures;
  std::vector<ReceivedCommand> commands;  // in order; at least one
};

Result<ReceivedBatch> receive_batch(ByteView bytes);  // too_large, malformed; one bad command inside is no reason to refuse

}  // namespace careledger::kernel
