#include "ordering/abci/clock_watch.h"

#include <cstdlib>
#include <utility>

namespace careledger::ordering::abci {
namespace {

constexpr std::int64_t kBehindMs = 10'000;  // what light clients allow clocks to be apart
constexpr std::int64_t kAheadMs = 60'000;   // a block of an idle network is some ten seconds old when it is made
constexpr std::int64_t kSameMs = 15'000;    // such a block and one of a busy network differ by less; who catches up nears by more
constexpr std::uint64_t kForNs = 30 * 1'000'000'000ULL;
constexpr int kBlocks = 4;  // of an idle network in that time; who waits between two old blocks has seen two

}  // namespace

bool ClockWatch::is_ahead(std::int64_t ahead_ms, std::uint64_t monotonic_ns) {
  if (ahead_ms < kAheadMs) {
    first_.reset();
    return false;
  }
  if (!first_ || std::abs(ahead_ms - first_->ahead_ms) > kSameMs) first_ = Seen{ahead_ms, monotonic_ns, 0};
  ++first_->blocks;
  return first_->blocks >= kBlocks && monotonic_ns - first_->at_ns >= kForNs;
}

std::optional<std::int64_t> ClockWatch::block(BlockTime block, BlockTime now, std::uint64_t monotonic_ns) {
  const std::int64_t ahead_ms = now.value - block.value;
  const bool wrong = is_ahead(ahead_ms, monotonic_ns) || ahead_ms < -kBehindMs;
  const bool again = std::exchange(told_, wrong);
  return wrong && !again ? std::optional(ahead_ms) : std::nullopt;
}

}  // namespace careledger::ordering::abci
