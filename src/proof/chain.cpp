#include "proof/chain.h"

#include <fmt/format.h>
#include <algorithm>
#include <chrono>

#include "crypto/hash.h"
#include "proof/canonical.h"
#include "proof/chain_message.h"
#include "proof/simple_map.h"

namespace careledger::proof {
namespace {

template <class Wrapper, class Value>
Bytes wrapped(const Value& value) {  // as google.protobuf.*Value: nothing at all when zero or empty
  Wrapper message;
  message.set_value(value);
  return canonical_bytes(message);
}

template <class Message, class Value>
Bytes encoded(const Value& value) {
  Message message;
  to_message(value, message);
  return canonical_bytes(message);
}

}  // namespace

Time time_from(BlockTime time) {
  std::int64_t seconds = time.value / 1000;
  std::int64_t rest = time.value % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  return {seconds, static_cast<std::int32_t>(rest * 1'000'000)};
}

BlockTime block_time(Time time) { return {time.seconds * 1000 + time.nanos / 1'000'000}; }

std::string to_rfc3339(Time time) {
  using std::chrono::floor;
  const std::chrono::sys_seconds at{std::chrono::seconds(time.seconds)};
  const auto day = floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(at - day);
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                                static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (time.nanos != 0) {
    out += fmt::format(".{:09}", time.nanos);
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out + "Z";
}

Bytes address_of(const crypto::PublicKey& key) { return Bytes(crypto::sha256(key.view()).view().substr(0, 20)); }

Bytes Validator::address() const { return address_of(key); }

void sort(ValidatorSet& set) {
  std::sort(set.validators.begin(), set.validators.end(),
            [](const Validator& a, const Validator& b) { return a.power != b.power ? a.power > b.power : a.address() < b.address(); });
}

std::int64_t total_power(const ValidatorSet& set) {
  std::int64_t total = 0;
  for (const Validator& validator : set.validators) total += validator.power;
  return total;
}

Result<void> check(const ValidatorSet& set) {
  if (set.validators.empty()) return fail(ErrorKind::invalid, "validators: the set is empty");
  if (set.validators.size() > kMaxValidators) return fail(ErrorKind::too_large, "validators: too many");
  std::int64_t total = 0;
  std::vector<Bytes> addresses;
  for (const Validator& validator : set.validators) {
    if (validator.power < 1 || validator.power > kMaxTotalPower - total)
      return fail(ErrorKind::invalid, "validators: a power out of range");
    total += validator.power;
    addresses.push_back(validator.address());
  }
  for (std::size_t i = 1; i < addresses.size(); ++i) {
    const std::int64_t before = set.validators[i - 1].power;
    const std::int64_t after = set.validators[i].power;
    if (before < after || (before == after && addresses[i - 1] >= addresses[i]))
      return fail(ErrorKind::invalid, "validators: out of order");
  }
  std::sort(addresses.begin(), addresses.end());
  if (std::adjacent_find(addresses.begin(), addresses.end()) != addresses.end()) {
    return fail(ErrorKind::invalid, "validators: one stands in the set twice");
  }
  return {};
}

Bytes hash_of(const Header& header) {
  if (header.validators_hash.empty()) return {};
  comet::Consensus version;
  version.set_block(header.block_version);
  version.set_app(header.app_version);
  const Bytes fields[] = {
      canonical_bytes(version),
      wrapped<comet::StringValue>(header.chain_id),
      wrapped<comet::Int64Value>(header.height),
      encoded<comet::Timestamp>(header.time),
      encoded<comet::BlockID>(header.last_block_id),
      wrapped<comet::BytesValue>(header.last_commit_hash),
      wrapped<comet::BytesValue>(header.data_hash),
      wrapped<comet::BytesValue>(header.validators_hash),
      wrapped<comet::BytesValue>(header.next_validators_hash),
      wrapped<comet::BytesValue>(header.consensus_hash),
      wrapped<comet::BytesValue>(header.app_hash),
      wrapped<comet::BytesValue>(header.last_results_hash),
      wrapped<comet::BytesValue>(header.evidence_hash),
      wrapped<comet::BytesValue>(header.proposer_address),
  };
  return simple_root(fields).bytes();
}

Bytes hash_of(const ValidatorSet& set) {
  std::vector<Bytes> items;
  for (const Validator& validator : set.validators) {
    comet::SimpleValidator message;
    message.mutable_pub_key()->set_ed25519(validator.key.bytes());
    message.set_voting_power(validator.power);
    items.push_back(canonical_bytes(message));
  }
  return simple_root(items).bytes();
}

Bytes hash_of(const Commit& commit) {
  std::vector<Bytes> items;
  for (const CommitSig& sig : commit.signatures) items.push_back(encoded<comet::CommitSig>(sig));
  return simple_root(items).bytes();
}

Bytes data_hash(std::span<const Bytes> txs) {
  CompactRange range;
  for (const Bytes& tx : txs) range.append(log_leaf(crypto::sha256(tx).view()));
  return range.root().bytes();
}

Bytes results_hash(std::span<const TxResult> results) {
  std::vector<Bytes> items;
  for (const TxResult& result : results) {
    comet::ExecTxResult message;
    message.set_code(result.code);
    message.set_data(result.data);
    message.set_gas_wanted(result.gas_wanted);
    message.set_gas_used(result.gas_used);
    items.push_back(canonical_bytes(message));
  }
  return simple_root(items).bytes();
}

Bytes params_hash(const BlockLimits& limits) {
  comet::HashedParams message;
  message.set_block_max_bytes(limits.max_bytes);
  message.set_block_max_gas(limits.max_gas);
  return crypto::sha256(canonical_bytes(message)).bytes();
}

Bytes empty_evidence_hash() { return log_empty_root().bytes(); }

PartSetHeader part_set_header(ByteView block_bytes) {
  CompactRange range;
  for (std::size_t from = 0; from < block_bytes.size(); from += kPartSize) range.append(log_leaf(block_bytes.substr(from, kPartSize)));
  return {static_cast<std::uint32_t>(range.size()), range.root().bytes()};
}

BlockId block_id_of(const Block& block) { return {hash_of(block.header), part_set_header(encode(block))}; }

Bytes vote_sign_bytes(const std::string& chain_id, std::int64_t height, std::int32_t round, const BlockId& block_id, Time timestamp) {
  comet::CanonicalVote vote;
  vote.set_type(2);  // precommit
  vote.set_height(height);
  vote.set_round(round);
  if (!block_id.is_nil()) to_message(block_id, *vote.mutable_block_id());
  to_message(timestamp, *vote.mutable_timestamp());
  vote.set_chain_id(chain_id);
  const Bytes body = canonical_bytes(vote);
  Bytes out;
  for (std::size_t rest = body.size();; rest >>= 7) {
    out.push_back(static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0)));
    if (rest <= 0x7f) break;
  }
  return out + body;
}

Bytes vote_sign_bytes(const std::string& chain_id, const Commit& commit, std::size_t index) {
  const CommitSig& sig = commit.signatures[index];
  return vote_sign_bytes(chain_id, commit.height, commit.round, sig.flag == VoteFlag::commit ? commit.block_id : BlockId{}, sig.timestamp);
}

}  // namespace careledger::proof
