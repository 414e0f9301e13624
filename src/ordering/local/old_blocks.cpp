#include "ordering/local/old_blocks.h"

#include "ordering/local/chain_rows.h"

namespace careledger::ordering::local {

Result<proof::Block> stored_block(const replica::View& view, Height height) {
  CARELEDGER_TRY(const proof::SignedHeader own, read_header(view, height));
  CARELEDGER_TRY(const auto stored, view.block(height));
  proof::Block block{own.header, stored->batches, proof::Commit{}};
  if (height.value > 1) {
    CARELEDGER_TRY(proof::SignedHeader before, read_header(view, {height.value - 1}));
    block.last_commit = std::move(before.commit);
  }
  if (proof::block_id_of(block) != own.commit.block_id)
    return fail(ErrorKind::corrupt, "block " + std::to_string(height.value) + " is not stored as it was signed");
  return block;
}

Result<void> repeat_block(replica::Replica& replica, const proof::Block& block, const proof::Commit& commit,
                          const proof::ValidatorSet& validators) {
  const std::string which = "block " + std::to_string(block.header.height);
  CARELEDGER_TRY(const Tip tip, read_tip(replica.view()));
  if (block.header.height != static_cast<std::int64_t>(tip.height.value) + 1 || block.header.last_block_id != tip.block_id)
    return fail(ErrorKind::invalid, which + " does not follow the blocks before it");
  if (block.header.app_hash != tip.app_hash || block.header.last_results_hash != tip.results_hash)
    return fail(ErrorKind::invalid, "the blocks before " + which + " do not give what its header says");
  CARELEDGER_TRY(replica::Execution execution, replica.execute({next(tip.height), proof::block_time(block.header.time), block.txs}));
  const Bytes results_hash = proof::results_hash(execution.results());
  CARELEDGER_CHECK(replica.commit(std::move(execution), side_rows(block, commit, results_hash, validators)));
  return {};
}

}  // namespace careledger::ordering::local
