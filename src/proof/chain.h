// Blocks, headers, commits and validator sets in the chain's format, which is CometBFT's, as far as making, serving and believing them
// needs. Hashes, sign bytes and encodings are those of the Go library byte for byte (tests/vectors/comet). Evidence is always empty here.
//
// Thread-safety: values; free functions are pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "crypto/sign.h"
#include "proof/log.h"

namespace careledger::proof {

inline constexpr std::uint64_t kBlockProtocol = 11;  // version.BlockProtocol: of the chain's format, in every header
inline constexpr std::size_t kPartSize = 65536;      // bytes in a block part
inline constexpr std::size_t kMaxChainId = 50;       // characters
inline constexpr std::size_t kMaxValidators = 1000;  // our limit; CometBFT's is 10,000
inline constexpr std::int64_t kMaxTotalPower = INT64_MAX / 8;

// A moment as protobuf's Timestamp has it. Default: Go's zero time, 0001-01-01T00:00:00Z, which absent votes carry.
struct Time {
  std::int64_t seconds = -62135596800;  // since 1970
  std::int32_t nanos = 0;               // 0 to 999,999,999
  friend auto operator<=>(const Time&, const Time&) = default;
};
Time time_from(BlockTime time);
BlockTime block_time(Time time);    // rounded down to milliseconds
std::string to_rfc3339(Time time);  // as Go's RFC3339Nano in UTC: 2026-11-21T09:30:00.5Z

struct PartSetHeader {
  std::uint32_t total = 0;
  Bytes hash;  // 32 bytes, or empty
  friend bool operator==(const PartSetHeader&, const PartSetHeader&) = default;
};

struct BlockId {
  Bytes hash;  // 32 bytes, or empty with an empty part set: no block
  PartSetHeader parts;
  bool is_nil() const { return hash.empty() && parts.total == 0 && parts.hash.empty(); }
  friend bool operator==(const BlockId&, const BlockId&) = default;
};

struct Header {
  std::uint64_t block_version = kBlockProtocol;
  std::uint64_t app_version = 0;
  std::string chain_id;
  std::int64_t height = 0;
  Time time;
  BlockId last_block_id;
  Bytes last_commit_hash, data_hash, validators_hash, next_validators_hash, consensus_hash, app_hash, last_results_hash, evidence_hash;
  Bytes proposer_address;  // 20 bytes
};

enum class VoteFlag : std::uint8_t { absent = 1, commit = 2, nil = 3 };

struct CommitSig {
  VoteFlag flag = VoteFlag::absent;
  Bytes validator_address;  // 20 bytes; empty when absent
  Time timestamp;
  Bytes signature;  // 64 bytes; empty when absent
};

struct Commit {
  std::int64_t height = 0;
  std::int32_t round = 0;
  BlockId block_id;
  std::vector<CommitSig> signatures;  // one a validator, in the set's order
};

struct SignedHeader {
  Header header;
  Commit commit;
};

struct Validator {
  crypto::PublicKey key;  // Ed25519
  std::int64_t power = 0;
  std::int64_t priority = 0;  // of proposing; not hashed
  Bytes address() const;
};

// Ordered by power, highest first, then by address: the order in which the set is hashed and votes stand in a commit.
struct ValidatorSet {
  std::vector<Validator> validators;
};
void sort(ValidatorSet& set);
std::int64_t total_power(const ValidatorSet& set);
// invalid when empty, unordered, repeated, a power below 1, or the powers add up to more than CometBFT allows.
Result<void> check(const ValidatorSet& set);

struct Block {
  Header header;
  std::vector<Bytes> txs;
  std::optional<Commit> last_commit;  // in the first block: an empty Commit
};

struct BlockLimits {  // what ConsensusParams.Hash covers
  std::int64_t max_bytes = 0;
  std::int64_t max_gas = -1;
};

struct TxResult {  // the hashed part of ExecTxResult
  std::uint32_t code = 0;
  Bytes data;
  std::int64_t gas_wanted = 0;
  std::int64_t gas_used = 0;
};

// ---- hashes ----
Bytes address_of(const crypto::PublicKey& key);  // first 20 bytes of SHA-256(key)
Bytes hash_of(const Header& header);             // 32 bytes; empty when validators_hash is (as in Go)
Bytes hash_of(const ValidatorSet& set);
Bytes hash_of(const Commit& commit);                    // LastCommitHash
Bytes data_hash(std::span<const Bytes> txs);            // DataHash: the tree over SHA-256 of each transaction
Bytes results_hash(std::span<const TxResult> results);  // LastResultsHash
Bytes params_hash(const BlockLimits& limits);           // ConsensusHash
Bytes empty_evidence_hash();

// ---- encodings: tendermint.types.* with their real field numbers ----
Bytes encode(const Header& header);
Bytes encode(const Commit& commit);
Bytes encode(const SignedHeader& signed_header);
Bytes encode(const ValidatorSet& set);
Bytes encode(const Block& block);
// Strict: what does not re-encode to the same bytes is malformed. Sizes of hashes, keys and counts are checked, rules are not.
Result<Header> decode_header(ByteView bytes);
Result<Commit> decode_commit(ByteView bytes);
Result<SignedHeader> decode_signed_header(ByteView bytes);
Result<ValidatorSet> decode_validators(ByteView bytes);
Result<Block> decode_block(ByteView bytes);

PartSetHeader part_set_header(ByteView block_bytes);  // over parts of 64 KiB
BlockId block_id_of(const Block& block);

// What validator `index` signs in this commit: the canonical precommit with its length before it.
Bytes vote_sign_bytes(const std::string& chain_id, const Commit& commit, std::size_t index);
Bytes vote_sign_bytes(const std::string& chain_id, std::int64_t height, std::int32_t round, const BlockId& block_id, Time timestamp);

// ---- belief ----

// Every rule of a light block that needs no earlier trust: the header's form, that the commit is for it, that the set is the one the
// header names, that *every* signature carried holds (ZIP-215) and that those for the block exceed two thirds of the power.
Result<void> verify_commit(const SignedHeader& signed_header, const ValidatorSet& set);

struct TrustRules {
  std::int64_t trusting_period_s = 14 * 86400;
  std::int64_t clock_drift_s = 10;
  std::uint32_t numerator = 1, denominator = 3;  // share of trusted power that must have signed; 1/3 to 1
};
struct LightBlock {
  SignedHeader signed_header;
  ValidatorSet validators;
};
// light.VerifyAdjacent and VerifyNonAdjacent. `now` is the caller's clock. invalid with the rule that broke.
Result<void> verify_adjacent(const SignedHeader& trusted, const LightBlock& next, Time now, const TrustRules& rules = {});
Result<void> verify_non_adjacent(const LightBlock& trusted, const LightBlock& later, Time now, const TrustRules& rules = {});
// The one of them that the heights ask for.
Result<void> verify_follows(const LightBlock& trusted, const LightBlock& later, Time now, const TrustRules& rules = {});
// The same without a clock, for proofs that are read years later: over two thirds of the trusted power must have signed what is not the
// next block, and a next block that names a block before it names this one. Two parts, the first without the later block's own commit.
Result<void> check_follows(const LightBlock& trusted, const LightBlock& later);
Result<void> verify_follows(const LightBlock& trusted, const LightBlock& later);

// Whether over numerator/denominator of the power of `known` voted for this block, whose commit has one place a validator. Says nothing
// about the signatures: verify_commit() does.
bool signed_by(const ValidatorSet& known, const LightBlock& block, std::uint32_t numerator = 2, std::uint32_t denominator = 3);

}  // namespace careledger::proof
