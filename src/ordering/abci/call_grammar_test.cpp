// Calls in whatever order an engine, or somebody in its place, may make them: what the grammar forbids is refused and changes nothing.
#include <random>

#include "ordering/abci/test_application.h"

namespace careledger::ordering::abci {
namespace {

namespace wire = careledger::abci;

// What the calls so far must have made of the application, by the grammar alone.
class CallGrammarTest : public testing::ApplicationTest {
 protected:
  static constexpr int kSteps = 60;

  void walk(std::uint64_t seed) {
    random_.seed(seed);
    committed_.clear();
    finalized_.reset();
    numbers_ = 0;
    store = replica::memory_ledger_store();
    open();
    for (int step = 0; step < kSteps && !HasFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      any_call();
    }
    expect_to_go_on();
  }

 private:
  std::uint64_t one_of(std::uint64_t count) { return random_() % count; }
  std::int64_t next_height() const { return static_cast<std::int64_t>(committed_.size()) + 1; }
  std::int64_t any_height() {
    constexpr std::int64_t kFar = 1'000'000'000'000'000;  // its time is one still
    const std::int64_t heights[] = {next_height() - 1, next_height(), next_height() + 1, 0, -1, kFar, -kFar};
    return heights[one_of(std::size(heights))];
  }
  std::vector<Bytes> any_txs() {
    std::vector<Bytes> txs;
    for (std::uint64_t i = one_of(4); i > 0; --i) {
      const Bytes command = founder.admit(numbers_ + 1, "Organisation", kStart);
      switch (one_of(6)) {
        case 0: txs.emplace_back("no envelope"); break;
        case 1: txs.push_back(founder.envelope({command, command})); break;
        case 2: txs.push_back(first); break;
        default: txs.push_back(founder.envelope({command})), ++numbers_; break;
      }
    }
    return txs;
  }

  void any_call() {
    switch (one_of(12)) {
      case 0: return do_info();
      case 1: return do_init_chain();
      case 2:
      case 3: return do_finalize(next_height());
      case 4: return do_finalize(any_height());
      case 5:
      case 6:
      case 7: return do_commit();
      case 8: return do_propose();
      case 9: return do_restart();
      case 10: return do_unknown();
      default: return do_bystanders();
    }
  }
  void do_info() {
    const auto said = info();
    EXPECT_EQ(said.last_block_height(), next_height() - 1);
    EXPECT_EQ(said.last_block_app_hash(), committed_.empty() ? Bytes() : committed_.back().app_hash);
  }
  void do_init_chain() {
    const bool ours = one_of(3) != 0;
    const std::int64_t height = one_of(2) == 0 ? next_height() : any_height();
    const auto answer = init_chain(ours ? kernel::chain_id(founder.ledger()) : "cl-other", height);
    if (ours && height == next_height()) {
      ASSERT_TRUE(answer) << answer.error().message;
      finalized_.reset();
    } else {
      ASSERT_FALSE(answer);
      EXPECT_EQ(answer.error().kind, ErrorKind::conflict);
    }
  }
  void do_finalize(std::int64_t height) {
    const std::vector<Bytes> txs = any_txs();
    const auto answer = finalize(height, txs);
    finalized_.reset();  // whatever became of this one, what was finalised before is not what the engine would commit
    if (height == next_height()) {
      ASSERT_TRUE(answer) << answer.error().message;
      EXPECT_EQ(answer->finalize_block().tx_results_size(), static_cast<int>(txs.size()));
      finalized_ = Done{txs, answer->finalize_block().app_hash()};
    } else {
      ASSERT_FALSE(answer);
      EXPECT_EQ(answer.error().kind, ErrorKind::invalid) << answer.error().message;
    }
  }
  void do_commit() {
    const auto answer = commit();
    if (finalized_) {
      ASSERT_TRUE(answer) << answer.error().message;
      committed_.push_back(*std::exchange(finalized_, std::nullopt));
    } else {
      ASSERT_FALSE(answer);
      EXPECT_EQ(answer.error().kind, ErrorKind::conflict) << answer.error().message;
    }
  }
  // What is proposed to it may be executed or not; what it proposes itself it accepts.
  void do_propose() {
    const std::vector<Bytes> offered = any_txs();
    const std::vector<Bytes> picked = picked_of(offered, one_of(2) == 0 ? any_height() : 1 << 20, next_height());
    EXPECT_TRUE(accepts(picked, next_height()));
    accepts(offered, next_height());
  }
  void do_restart() {
    open();
    finalized_.reset();
  }
  void do_unknown() {
    wire::Request request;
    switch (one_of(4)) {
      case 0: request.mutable_extend_vote(); break;
      case 1: request.mutable_verify_vote_extension(); break;
      case 2: request.mutable_flush(); break;  // answered by the connection
      default: break;
    }
    const auto answer = application->handle(request);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::unsupported);
  }
  // Calls of the other connections, at any moment.
  void do_bystanders() {
    for (const Bytes& tx : any_txs()) check(tx, one_of(2) == 0);
    wire::Request asked, list, load, offer, apply;
    asked.mutable_query()->set_path(one_of(2) == 0 ? "/store/state/key" : "/ics23/state/key");
    asked.mutable_query()->set_data(Bytes("\x02") + founder.id().bytes());
    asked.mutable_query()->set_height(any_height());
    list.mutable_list_snapshots();
    load.mutable_load_snapshot_chunk()->set_height(one_of(5));
    offer.mutable_offer_snapshot()->mutable_snapshot()->set_height(one_of(5));
    apply.mutable_apply_snapshot_chunk()->set_chunk("piece");
    for (const wire::Request& request : {asked, list, load, offer, apply}) EXPECT_TRUE(application->handle(request));
  }

  // The next block stands as ever, and the ledger is the one that only the committed blocks make.
  void expect_to_go_on() {
    do_finalize(next_height());
    do_commit();
    do_info();
    const std::vector<Done> blocks = committed_;
    store = replica::memory_ledger_store();
    open();
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const auto again = finalize(static_cast<std::int64_t>(i) + 1, blocks[i].txs);
      ASSERT_TRUE(again) << again.error().message;
      ASSERT_EQ(again->finalize_block().app_hash(), blocks[i].app_hash) << "height " << i + 1;
      ASSERT_TRUE(commit());
    }
  }

  struct Done {
    std::vector<Bytes> txs;
    Bytes app_hash;
  };
  std::mt19937_64 random_;
  std::vector<Done> committed_;
  std::optional<Done> finalized_;
  std::uint64_t numbers_ = 0;  // of the founder's commands so far
};

TEST_F(CallGrammarTest, ARandomWalkOfCallsNeverEndsItAndWhatIsOutOfOrderIsRefused) {
  for (std::uint64_t seed = 1; seed <= 100 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    walk(seed);
  }
}

}  // namespace
}  // namespace careledger::ordering::abci
