// One sequence of blocks, through the embedded chain and through an engine's calls, with a restart at every height: the same hashes,
// results and receipts.
#include <gtest/gtest.h>

#include "ordering/abci/application.h"
#include "ordering/local/chain_writer.h"
#include "replica/ledger_store.h"
#include "replica/test_world.h"

namespace careledger::ordering::abci {
namespace {

namespace wire = careledger::abci;
using replica::test::World;

constexpr std::size_t kBlocks = 25;

bool is_same(const kernel::Receipt& a, const kernel::Receipt& b) {
  return a.ledger == b.ledger && a.command == b.command && a.code == b.code && a.height == b.height && a.position == b.position;
}

struct ToldAndKept {  // to one command
  std::size_t envelope = 0;
  kernel::Receipt told;
  std::optional<kernel::Receipt> kept;  // what the ledger says of it from then on
  friend bool operator==(const ToldAndKept& a, const ToldAndKept& b) {
    const bool both = a.kept.has_value() == b.kept.has_value();
    return a.envelope == b.envelope && is_same(a.told, b.told) && both && (!a.kept || is_same(*a.kept, *b.kept));
  }
};

struct Computed {
  Bytes app_hash, results_hash;
  std::vector<ToldAndKept> answers;
  friend bool operator==(const Computed&, const Computed&) = default;
};

std::vector<ToldAndKept> answers_of(const std::vector<std::vector<kernel::Receipt>>& receipts, const replica::View& view) {
  std::vector<ToldAndKept> answers;
  for (std::size_t envelope = 0; envelope < receipts.size(); ++envelope)
    for (const kernel::Receipt& receipt : receipts[envelope])
      answers.push_back({envelope, receipt, view.find_receipt(receipt.command).value()});
  return answers;
}

// The embedded ledger's own way.
class Embedded {
 public:
  explicit Embedded(const World& world) : replica_(replica::test::open_replica(world, replica::memory_ledger_store())) {
    SeededEntropy entropy(3);
    maker_.emplace(kernel::chain_id(world.ledger()), 1, crypto::SigningKey::generate(entropy));
    tip_.results_hash = proof::results_hash({});
    tip_.app_hash = replica_->view().app_hash().bytes();
  }
  Computed run(const replica::Block& block) {
    const auto added = local::add_block(*replica_, *maker_, tip_, block.batches, block.time);
    EXPECT_TRUE(added) << added.error().message;
    return {tip_.app_hash, tip_.results_hash, answers_of(added->receipts, replica_->view())};
  }

 private:
  std::unique_ptr<replica::Replica> replica_;
  std::optional<local::ChainMaker> maker_;
  local::Tip tip_;
};

// An engine's way: proposed, accepted, finalised, committed, and everything opened again.
class Driven {
 public:
  explicit Driven(const World& world) : world_(world) { open(); }
  Computed run(const replica::Block& block) {
    wire::Request request;
    auto& finalize = *request.mutable_finalize_block();
    finalize.set_height(static_cast<std::int64_t>(block.height.value));
    const proof::Time time = proof::time_from(block.time);
    finalize.mutable_time()->set_seconds(time.seconds);
    finalize.mutable_time()->set_nanos(time.nanos);
    for (const Bytes& batch : block.batches) *finalize.add_txs() = batch;
    const auto finalized = application_->handle(request);
    EXPECT_TRUE(finalized) << finalized.error().message;
    std::vector<proof::TxResult> results;
    for (const auto& one : finalized->finalize_block().tx_results())
      results.push_back({one.code(), one.data(), one.gas_wanted(), one.gas_used()});
    wire::Request commit;
    commit.mutable_commit();
    EXPECT_TRUE(application_->handle(commit));
    open();
    Computed outcome{finalized->finalize_block().app_hash(), proof::results_hash(results), answers_of(receipts_, replica_->view())};
    EXPECT_EQ(replica_->view().app_hash().bytes(), outcome.app_hash);
    return outcome;
  }

 private:
  void open() {
    application_.reset();
    replica_ = replica::test::open_replica(world_, store_);
    ApplicationConfig config;
    config.on_commit = [this](const replica::View&, const std::vector<ordering::abci::Ordered>& envelopes) {
      receipts_.clear();
      for (const auto& one : envelopes) receipts_.push_back(one.receipts);
    };
    application_ = std::make_unique<Application>(*replica_, std::move(config));
  }
  const World& world_;
  std::shared_ptr<storage::Store> store_ = replica::memory_ledger_store();
  std::unique_ptr<replica::Replica> replica_;
  std::unique_ptr<Application> application_;
  std::vector<std::vector<kernel::Receipt>> receipts_;  // of the newest block, by envelope
};

TEST(Differential, EmbeddedAndDrivenByAnEngineAreTheSameLedger) {
  World world(20261121);
  std::mt19937_64 random(5);
  Embedded embedded(world);
  Driven driven(world);
  std::size_t answers = 0;
  const auto run = [&](std::vector<Bytes> batches) {
    const replica::View genesis = replica::test::open_replica(world, replica::memory_ledger_store())->view();
    static std::uint64_t height = 0;
    replica::Block block = world.next_block(genesis, std::move(batches));
    block.height = {++height};
    const Computed one = embedded.run(block), other = driven.run(block);
    ASSERT_EQ(one.app_hash, other.app_hash) << "height " << height;
    ASSERT_TRUE(one == other) << "height " << height;
    answers += one.answers.size();
  };
  std::vector<ledger::SignedCommand> commands;
  for (int i = 0; i < 3; ++i) commands.push_back(world.admit());
  run({world.batch(commands)});
  commands.clear();
  for (std::size_t i = 0; i < 30; ++i) commands.push_back(world.propose(world.organisations()[i % 3]));
  run({world.batch(commands)});
  for (std::size_t i = 0; i < kBlocks; ++i) {
    std::vector<Bytes> batches;
    for (std::uint64_t count = random() % 4; count > 0; --count) batches.push_back(world.random_batch(1 + random() % 12, random));
    if (random() % 5 == 0) batches.emplace_back("no envelope");
    run(std::move(batches));
  }
  EXPECT_GT(answers, 100u);
}

}  // namespace
}  // namespace careledger::ordering::abci
