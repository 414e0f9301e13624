// What waits in the pool of this node's engine: how much of it is whose, and what is passed over.
//
// No organisation may have more there than two full blocks, so that none can keep the commands of the others out of the pool or, since a
// block takes what has waited longest, out of more than two blocks. What is refused is given again by whoever sent it. An envelope that
// was taken and stands in none of the next kPatience blocks, although every member with a vote had its turn, is told once with those who
// proposed them: whoever looks at several nodes' words sees what a majority had before it.
//
// The engine asks about an envelope when it comes (take), and after each block about each that still waits (waits): so the book is written
// anew with every block, and what stood in it is forgotten. Rules of this node alone: no vote depends on them.
//
// Thread-safety: safe from any thread.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/recent.h"

namespace careledger::ordering::abci {

struct PassedOver {
  Digest envelope;  // SHA-256 of its bytes
  OrganisationId sender;
  std::vector<Bytes> proposers;  // addresses, of each block since it came, oldest first
};

class PoolBook {
 public:
  static constexpr std::size_t kEnvelopes = 64;    // of one organisation; a node has three under way
  static constexpr std::size_t kBytes = 4u << 20;  // likewise
  static constexpr std::size_t kPatience = 64;     // blocks

  bool take(const Digest& envelope, const OrganisationId& sender, std::size_t bytes);  // false: its sender's share is used up
  std::optional<PassedOver> waits(const Digest& envelope, const OrganisationId& sender, std::size_t bytes);
  void block(const Bytes& proposer);  // one was committed
  void clear();                       // an engine begins: its pool is empty

 private:
  struct Waiting {
    std::uint64_t since = 0;  // blocks_ when it came
    bool told = false;
  };
  struct Share {
    std::size_t envelopes = 0, bytes = 0;
  };
  using Envelopes = std::unordered_map<Digest, Waiting, IdHash>;
  void add(const Digest& envelope, const OrganisationId& sender, std::size_t bytes, Waiting waiting);

  std::mutex mutex_;
  std::uint64_t blocks_ = 0;
  std::deque<Bytes> proposers_;  // of the newest kPatience blocks
  std::map<OrganisationId, Share> shares_;
  Envelopes envelopes_, before_;  // since the newest block, and until then
};

}  // namespace careledger::ordering::abci
