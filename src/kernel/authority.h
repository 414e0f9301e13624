// Authority: what controls an account. A threshold over keys, each with a role and a window of validity in block time, so that
// guardians, couples, dual control and other algorithms need no new format.
//
// Pure functions; any thread.
#pragma once

#include <vector>

#include "kernel/command.h"

namespace careledger::kernel {

inline constexpr int kAuthorityKeysMax = 16;

// What a key may do. Never one key for two jobs. Numbers are never reused; unknown roles are kept for others to judge.
enum class KeyRole : std::uint32_t {
  command = 1,     // signs commands; only these count towards the threshold
  batch = 2,       // signs an organisation's envelopes
  request = 3,     // signs HTTP requests between organisations (RFC 9421)
  checkpoint = 4,  // cosigns checkpoints of ledgers (witness)
  promise = 5,     // signs promises that a release is in the audit map
};

// Known algorithms, 32-byte keys, ascending numbers from 1, no key twice, windows that can hold, at least `threshold` command keys.
bool is_sound(const ledger::Authority& authority);

bool is_valid_at(const ledger::Key& key, BlockTime time);  // valid_from <= time < valid_to (0 = open)
const ledger::Key* find_key(const ledger::Authority& authority, std::uint32_t number);
std::optional<crypto::PublicKey> public_key_of(const ledger::Authority& authority, KeyRole role, BlockTime time);  // lowest number

// Answers whether one signature holds. The replica answers from its cache or from a batch that it verified beforehand.
class SignatureVerdicts {
 public:
  virtual ~SignatureVerdicts() = default;
  virtual bool holds(const crypto::PublicKey& key, ByteView signed_bytes, const crypto::Signature& signature) = 0;
};
SignatureVerdicts& direct_verdicts();  // verifies each, there and then

// ok, bad_signature or threshold_not_met. Every signature must hold, by different keys of `role` valid at `time`; no key signs twice.
// For KeyRole::command `authority.threshold` many are wanted, for every other role one.
KernelCode judge_signatures(const ledger::Authority& authority, KeyRole role, BlockTime time, ByteView signed_bytes,
                            std::span<const KeySignature> signatures, SignatureVerdicts& verdicts);

// The signatures that judge_signatures would ask for, for verifying many commands in one batch. Views point into the arguments.
void collect_signatures(const ledger::Authority& authority, ByteView signed_bytes, std::span<const KeySignature> signatures,
                        std::vector<crypto::SignedItem>& items);

}  // namespace careledger::kernel
