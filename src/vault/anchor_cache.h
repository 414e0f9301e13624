// Anchors read lately, with their trees: a proof of a version costs a look here and not 512 hashes. For src/vault alone. Safe from any
// thread.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "proof/log.h"
#include "vault/layout.h"

namespace careledger::vault {

struct CachedAnchor {
  std::uint64_t first = 0;
  AnchorRow row;
  std::vector<Digest> leaves;  // in the order of the tree
  proof::LogTree tree;
};

class AnchorCache {  // of final anchors, which never change
 public:
  // The anchor that holds the number; null while the version waits in the outbox.
  Result<std::shared_ptr<const CachedAnchor>> find(const storage::Store& store, std::uint64_t number);

 private:
  using Entry = std::shared_ptr<const CachedAnchor>;
  std::shared_ptr<const CachedAnchor> known(std::uint64_t number);
  void keep(const Entry& anchor);

  std::mutex mutex_;
  std::list<Entry> recent_;  // newest use first
  std::map<std::uint64_t, std::list<Entry>::iterator> by_first_;
};

// The leaves of an anchor in the order of its tree: the commitments and the padding that follows from the seed, sorted.
std::vector<Digest> anchor_leaves(const AnchorRow& row);

}  // namespace careledger::vault
