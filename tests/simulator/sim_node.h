// One member of a simulated network: a disk that stays, and a process on it that comes and goes.
#pragma once

#include "ordering/abci/application.h"
#include "replica/replica.h"
#include "simulator/reference.h"
#include "storage/test_faulty_store.h"

namespace careledger::simulator {

namespace wire = careledger::abci;
using storage::testing::Fault;
using storage::testing::FaultyStore;

struct Effect {  // what a node answers for a block
  Bytes app_hash;
  std::vector<Bytes> results;  // encoded, one a transaction
  std::vector<Bytes> updates;  // of validators, encoded
  friend bool operator==(const Effect&, const Effect&) = default;
};

std::unique_ptr<replica::Replica> open_replica(const Bytes& founding, std::shared_ptr<storage::Store> store);

class SimNode {
 public:
  explicit SimNode(const Bytes& founding);  // which must outlive it

  bool alive() const { return application_ != nullptr; }
  void crash();
  void start();
  std::uint64_t height() const;  // of the last commit, as Info says after a start; of a dead node: what it was

  bool accepts(const Decided& block, std::uint64_t height);
  std::vector<Bytes> propose(const std::vector<Bytes>& pool, std::uint64_t height, BlockTime time);
  std::uint32_t check(const Bytes& tx);
  Effect finalize(const Decided& block, std::uint64_t height);
  // false: its disk failed, and the process must end; `fault` says at which moment.
  bool commit(Fault fault);
  const std::vector<kernel::Receipt>& receipts() const { return receipts_; }  // of the last commit
  const replica::Replica& replica() const { return *replica_; }

 private:
  Result<wire::Response> ask(const wire::Request& request) { return application_->handle(request); }
  wire::Response must(const wire::Request& request);

  const Bytes& founding_;
  std::shared_ptr<storage::Store> disk_;
  std::shared_ptr<FaultyStore> store_;
  std::unique_ptr<replica::Replica> replica_;
  std::unique_ptr<ordering::abci::Application> application_;
  std::vector<kernel::Receipt> receipts_;
  std::uint64_t height_ = 0;
};

}  // namespace careledger::simulator
