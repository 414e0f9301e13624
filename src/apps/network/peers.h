// Where the other members of a network are, as DIR/careledger.json has it: whom a node lets in and dials.
//
// Thread-safety: pure, but for what changes the file, which takes its lock (config.h).
#pragma once

#include <string>

#include "apps/network/member_folder.h"

namespace careledger::apps::network {

struct PeerChange {
  PeerConfig peer;
  bool moved = false;  // it was known
};
// Puts where a member is into a configuration, in the place of what stood there of it. invalid: of another network. conflict: its name
// reads like that of another member, it says that it is where another one is, or it is older than what is known of the member.
Result<PeerChange> place_peer(Config& config, const Description& description, const std::string& path);
// That `peer`, described in `path`, does not take itself for the member `other`: conflict.
Result<void> check_other(const PeerConfig& peer, const PeerConfig& other, const std::string& path);

// place_peer() into DIR/careledger.json. A running node lets its engine in from then on (peer_book.h) and dials it itself at its next
// start.
Result<PeerChange> set_peer(const Layout& layout, const DescriptionFile& file);
// As `network peer` and `network forget` know it, by name; not_found names those that are known.
Result<PeerConfig> find_peer(const Layout& layout, const std::string& name);
// Takes it out again: its engine is not let in any more; a connection that stands ends with the node's next start. not_found names those
// that are known.
Result<PeerConfig> forget_peer(const Layout& layout, const std::string& name);

}  // namespace careledger::apps::network
