// Walks: signed headers that lead, by the rules of light clients (chain.h), from one that is believed to a later one that others signed. A
// proof bundle carries one, so that a trust file outlives its validators; a node that joins by a snapshot makes one.
//
// Thread-safety: values; free functions are pure but for what `fetch` does.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "proof/chain.h"

namespace careledger::proof {

inline constexpr std::size_t kMaxWalk = 256;            // blocks that a bundle carries
inline constexpr std::size_t kMaxWalkBytes = 1u << 20;  // of their messages in it

// That every block of the walk holds in itself and follows from the one before it, and `target`, whose commit verify_commit() has judged,
// from the last: without a clock. Says nothing of who vouches for the first. invalid, naming the block.
Result<void> check_walk(std::span<const LightBlock> walk, const LightBlock& target);

// The last of these blocks (`target` is the one behind the walk's last) that over two thirds of the trusted power signed. Nothing: the walk
// does not begin at these validators.
std::optional<std::size_t> vouched(const ValidatorSet& trusted, std::span<const LightBlock> walk, const LightBlock& target);

using FetchBlock = std::function<Result<LightBlock>(Height)>;  // from whoever shows blocks; they are not believed for that
using FollowRule = std::function<Result<void>(const LightBlock& trusted, const LightBlock& later)>;

// The blocks that lead by the rule from `trusted` to a greater height, the last of them that one: from each as far as the rule reaches,
// then the next. What `fetch` says of a block that it does not have; otherwise why a block does not follow from the one before it.
Result<std::vector<LightBlock>> find_walk(const LightBlock& trusted, Height height, const FetchBlock& fetch, const FollowRule& rule);

}  // namespace careledger::proof
