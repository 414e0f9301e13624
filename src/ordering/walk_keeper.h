// The way from a ledger's first validators to those that sign now, as proof bundles carry it (proof/walk.h): so a trust file of the
// founding outlives the founders. What was found once is kept in memory and only grown, since blocks never change; while the first
// validators sign, nothing is fetched.
//
// Thread-safety: safe from any thread when `fetch` is; a question waits while another looks for blocks.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "ordering/ordering.h"
#include "proof/walk.h"

namespace careledger::ordering {

class WalkKeeper {
 public:
  // `first`: those that sign the block at `begins`. `fetch` gives blocks of this node's own ledger.
  WalkKeeper(proof::ValidatorSet first, proof::FetchBlock fetch, Height begins = {1})
      : first_(std::move(first)), fetch_(std::move(fetch)), begins_(begins) {}

  // What a bundle that proves against `target` carries. not_found: this node has not the blocks that lead there (it began above them);
  // too_large: more than a bundle may carry; invalid, unavailable.
  Result<std::vector<proof::LightBlock>> lead_to(const proof::LightBlock& target);

 private:
  Result<void> grow(std::vector<proof::LightBlock>& walk, const proof::LightBlock& target) const;
  const proof::ValidatorSet first_;
  const proof::FetchBlock fetch_;
  const Height begins_;
  std::mutex mutex_;
  std::vector<proof::LightBlock> walk_;  // from that block, which stands in it, to the newest that was needed
};

// The block at a height, from where the ordering keeps it.
Result<proof::LightBlock> light_block(const Ordering& ordering, Height height);

}  // namespace careledger::ordering
