// For tests: four validators, of whom the first is an organisation on the ledger and three come, and the founder's command that makes a
// network of them.
#pragma once

#include <vector>

#include "contracts/build.h"
#include "contracts/governance/governance.h"
#include "ordering/local/local.h"
#include "ordering/test_founder.h"

namespace careledger::ordering::testing {

class Growing {
 public:
  explicit Growing(const LedgerId& ledger, std::uint64_t seed = 77) : ledger_(ledger), entropy_(seed) {
    for (int i = 0; i < 4; ++i) keys_.push_back(crypto::SigningKey::generate(entropy_));
  }
  const std::vector<crypto::SigningKey>& keys() const { return keys_; }
  proof::ValidatorSet validators() const {
    proof::ValidatorSet set;
    for (const auto& key : keys_) set.validators.push_back({key.public_key(), 10, 0});
    proof::sort(set);
    return set;
  }

  contracts::governance::Grow command(const AccountId& seated, const local::Newest& newest, BlockTime now) {
    contracts::governance::Grow grow;
    auto& seat = *grow.add_seats();
    seat.set_organisation(seated.bytes());
    fill_vote(keys_[0], seated, seat);
    for (std::size_t i = 1; i < keys_.size(); ++i) {
      const crypto::SigningKey own = crypto::SigningKey::generate(entropy_);
      auto& member = *grow.add_members();
      auto& organisation = *member.mutable_organisation();
      *organisation.mutable_authority() = kernel::single_key(own.public_key());
      organisation.set_nonce(entropy_.take(32));
      organisation.set_name("newcomer " + std::to_string(i));
      organisation.set_kind(1);
      organisation.set_sealing_key(entropy_.take(32));
      member.set_until_ms(now.value + 3'600'000);
      fill_vote(keys_[i], kernel::account_id(organisation.authority(), organisation.nonce()), member);
      member.set_consent(Bytes(own.sign(contracts::governance::admission_bytes(ledger_, member)).view()));
    }
    grow.set_height(newest.view.height().value + 1);
    grow.set_header_hash(proof::hash_of(newest.header.header));
    grow.set_log_root(newest.view.log_root().bytes());
    grow.set_log_size(newest.view.log_size());
    return grow;
  }

 private:
  template <class Vote>
  void fill_vote(const crypto::SigningKey& key, const AccountId& id, Vote& vote) const {
    vote.set_weight(10);
    vote.set_validator_key(key.public_key().bytes());
    vote.set_proof(Bytes(key.sign(contracts::governance::rotation_bytes(ledger_, id, vote.validator_key())).view()));
  }

  LedgerId ledger_;
  SeededEntropy entropy_;
  std::vector<crypto::SigningKey> keys_;
};

}  // namespace careledger::ordering::testing
