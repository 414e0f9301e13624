#include "replica_ledger.h"

#include "kernel/canonical.h"
#include "kernel/tables.h"

namespace careledger::scenarios {

ReplicaLedger::ReplicaLedger(const Setup& setup, StoreOpener open, std::uint64_t blocks_between_restarts)
    : setup_(setup), open_(std::move(open)), blocks_between_restarts_(blocks_between_restarts), time_{setup.founding.created_ms() + 1000} {
  this->open();
}

void ReplicaLedger::open() {
  replica_.reset();  // the store takes one owner at a time
  replica::Config config;
  config.founding = kernel::encode(setup_.founding);
  auto opened = replica::Replica::open(config, open_(), setup_.contracts);
  CARELEDGER_ASSERT(opened.has_value());
  replica_ = std::move(*opened);
}

std::vector<kernel::Code> ReplicaLedger::block(std::span<const ledger::SignedCommand> commands) {
  const Bytes batch = kernel::encode(kernel::sign_batch(setup_.sender, ++batches_, commands, setup_.batch_signer));
  auto execution = replica_->execute({next(replica_->view().height()), time_, {batch}});
  CARELEDGER_ASSERT(execution.has_value());
  std::vector<kernel::Code> codes;
  for (const auto& receipt : execution->receipts()) codes.push_back(receipt.code);
  CARELEDGER_ASSERT(replica_->commit(std::move(*execution)).has_value());
  time_.value += 1;
  if (batches_ % blocks_between_restarts_ == 0) open();
  return codes;
}

}  // namespace careledger::scenarios
