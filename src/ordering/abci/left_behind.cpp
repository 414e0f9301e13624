#include "ordering/abci/left_behind.h"

#include <algorithm>
#include <utility>

namespace careledger::ordering::abci {

std::uint64_t blocks_behind(Height own, std::vector<Height> peers, std::size_t members) {
  const std::size_t liars = members / 3;
  if (peers.size() <= liars) return 0;
  std::ranges::nth_element(peers, peers.begin() + static_cast<std::ptrdiff_t>(liars), std::ranges::greater());
  return peers[liars] > own ? peers[liars].value - own.value : 0;
}

bool LeftBehind::look(const EngineStatus& engine, std::vector<Height> peers, std::size_t members) {
  const std::uint64_t behind = blocks_behind(engine.height, std::move(peers), members);
  if (!engine.catching_up && behind <= far_) wait_ = 1;
  if (engine.catching_up || behind <= far_) {
    before_ = stuck_ = 0;
    return false;
  }
  const std::uint64_t before = std::exchange(before_, behind);
  if (before == 0 || behind <= before / 2 || ++stuck_ < wait_) return false;
  wait_ = std::min(2 * wait_, kWaitMax);
  before_ = stuck_ = 0;
  return true;
}

}  // namespace careledger::ordering::abci
