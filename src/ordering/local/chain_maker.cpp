#include "ordering/local/chain_maker.h"

#include <algorithm>

namespace careledger::ordering::local {

ChainMaker::ChainMaker(std::string chain_id, std::uint64_t app_version, crypto::SigningKey validator)
    : chain_id_(std::move(chain_id)), app_version_(app_version), validator_(std::move(validator)) {
  validators_.validators.push_back({validator_.public_key(), kValidatorPower, 0});
}

proof::Block ChainMaker::next(const Tip& tip, std::vector<Bytes> txs, BlockTime now, const proof::ValidatorSet* successors) const {
  proof::Block block;
  proof::Header& header = block.header;
  header.app_version = app_version_;
  header.chain_id = chain_id_;
  header.height = static_cast<std::int64_t>(tip.height.value) + 1;
  const BlockTime after_tip = tip.height.value == 0 ? now : BlockTime{proof::block_time(tip.time).value + 1};
  header.time = proof::time_from(std::max(now, after_tip));
  header.last_block_id = tip.block_id;
  header.last_commit_hash = proof::hash_of(tip.commit);
  header.data_hash = proof::data_hash(txs);
  header.validators_hash = proof::hash_of(validators_);
  header.next_validators_hash = successors == nullptr ? header.validators_hash : proof::hash_of(*successors);
  header.consensus_hash = proof::params_hash({kBlockBytesMax, -1});
  header.app_hash = tip.app_hash;
  header.last_results_hash = tip.results_hash;
  header.evidence_hash = proof::empty_evidence_hash();
  header.proposer_address = proof::address_of(validator_.public_key());
  block.txs = std::move(txs);
  block.last_commit = tip.commit;
  return block;
}

proof::Commit ChainMaker::sign(const proof::Block& block) const {
  proof::Commit commit;
  commit.height = block.header.height;
  commit.block_id = proof::block_id_of(block);
  const Bytes message = proof::vote_sign_bytes(block.header.chain_id, commit.height, commit.round, commit.block_id, block.header.time);
  proof::CommitSig vote;
  vote.flag = proof::VoteFlag::commit;
  vote.validator_address = block.header.proposer_address;
  vote.timestamp = block.header.time;
  vote.signature = Bytes(validator_.sign(message).view());
  commit.signatures.push_back(std::move(vote));
  return commit;
}

}  // namespace careledger::ordering::local
