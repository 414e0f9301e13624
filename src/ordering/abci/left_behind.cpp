#include "ordering/abci/left_behind.h"

#include <algorithm>
#include <utility>

namespace careledger::ordering::abci {

std::optional<std::uint64_t> blocks_behind(Height own, std::vector<Height> peers, std::size_t members) {
  const std::size_t liars = members / 3;
  std::erase(peers, Height{});
  if (peers.size() <= liars) return std::nullopt;
  std::ranges::nth_element(peers, peers.begin() + static_cast<std::ptrdiff_t>(liars), std::ranges::greater());
  return peers[liars] > own ? peers[liars].value - own.value : 0;
}

bool LeftBehind::look(const EngineStatus& engine, std::vector<Height> peers, std::size_t members) {
  const auto behind = blocks_behind(engine.height, std::move(peers), members);
  if (!engine.catching_up && !behind) return false;  // nothing new is known
  if (engine.catching_up || *behind <= far_) {
    if (!engine.catching_up) wait_ = 1;
    before_ = stuck_ = 0;
    return false;
  }
  const std::uint64_t before = std::exchange(before_, *behind);
  if (before == 0 || *behind <= before / 2 || ++stuck_ < wait_) return false;
  wait_ = std::min(2 * wait_, kWaitMax);
  before_ = stuck_ = 0;
  return true;
}

}  // namespace careledger::ordering::abci
