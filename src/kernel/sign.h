// Making what the kernel reads: signed commands and batches, for wallets, nodes and tests. Pure; any thread.
#pragma once

#include <span>

#include "crypto/sign.h"
#include "kernel/authority.h"

namespace careledger::kernel {

struct Signer {       // does not own the key
  std::uint32_t key;  // Key.number in the authority
  const crypto::SigningKey* with;
};

struct CommandOrder {  // what a command says besides its payload
  LedgerId ledger;
  AccountId actor;
  std::uint64_t sequence = 0;  // from 1; each number of an actor is consumed once
  BlockTime expires;           // in block time, at most an hour ahead
  ContractId contract;
};

ledger::SignedCommand sign_command(const CommandOrder& order, ByteView payload, std::span<const Signer> signers);
// One signature by one key.
ledger::SignedCommand sign_command(const CommandOrder& order, ByteView payload, const Signer& signer);
Digest digest_of(const ledger::SignedCommand& command);  // what its receipt will name

ledger::SignedBatch sign_batch(const OrganisationId& organisation, std::uint64_t sequence, std::span<const ledger::SignedCommand> commands,
                               const Signer& signer);

ledger::CommandSignature sign_bytes(ByteView signed_bytes, const Signer& signer);

// An authority of one key for commands, number 1, open-ended, and one of several.
ledger::Authority single_key(const crypto::PublicKey& key);
void add_key(ledger::Authority& authority, KeyRole role, const crypto::PublicKey& key);  // numbered one above the last

}  // namespace careledger::kernel
