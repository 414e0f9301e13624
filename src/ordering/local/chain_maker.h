// Makes the blocks of a chain with one validator, in CometBFT's format: header, commit, and nothing else to agree about.
//
// Not thread-safe: the ordering thread owns it. Pure but for the key: time comes in, blocks come out.
#pragma once

#include "crypto/sign.h"
#include "proof/chain.h"

namespace careledger::ordering::local {

// Consensus parameters of an embedded ledger. They are hashed into every header: changing one changes the chain.
inline constexpr std::int64_t kBlockBytesMax = 4 << 20;
inline constexpr std::int64_t kValidatorPower = 1;

struct Tip {  // the newest block, and what the next header says of it; all empty before the first block
  Height height;
  proof::Time time;
  proof::BlockId block_id;
  proof::Commit commit;
  Bytes app_hash;  // after executing it; of the genesis state before the first block
  Bytes results_hash;
};

class ChainMaker {
 public:
  ChainMaker(std::string chain_id, std::uint64_t app_version, crypto::SigningKey validator);

  // The block after `tip`. Its time is max(tip + 1 ms, now), so that time rises strictly whatever the machine's clock does. `successors`:
  // who signs the block after it; none: this chain's validator.
  proof::Block next(const Tip& tip, std::vector<Bytes> txs, BlockTime now, const proof::ValidatorSet* successors = nullptr) const;
  // The validator's precommit for it. Sign one block a height, ever: a second one is evidence of fraud.
  proof::Commit sign(const proof::Block& block) const;
  const proof::ValidatorSet& validators() const { return validators_; }

 private:
  std::string chain_id_;
  std::uint64_t app_version_;
  crypto::SigningKey validator_;
  proof::ValidatorSet validators_;
};

}  // namespace careledger::ordering::local
