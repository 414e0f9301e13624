#include "proof/walk.h"

namespace careledger::proof {
namespace {

constexpr std::size_t kFetchesMax = 1000;  // of one walk: whoever shows the blocks could make it as long as the chain

std::uint64_t height_of(const LightBlock& block) { return static_cast<std::uint64_t>(block.signed_header.header.height); }

Result<void> of_block(const LightBlock& block, const Result<void>& result) {
  if (result) return {};
  return fail(result.error().kind, "block " + std::to_string(block.signed_header.header.height) + ": " + result.error().message);
}

class Walker {
 public:
  Walker(const LightBlock& trusted, const FetchBlock& fetch, const FollowRule& rule) : trusted_(trusted), fetch_(fetch), rule_(rule) {}

  Result<std::vector<LightBlock>> to(Height height) {
    CARELEDGER_TRY(LightBlock target, at(height.value));
    for (auto follows = rule_(last(), target); !follows; follows = rule_(last(), target))
      CARELEDGER_CHECK(approach(target, follows.error()));
    walk_.push_back(std::move(target));
    return std::move(walk_);
  }

 private:
  const LightBlock& last() const { return walk_.empty() ? trusted_ : walk_.back(); }

  Result<LightBlock> at(std::uint64_t height) {
    if (++fetched_ > kFetchesMax) return fail(ErrorKind::too_large, "header: the way to it is too long");
    CARELEDGER_TRY(LightBlock block, fetch_(Height{height}));
    if (height_of(block) != height) return fail(ErrorKind::invalid, "header: of another height than was asked for");
    return block;
  }

  // To the furthest block that follows from the last one, since `beyond` does not, for the reason `why`. What follows need not be one
  // stretch (validators leave and come back): any place where it ends will do. Where it ends because the furthest block announces other
  // validators, the rule of neighbours lets the next one in.
  Result<void> approach(LightBlock beyond, Error why) {
    const std::uint64_t goal = height_of(beyond);
    std::uint64_t from = height_of(last());
    std::optional<LightBlock> furthest;
    while (height_of(beyond) > from + 1) {
      CARELEDGER_TRY(LightBlock between, at(from + (height_of(beyond) - from) / 2));
      if (const auto follows = rule_(last(), between)) {
        from = height_of(between);
        furthest = std::move(between);
      } else {
        why = follows.error();
        beyond = std::move(between);
      }
    }
    if (!furthest) return tl::make_unexpected(std::move(why));
    walk_.push_back(std::move(*furthest));
    const Header& header = last().signed_header.header;
    const bool hands_over = header.next_validators_hash != header.validators_hash && height_of(beyond) < goal;
    if (hands_over && rule_(last(), beyond)) walk_.push_back(std::move(beyond));
    return {};
  }

  const LightBlock& trusted_;
  const FetchBlock& fetch_;
  const FollowRule& rule_;
  std::vector<LightBlock> walk_;
  std::size_t fetched_ = 0;
};

}  // namespace

Result<void> check_walk(std::span<const LightBlock> walk, const LightBlock& target) {
  for (const LightBlock& block : walk) CARELEDGER_CHECK(of_block(block, verify_commit(block.signed_header, block.validators)));
  for (std::size_t i = 0; i < walk.size(); ++i) {
    const LightBlock& next = i + 1 < walk.size() ? walk[i + 1] : target;
    CARELEDGER_CHECK(of_block(next, check_follows(walk[i], next)));
  }
  return {};
}

std::optional<std::size_t> vouched(const ValidatorSet& trusted, std::span<const LightBlock> walk, const LightBlock& target) {
  if (signed_by(trusted, target)) return walk.size();
  for (std::size_t i = walk.size(); i-- > 0;)
    if (signed_by(trusted, walk[i])) return i;
  return std::nullopt;
}

Result<std::vector<LightBlock>> find_walk(const LightBlock& trusted, Height height, const FetchBlock& fetch, const FollowRule& rule) {
  return Walker(trusted, fetch, rule).to(height);
}

}  // namespace careledger::proof
