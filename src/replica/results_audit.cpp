#include "replica/results_audit.h"

namespace careledger::replica {

void ResultsAudit::add(const StoredBlock& block) {
  newest_ = block.height;
  hash_ = proof::results_hash(results_of(block));
  has_any_ = !block.batches.empty();
  if (has_any_) ++count_.blocks;
}

bool ResultsAudit::agrees(const proof::Header& header) {
  if (newest_.value == 0 || header.height != static_cast<std::int64_t>(newest_.value) + 1) return true;
  if (has_any_) ++count_.held;
  return header.last_results_hash == hash_;
}

}  // namespace careledger::replica
