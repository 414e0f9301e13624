// Holds the blocks that a ledger keeps, their results, its log and its index of commands against each other and against signed headers:
// what the walks through an embedded ledger's chain and through a network's have alike.
//
// Thread-safety: one thread; the ledger may go on meanwhile.
#pragma once

#include "replica/index_audit.h"
#include "replica/log_audit.h"
#include "replica/results_audit.h"
#include "vault/check.h"

namespace careledger::apps {

class BlocksCheck {
 public:
  // Of blocks from `from` to `until`. Findings go into `findings`, named by block, until there are so many.
  BlocksCheck(const replica::View& view, Height from, Height until, std::vector<vault::CheckFinding>& findings, std::size_t findings_max);

  // One block after the other: read, then added. Null: it cannot be read, which was found.
  std::shared_ptr<const replica::StoredBlock> read(Height height);
  void add(const replica::StoredBlock& block);
  void pass_over(Height height);  // what is stored of it is not to be believed, which was found
  // A header that its validators signed, one after the other: it commits to the results of the block before, if that was added, and to what
  // the state was after it, which a block without commands and evidence did not change.
  void hold(const proof::Header& header);
  void end();  // after the last one, unless there were too many findings

  std::uint64_t older_entries() const { return log_.older(); }  // of the log, left by blocks below `from`
  bool ends_with_log() const { return log_.is_whole(); }
  const replica::ResultsAudit::Count& results() const { return results_.count(); }

 private:
  void begin(Height from);
  void found(Height height, const std::string& what);
  void found_of_index(Height height, const std::string& what);
  const replica::View view_;
  std::vector<vault::CheckFinding>& findings_;
  const std::size_t findings_max_;
  replica::LogAudit log_;
  replica::IndexAudit index_;
  replica::ResultsAudit results_;
  std::size_t index_findings_ = 0;
  std::optional<proof::Header> quiet_;  // of the block before, when it changed nothing
};

}  // namespace careledger::apps
