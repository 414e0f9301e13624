#include "apps/network/peer_book.h"

#include <algorithm>

namespace careledger::apps::network {

std::vector<PeerConfig> PeerBook::peers() const {
  const std::lock_guard lock(mutex_);  // an older reading never takes a newer one's place
  auto config = read_config(system_files(), path_);
  if (config && config->network) known_ = std::move(config->network->peers);
  return known_;
}

bool PeerBook::has(const std::string& node) const {
  const std::vector<PeerConfig> all = peers();
  return std::ranges::find(all, node, &PeerConfig::node) != all.end();
}

}  // namespace careledger::apps::network
