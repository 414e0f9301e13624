#include "simulator/sim_node.h"

#include "replica/ledger_store.h"

namespace careledger::simulator {
namespace {

constexpr std::int64_t kBlockBytes = 2 << 20;

template <class Block>
void fill(Block& block, std::uint64_t height, BlockTime time, const std::vector<Bytes>& txs) {
  const proof::Time at = proof::time_from(time);
  block.set_height(static_cast<std::int64_t>(height));
  block.mutable_time()->set_seconds(at.seconds);
  block.mutable_time()->set_nanos(at.nanos);
  for (const Bytes& tx : txs) *block.add_txs() = tx;
}

}  // namespace

std::unique_ptr<replica::Replica> open_replica(const Bytes& founding, std::shared_ptr<storage::Store> store) {
  replica::Config config;
  config.founding = founding;
  config.threads = 0;
  auto replica = replica::Replica::open(config, std::move(store), contracts::all());
  CARELEDGER_ASSERT(replica.has_value());
  return std::move(*replica);
}

SimNode::SimNode(const Bytes& founding) : founding_(founding), disk_(replica::memory_ledger_store()) { start(); }

void SimNode::crash() {
  if (alive()) height_ = height();
  application_.reset();
  replica_.reset();
  store_.reset();
}

void SimNode::start() {
  store_ = std::make_shared<FaultyStore>(disk_);
  replica_ = open_replica(founding_, store_);
  ordering::abci::ApplicationConfig config;
  config.on_commit = [this](const replica::View&, const std::vector<ordering::abci::Ordered>& envelopes) {
    receipts_.clear();
    for (const auto& one : envelopes) receipts_.insert(receipts_.end(), one.receipts.begin(), one.receipts.end());
  };
  application_ = std::make_unique<ordering::abci::Application>(*replica_, std::move(config));
  height_ = replica_->view().height().value;
}

std::uint64_t SimNode::height() const { return replica_ ? replica_->view().height().value : height_; }

wire::Response SimNode::must(const wire::Request& request) {
  auto response = ask(request);
  CARELEDGER_ASSERT(response.has_value());
  return std::move(*response);
}

bool SimNode::accepts(const Decided& block, std::uint64_t height) {
  wire::Request request;
  fill(*request.mutable_process_proposal(), height, block.time, block.txs);
  return must(request).process_proposal().status() == 1;
}

std::vector<Bytes> SimNode::propose(const std::vector<Bytes>& pool, std::uint64_t height, BlockTime time) {
  wire::Request request;
  fill(*request.mutable_prepare_proposal(), height, time, pool);
  request.mutable_prepare_proposal()->set_max_tx_bytes(kBlockBytes);
  const wire::Response response = must(request);
  return {response.prepare_proposal().txs().begin(), response.prepare_proposal().txs().end()};
}

std::uint32_t SimNode::check(const Bytes& tx) {
  wire::Request request;
  request.mutable_check_tx()->set_tx(tx);
  return must(request).check_tx().code();
}

Effect SimNode::finalize(const Decided& block, std::uint64_t height) {
  wire::Request request;
  fill(*request.mutable_finalize_block(), height, block.time, block.txs);
  for (const kernel::Misbehaviour& one : block.misbehaviour) {
    auto& told = *request.mutable_finalize_block()->add_misbehavior();
    told.set_type(static_cast<std::int32_t>(one.kind));
    told.set_height(one.height);
    told.mutable_validator()->set_address(one.validator);
  }
  const wire::Response response = must(request);
  Effect effect{response.finalize_block().app_hash(), {}, {}};
  for (const auto& result : response.finalize_block().tx_results()) effect.results.push_back(result.SerializeAsString());
  for (const auto& update : response.finalize_block().validator_updates()) effect.updates.push_back(update.SerializeAsString());
  return effect;
}

bool SimNode::commit(Fault fault) {
  receipts_.clear();
  store_->fail_next_write(fault);
  wire::Request request;
  request.mutable_commit();
  const auto response = ask(request);
  CARELEDGER_ASSERT(response.has_value() == (fault == Fault::none));
  return response.has_value();
}

}  // namespace careledger::simulator
