// For tests and benchmarks only: a chain whose validators change, made from fixed seeds. Headers are all made at once, a block is signed
// when it is asked for. What it makes is the same each time.
#pragma once

#include <map>

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "proof/chain.h"

namespace careledger::proof::testing {

inline crypto::SigningKey key_named(const std::string& name) {
  return crypto::SigningKey::from_seed(crypto::Secret::copy_of(crypto::sha256(name).view())).value();
}

// Validators of 10 votes each, from a height on; their keys are key_named().
struct Era {
  std::uint64_t from = 1;
  std::vector<std::string> names;
};
inline std::vector<std::string> names_of(const std::string& who, std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(who + " " + std::to_string(i));
  return out;
}

class TestChain {
 public:
  // Heights 1 to `height`, a second apart from `start` on. `eras` ascend, the first from 1. Chains with other `salt` have other blocks.
  TestChain(std::string chain_id, std::vector<Era> eras, std::uint64_t height, std::int64_t start, const std::string& salt = "")
      : chain_id_(std::move(chain_id)), eras_(std::move(eras)), parts_{1, crypto::sha256("parts" + salt).bytes()} {
    for (const Era& era : eras_) sets_.push_back(set_of(era));
    for (std::uint64_t i = 1; i <= height; ++i) add_header(start);
  }

  std::uint64_t height() const { return headers_.size(); }
  const ValidatorSet& validators(std::uint64_t height) const { return sets_[era_at(height)]; }
  const Header& header(std::uint64_t height) const { return headers_[height - 1]; }

  // Signed by all but the first `absent`.
  LightBlock block(std::uint64_t height, std::size_t absent = 0) const { return signed_block(header(height), validators(height), absent); }

  LightBlock signed_block(const Header& header, const ValidatorSet& set, std::size_t absent = 0) const {
    LightBlock out{{header, {}}, set};
    Commit& commit = out.signed_header.commit;
    commit.height = header.height;
    commit.block_id = {hash_of(header), parts_};
    for (std::size_t i = 0; i < set.validators.size(); ++i) {
      commit.signatures.emplace_back();
      if (i < absent) continue;
      CommitSig& vote = commit.signatures[i];
      vote.flag = VoteFlag::commit;
      vote.validator_address = set.validators[i].address();
      vote.timestamp = {header.time.seconds + 1, static_cast<std::int32_t>(i)};
      vote.signature = Bytes(keys_.at(set.validators[i].key.bytes()).sign(vote_sign_bytes(chain_id_, commit, i)).view());
    }
    return out;
  }

 private:
  ValidatorSet set_of(const Era& era) {
    ValidatorSet set;
    for (const std::string& name : era.names) {
      crypto::SigningKey key = key_named(name);
      set.validators.push_back({key.public_key(), 10, 0});
      keys_.emplace(key.public_key().bytes(), std::move(key));
    }
    sort(set);
    return set;
  }

  std::size_t era_at(std::uint64_t height) const {
    std::size_t at = 0;
    while (at + 1 < eras_.size() && eras_[at + 1].from <= height) ++at;
    return at;
  }

  void add_header(std::int64_t start) {
    const std::uint64_t height = headers_.size() + 1;
    Header header;
    header.app_version = 1;
    header.chain_id = chain_id_;
    header.height = static_cast<std::int64_t>(height);
    header.time = {start + header.height, 0};
    if (height > 1) header.last_block_id = {hash_of(headers_.back()), parts_};
    header.last_commit_hash = crypto::sha256("last commit").bytes();
    header.data_hash = data_hash({});
    header.validators_hash = hash_of(validators(height));
    header.next_validators_hash = hash_of(validators(height + 1));
    header.consensus_hash = params_hash({1 << 20, -1});
    header.app_hash = crypto::sha256("app " + std::to_string(height)).bytes();
    header.last_results_hash = results_hash({});
    header.evidence_hash = empty_evidence_hash();
    header.proposer_address = validators(height).validators[0].address();
    headers_.push_back(std::move(header));
  }

  std::string chain_id_;
  std::vector<Era> eras_;
  std::vector<ValidatorSet> sets_;  // one an era
  std::map<Bytes, crypto::SigningKey> keys_;
  std::vector<Header> headers_;
  PartSetHeader parts_;
};

}  // namespace careledger::proof::testing
