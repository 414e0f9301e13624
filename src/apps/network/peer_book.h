// The other members' engines and endpoints as DIR/careledger.json has them now: `careledger network peer` and `network forget` change them
// beside a running node, and nobody has to start it again for that.
//
// Thread-safety: all of it.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "apps/config.h"

namespace careledger::apps::network {

class PeerBook {
 public:
  PeerBook(std::string path, std::vector<PeerConfig> known) : path_(std::move(path)), known_(std::move(known)) {}
  // Reads the file (13 KiB at most): not for what is asked a thousand times a second. While it cannot be read: as it was last.
  std::vector<PeerConfig> peers() const;
  bool has(const std::string& node) const;  // by the id of its engine, 40 hex digits

 private:
  std::string path_;
  mutable std::mutex mutex_;
  mutable std::vector<PeerConfig> known_;
};

}  // namespace careledger::apps::network
