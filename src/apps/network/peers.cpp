#include "apps/network/peers.h"

#include <algorithm>

#include "codec/fhir/instant.h"

namespace careledger::apps::network {
namespace {

Result<PeerConfig> known_peer(const Config& config, const std::string& name) {
  if (!config.network) return fail(ErrorKind::unsupported, "this ledger is embedded: it has no other members' engines");
  const auto& peers = config.network->peers;
  const auto found = std::ranges::find(peers, slug_of(name), [](const PeerConfig& one) { return slug_of(one.name); });
  if (found == peers.end()) {
    std::string known;
    for (const PeerConfig& one : peers) known += (known.empty() ? "" : ", ") + one.name;
    return fail(ErrorKind::not_found, "this node knows no member \"" + name + "\"; it knows " + (known.empty() ? "nobody" : known));
  }
  return *found;
}

}  // namespace

// Whoever calls himself like another member, or says that he is where that one is, may want to be taken for it.
Result<void> check_other(const PeerConfig& peer, const PeerConfig& other, const std::string& path) {
  if (slug_of(peer.name) == slug_of(other.name))
    return fail(ErrorKind::conflict, path + " is of an organisation that is called like the member \"" + other.name +
                                         "\" and is not it: its account is " + peer.id.hex() + ", that member's " + other.id.hex());
  if (peer.node == other.node || peer.listen == other.listen || peer.api == other.api)
    return fail(ErrorKind::conflict, path + " has an address or a key of the member \"" + other.name +
                                         "\": each has its own; if that member has moved, name its newer description too");
  return {};
}

Result<PeerChange> place_peer(Config& config, const Description& description, const std::string& path) {
  if (!config.network) return fail(ErrorKind::unsupported, "this ledger is embedded: it has no other members' engines");
  if (description.network != config.name || (description.application && description.application->ledger != config.ledger))
    return fail(ErrorKind::invalid, path + " is of a member of another network: \"" + description.network + "\"");
  const PeerConfig peer = peer_of(description);
  auto& peers = config.network->peers;
  const OrganisationConfig& own = config.organisations.front();
  if (peer.id == own.id) return fail(ErrorKind::invalid, path + " is this organisation's own");
  CARELEDGER_CHECK(check_other(peer, {own.name, own.id, "", config.network->listen, ""}, path));
  for (const PeerConfig& one : peers) {
    if (one.id != peer.id) CARELEDGER_CHECK(check_other(peer, one, path));
    else if (peer.described < one.described)
      return fail(ErrorKind::conflict, path + " is of " + codec::fhir::format_instant(peer.described) +
                                           ", and older than what this node knows, of " + codec::fhir::format_instant(one.described) +
                                           ": ask the member for its newest");
  }
  const bool moved = std::erase_if(peers, [&](const PeerConfig& one) { return one.id == peer.id; }) > 0;
  if (peers.size() >= kOrganisationsMax) return fail(ErrorKind::invalid, "this node knows of 64 members already");
  peers.push_back(peer);
  std::ranges::sort(peers, {}, &PeerConfig::id);
  return PeerChange{peer, moved};
}

Result<PeerChange> set_peer(const Layout& layout, const DescriptionFile& file) {
  CARELEDGER_TRY(const Description description, read_description(file, std::nullopt));
  PeerChange placed;
  const auto place = [&](Config& config) -> Result<void> {
    CARELEDGER_TRY(placed, place_peer(config, description, file.path));
    return {};
  };
  CARELEDGER_CHECK(change_config(system_files(), layout.config(), place));
  return placed;
}

Result<PeerConfig> find_peer(const Layout& layout, const std::string& name) {
  CARELEDGER_TRY(const Config config, read_config(system_files(), layout.config()));
  return known_peer(config, name);
}

Result<PeerConfig> forget_peer(const Layout& layout, const std::string& name) {
  PeerConfig gone;
  const auto forget = [&](Config& config) -> Result<void> {
    CARELEDGER_TRY(gone, known_peer(config, name));
    std::erase_if(config.network->peers, [&](const PeerConfig& one) { return one.id == gone.id; });
    return {};
  };
  CARELEDGER_CHECK(change_config(system_files(), layout.config(), forget));
  return gone;
}

}  // namespace careledger::apps::network
