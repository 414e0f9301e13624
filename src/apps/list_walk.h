// A list of accesses taken part by part. Each part is proven on its own; that together they leave nothing out is judged here: the first
// begins where the reader asked, each goes on behind the entry with which the one before ended, and none is older than the one before.
//
// Each part is complete by its own head. What was recorded while the parts were fetched stands behind everything before it, because time in
// an audit map never goes back, and so in the last part. Thread-safety: one thread.
#pragma once

#include <optional>
#include <string>

#include "apps/wallet_file.h"
#include "proof/bundle.h"
#include "proof/trust.h"
#include "proof/verify.h"

namespace careledger::apps {

struct LogRange {                         // of time; what is left out: from the first entry, to the last
  std::optional<BlockTime> from{}, to{};  // [from, to)
};

class ListWalk {
 public:
  ListWalk(proof::Trust trust, std::string organisation, const LogRange& range);

  std::string target() const;  // what to ask the node for next
  bool done() const { return done_; }
  std::uint64_t entries() const { return entries_; }
  std::uint64_t parts() const { return parts_; }

  struct Part {
    proof::Report report;
    proof::AccessClaim claim;
    std::vector<proof::AuditPlace> places;  // of its entries, in order, each opened in the claim
  };
  // Believes the next part, and notes in `key` what it says of the organisation's audit map. corrupt, with the list as it was: the proof
  // does not hold, is of another organisation or subject, shows less than all, an older state than this wallet has seen, or does not go on.
  Result<Part> take(ByteView bundle, WalletKey& key);

 private:
  Result<void> follows(const proof::Report& report) const;

  proof::Trust trust_;
  std::string organisation_;  // hex
  LogRange range_;
  std::optional<proof::AuditPlace> last_;  // of the entries so far
  std::uint64_t entries_ = 0;
  std::uint64_t parts_ = 0;
  bool done_ = false;
};

}  // namespace careledger::apps
