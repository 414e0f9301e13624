// Belief in headers: the rules of CometBFT's light client, with a clock and without.
#include <algorithm>
#include <vector>

#include "proof/chain.h"

namespace careledger::proof {
namespace {

tl::unexpected<Error> no_header(const char* rule) { return fail(ErrorKind::invalid, std::string("header: ") + rule); }

bool complete(const BlockId& id) { return id.hash.size() == 32 && id.parts.total > 0 && id.parts.hash.size() == 32; }

Result<void> check_header(const Header& header) {
  if (header.block_version != kBlockProtocol) return no_header("made under another block protocol");
  if (header.chain_id.empty() || header.chain_id.size() > kMaxChainId) return no_header("the chain id's length is wrong");
  if (header.height < 1) return no_header("the height is below 1");
  if (!header.last_block_id.is_nil() && !complete(header.last_block_id))
    return no_header("the last block id is neither empty nor complete");
  if (header.proposer_address.size() != 20) return no_header("the proposer's address has the wrong size");
  for (const Bytes* hash : {&header.validators_hash, &header.next_validators_hash, &header.consensus_hash}) {
    if (hash->size() != 32) return no_header("a hash is missing");
  }
  return {};
}

Result<void> check_vote(const CommitSig& sig, const Validator& validator) {
  if (sig.flag == VoteFlag::absent) {
    const bool bare = sig.validator_address.empty() && sig.signature.empty() && sig.timestamp == Time{};
    return bare ? Result<void>{} : no_header("an absent vote carries something");
  }
  if (sig.validator_address != validator.address()) return no_header("a vote stands at another validator's place");
  if (sig.signature.size() != 64) return no_header("a vote's signature has the wrong size");
  return {};
}

// More than numerator/denominator of total (rounded down, as Go does). Nothing overflows: total stays below 2^60, the others below 2^32.
bool exceeds(std::int64_t power, std::int64_t total, std::uint32_t numerator, std::uint32_t denominator) {
  const auto whole = static_cast<std::uint64_t>(total);
  const std::uint64_t share = whole / denominator * numerator + whole % denominator * numerator / denominator;
  return static_cast<std::uint64_t>(power) > share;
}

Result<void> check_signatures(const SignedHeader& signed_header, const ValidatorSet& set) {
  const Commit& commit = signed_header.commit;
  std::vector<Bytes> messages(commit.signatures.size());
  std::vector<crypto::SignedItem> items;
  std::int64_t power = 0;
  for (std::size_t i = 0; i < commit.signatures.size(); ++i) {
    const CommitSig& sig = commit.signatures[i];
    CARELEDGER_CHECK(check_vote(sig, set.validators[i]));
    if (sig.flag == VoteFlag::absent) continue;
    messages[i] = vote_sign_bytes(signed_header.header.chain_id, commit, i);
    items.push_back({set.validators[i].key, messages[i], *crypto::Signature::from(sig.signature)});
    if (sig.flag == VoteFlag::commit) power += set.validators[i].power;
  }
  if (!exceeds(power, total_power(set), 2, 3)) return no_header("signed by no more than two thirds of the validators' power");
  const std::vector<bool> good = crypto::verify_batch(items);
  if (std::find(good.begin(), good.end(), false) != good.end()) return no_header("a validator's signature does not hold");
  return {};
}

Time plus(Time time, std::int64_t seconds) {
  time.seconds = time.seconds > INT64_MAX - seconds ? INT64_MAX : time.seconds + seconds;
  return time;
}

Result<void> check_rules(const TrustRules& rules) {
  const bool level =
      rules.denominator != 0 && std::uint64_t{3} * rules.numerator >= rules.denominator && rules.numerator <= rules.denominator;
  if (!level || rules.trusting_period_s < 0 || rules.clock_drift_s < 0) return no_header("the trust rules are out of range");
  return {};
}

Result<void> check_later(const Header& trusted, const LightBlock& later) {
  const Header& header = later.signed_header.header;
  if (header.chain_id != trusted.chain_id) return no_header("belongs to another chain");
  if (header.height <= trusted.height) return no_header("not above the trusted one");
  if (header.time <= trusted.time) return no_header("not later than the trusted one");
  return {};
}

Result<void> check_next(const Header& trusted, const LightBlock& next) {
  const Header& header = next.signed_header.header;
  if (header.height != trusted.height + 1) return no_header("not the next one");
  if (header.validators_hash != trusted.next_validators_hash) return no_header("its validators are not those announced before");
  return {};
}

// The rules that want a clock.
Result<void> check_clock(const Header& trusted, const LightBlock& later, Time now, const TrustRules& rules) {
  CARELEDGER_CHECK(check_rules(rules));
  if (plus(trusted.time, rules.trusting_period_s) <= now) return no_header("the trusted header is too old to trust");
  if (later.signed_header.header.time >= plus(now, rules.clock_drift_s)) return no_header("from the future");
  return {};
}

bool is_next(const Header& trusted, const LightBlock& later) { return later.signed_header.header.height - 1 == trusted.height; }
}  // namespace

Result<void> verify_commit(const SignedHeader& signed_header, const ValidatorSet& set) {
  CARELEDGER_CHECK(check_header(signed_header.header));
  CARELEDGER_CHECK(check(set));
  const Commit& commit = signed_header.commit;
  if (hash_of(set) != signed_header.header.validators_hash) return no_header("names other validators");
  if (commit.height != signed_header.header.height) return no_header("the commit is for another height");
  if (commit.round < 0) return no_header("the commit's round is negative");
  if (!complete(commit.block_id)) return no_header("the commit names no block");
  if (commit.block_id.hash != hash_of(signed_header.header)) return no_header("the commit is for another block");
  if (commit.signatures.size() != set.validators.size()) return no_header("the commit has not one place a validator");
  return check_signatures(signed_header, set);
}

bool signed_by(const ValidatorSet& known, const LightBlock& block, std::uint32_t numerator, std::uint32_t denominator) {
  std::int64_t power = 0;
  const Commit& commit = block.signed_header.commit;
  for (std::size_t i = 0; i < commit.signatures.size(); ++i) {
    if (commit.signatures[i].flag != VoteFlag::commit) continue;
    const Validator& signer = block.validators.validators[i];
    const auto found = std::find_if(known.validators.begin(), known.validators.end(),
                                    [&signer](const Validator& validator) { return validator.key == signer.key; });
    if (found != known.validators.end()) power += found->power;
  }
  return exceeds(power, total_power(known), numerator, denominator);
}

Result<void> verify_adjacent(const SignedHeader& trusted, const LightBlock& next, Time now, const TrustRules& rules) {
  CARELEDGER_CHECK(check_clock(trusted.header, next, now, rules));
  CARELEDGER_CHECK(check_later(trusted.header, next));
  CARELEDGER_CHECK(check_next(trusted.header, next));
  return verify_commit(next.signed_header, next.validators);
}

Result<void> verify_non_adjacent(const LightBlock& trusted, const LightBlock& later, Time now, const TrustRules& rules) {
  const Header& before = trusted.signed_header.header;
  CARELEDGER_CHECK(check_clock(before, later, now, rules));
  CARELEDGER_CHECK(check_later(before, later));
  if (is_next(before, later)) return no_header("adjacent, so another rule applies");
  CARELEDGER_CHECK(verify_commit(later.signed_header, later.validators));
  if (!signed_by(trusted.validators, later, rules.numerator, rules.denominator))
    return no_header("too few of the trusted validators signed it");
  return {};
}

Result<void> verify_follows(const LightBlock& trusted, const LightBlock& later, Time now, const TrustRules& rules) {
  return is_next(trusted.signed_header.header, later) ? verify_adjacent(trusted.signed_header, later, now, rules)
                                                      : verify_non_adjacent(trusted, later, now, rules);
}

Result<void> check_follows(const LightBlock& trusted, const LightBlock& later) {
  const Header& before = trusted.signed_header.header;
  CARELEDGER_CHECK(check_later(before, later));
  if (!is_next(before, later)) {
    if (signed_by(trusted.validators, later)) return {};
    return no_header("signed by no more than two thirds of the power of the validators before");
  }
  CARELEDGER_CHECK(check_next(before, later));
  const BlockId& last = later.signed_header.header.last_block_id;
  if (last.is_nil() || last.hash == hash_of(before)) return {};  // none at all where a ledger grew into a network
  return no_header("it names another block before it: the chain is forked");
}

Result<void> verify_follows(const LightBlock& trusted, const LightBlock& later) {
  CARELEDGER_CHECK(verify_commit(later.signed_header, later.validators));
  return check_follows(trusted, later);
}

}  // namespace careledger::proof
