#include "ordering/walk_keeper.h"

#include <algorithm>

namespace careledger::ordering {

// `walk` begins with the first block and ends below `target`.
Result<void> WalkKeeper::grow(std::vector<proof::LightBlock>& walk, const proof::LightBlock& target) const {
  const Height goal{static_cast<std::uint64_t>(target.signed_header.header.height)};
  const auto fetch = [&](Height height) { return height == goal ? Result<proof::LightBlock>(target) : fetch_(height); };
  const auto rule = [](const proof::LightBlock& trusted, const proof::LightBlock& later) { return proof::verify_follows(trusted, later); };
  CARELEDGER_TRY(std::vector<proof::LightBlock> found, proof::find_walk(walk.back(), goal, fetch, rule));
  found.pop_back();  // the target stands in the bundle itself
  for (proof::LightBlock& block : found) walk.push_back(std::move(block));
  return {};
}

Result<std::vector<proof::LightBlock>> WalkKeeper::lead_to(const proof::LightBlock& target) {
  if (proof::signed_by(first_, target)) return std::vector<proof::LightBlock>();
  const std::lock_guard lock(mutex_);
  if (walk_.empty()) {
    CARELEDGER_TRY(proof::LightBlock first, fetch_(begins_));
    if (proof::hash_of(first.validators) != proof::hash_of(first_))
      return fail(ErrorKind::corrupt,
                  "block " + std::to_string(begins_.value) + " was signed by other validators than this network was founded with");
    walk_.push_back(std::move(first));
  }
  std::vector<proof::LightBlock> walk = walk_;
  const auto is_above = [&](const proof::LightBlock& block) {
    return block.signed_header.header.height >= target.signed_header.header.height;
  };
  std::erase_if(walk, is_above);
  const bool is_newest = walk.size() == walk_.size();
  CARELEDGER_CHECK(grow(walk, target));
  if (is_newest) walk_ = walk;
  // The first block vouches for nothing that its validators' signatures on the next one do not.
  if (proof::signed_by(first_, walk.size() > 1 ? walk[1] : target)) walk.erase(walk.begin());
  if (walk.size() > proof::kMaxWalk)
    return fail(ErrorKind::too_large, "the validators changed too often for one proof to lead from the first of them to those of now");
  return walk;
}

Result<proof::LightBlock> light_block(const Ordering& ordering, Height height) {
  CARELEDGER_TRY(proof::SignedHeader header, ordering.header(height));
  CARELEDGER_TRY(proof::ValidatorSet validators, ordering.validators(height));
  return proof::LightBlock{std::move(header), std::move(validators)};
}

}  // namespace careledger::ordering
