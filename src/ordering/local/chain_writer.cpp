#include "ordering/local/chain_writer.h"

#include "base/lap_timer.h"
#include "ordering/local/chain_rows.h"

namespace careledger::ordering::local {

Result<AddedBlock> add_block(replica::Replica& replica, const ChainMaker& maker, Tip& tip, std::vector<Bytes> batches, BlockTime now,
                             const proof::ValidatorSet* successors) {
  LapTimer timer;
  const proof::Block block = maker.next(tip, batches, now, successors);
  const proof::Commit commit = maker.sign(block);
  const std::uint64_t header_ns = timer.lap();
  CARELEDGER_TRY(replica::Execution execution,
                 replica.execute({next(tip.height), proof::block_time(block.header.time), std::move(batches)}));
  Bytes results_hash = proof::results_hash(execution.results());
  std::vector<std::vector<kernel::Receipt>> receipts;
  for (const auto& of_batch : execution.receipts_by_batch()) receipts.emplace_back(of_batch.begin(), of_batch.end());
  CARELEDGER_TRY(replica::View view, replica.commit(std::move(execution), side_rows(block, commit, results_hash, maker.validators())));
  tip.height = view.height();
  tip.time = block.header.time;
  tip.block_id = commit.block_id;
  tip.commit = commit;
  tip.app_hash = view.app_hash().bytes();
  tip.results_hash = std::move(results_hash);
  return AddedBlock{std::move(view), std::move(receipts), header_ns};
}

}  // namespace careledger::ordering::local
