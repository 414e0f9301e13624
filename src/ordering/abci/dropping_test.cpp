// Which blocks the application tells its engine to keep, and which of its own the ledger does.
#include "base/test_folder.h"
#include "ordering/abci/test_application.h"
#include "ordering/headers_kept.h"
#include "replica/packed_row.h"
#include "storage/test_faulty_store.h"

namespace careledger::ordering::abci {
namespace {

class DroppingBlocks : public testing::ApplicationTest {
 protected:
  void serve(Retention retention, std::uint64_t snapshot_every = 0) {
    open();
    ApplicationConfig config;
    config.retention = retention;
    config.snapshots.every = snapshot_every;
    config.snapshots.folder = snapshots.path();
    application = std::make_unique<Application>(*replica, std::move(config));
  }
  // Blocks up to a height; from where on the engine was told with each of them to keep its own.
  std::vector<std::int64_t> run_to(std::int64_t height) {
    std::vector<std::int64_t> told;
    while (info().last_block_height() < height) {
      const std::int64_t next = info().last_block_height() + 1;
      EXPECT_TRUE(finalize(next, next == 1 ? std::vector<Bytes>{first} : std::vector<Bytes>()));
      told.push_back(commit()->commit().retain_height());
      application->snapshots().wait_until_made();
    }
    return told;
  }
  std::uint64_t first_kept() const { return first_header(replica->view())->value; }
  std::uint64_t own() const { return replica->view().first_height().value; }  // lowest of the ledger's own
  // Whether the newest block wrote down from where on blocks are kept.
  bool remembered() const {
    replica::Undo undo;
    EXPECT_TRUE(replica::parse_row(undo, store->get(replica::columns::kMeta, replica::kUndoKey).value().value_or("")));
    return !undo.side_rows().empty();
  }
  TestFolder snapshots;
  using Told = std::vector<std::int64_t>;
};

TEST_F(DroppingBlocks, AnArchiveNamesNoBlock) {
  serve({});
  EXPECT_EQ(run_to(5), (Told{0, 0, 0, 0, 0}));
  EXPECT_EQ(first_kept(), 1u);
}

TEST_F(DroppingBlocks, WhatTheEngineMayDropIsRememberedAndGoesOnAfterARestart) {
  serve({.blocks = 2, .milliseconds = 0, .step = 1});
  EXPECT_EQ(run_to(6), (Told{1, 1, 1, 2, 3, 4}));
  EXPECT_EQ(first_kept(), 4u);
  serve({.blocks = 2, .milliseconds = 0, .step = 1});
  EXPECT_EQ(first_kept(), 4u);
  EXPECT_EQ(run_to(8), (Told{5, 6}));
  serve({});  // an archive from now on: what is gone is gone
  EXPECT_EQ(run_to(10), (Told{0, 0}));
  EXPECT_EQ(first_kept(), 6u);
}

TEST_F(DroppingBlocks, TheLedgersOwnGoAfterItIsRememberedThatTheEnginesMay) {
  serve({.blocks = 2, .milliseconds = 0, .step = 1});
  std::uint64_t remembered = 1;
  for (std::int64_t height = 1; height <= 12; ++height) {
    run_to(height);
    EXPECT_EQ(own(), remembered) << height;
    remembered = first_kept();
  }
  EXPECT_EQ(remembered, 10u);
  EXPECT_EQ(replica->view().block({8}).error().kind, ErrorKind::not_found);
  EXPECT_TRUE(replica->view().block({9}));
  ASSERT_TRUE(replica->undo_last());
  EXPECT_EQ(first_kept(), 9u);
  EXPECT_EQ(own(), 9u);
  serve({});  // an archive from now on
  run_to(20);
  EXPECT_EQ(own(), 9u);
}

TEST_F(DroppingBlocks, ManyGoAFewAtATimeWhereAnEarlierBuildKeptThem) {
  serve({.blocks = 2, .milliseconds = 0, .step = 90});
  run_to(93);
  EXPECT_EQ(first_kept(), 91u);
  EXPECT_EQ(own(), 1u);
  for (const std::uint64_t first : {1 + replica::kDroppedAtOnce, 1 + 2 * replica::kDroppedAtOnce, std::uint64_t{91}, std::uint64_t{91}}) {
    run_to(info().last_block_height() + 1);
    EXPECT_EQ(own(), first);
  }
}

// Members that came to it have only the blocks since; nobody but its owner has those before.
TEST_F(DroppingBlocks, WhatCameFromAnEmbeddedLedgerStays) {
  serve({});
  run_to(3);
  ApplicationConfig config;
  config.base = {3};
  config.retention = {.blocks = 2, .milliseconds = 0, .step = 1};
  application = std::make_unique<Application>(*replica, std::move(config));
  std::int64_t told = 0;
  for (std::int64_t height = 4; height <= 12; ++height) {
    ASSERT_TRUE(finalize(height, {}));
    told = commit()->commit().retain_height();
  }
  EXPECT_EQ(told, 10);
  EXPECT_EQ(own(), 1u);
}

TEST_F(DroppingBlocks, ABlockThatIsTooYoungStaysHoweverManyStandAboveIt) {
  serve({.blocks = 1, .milliseconds = 3000, .step = 1});  // blocks are a second apart
  EXPECT_EQ(run_to(6), (Told{1, 1, 1, 1, 2, 3}));
}

TEST_F(DroppingBlocks, WhatAnOfferedSnapshotGoesOnFromStays) {
  serve({.blocks = 1, .milliseconds = 0, .step = 1}, 5);
  const Told told = run_to(21);
  EXPECT_EQ(told[13], 5);   // block 14: the snapshots of 5 and 10 are there
  EXPECT_EQ(told[19], 10);  // block 20: those of 10 and 15
  EXPECT_EQ(told[20], 11);
}

TEST_F(DroppingBlocks, ABlockThatCannotBeReadStaysAndIsToldOnce) {
  serve({.blocks = 2, .milliseconds = 0, .step = 1});
  EXPECT_EQ(run_to(6).back(), 4);
  const Bytes key = replica::block_key({4}), whole = **store->get(replica::columns::kBlocks, key);
  const auto write_block = [&](const Bytes& value) {
    storage::Batch batch;
    batch.put(replica::columns::kBlocks, key, value);
    ASSERT_TRUE(store->write(batch, storage::Durability::synced));
  };
  write_block("no block");
  std::vector<std::string> told;
  open();
  ApplicationConfig config;
  config.retention = {.blocks = 2, .milliseconds = 0, .step = 1};
  config.on_unreadable = [&told](const Error& error) { told.push_back(error.message); };
  application = std::make_unique<Application>(*replica, std::move(config));
  EXPECT_EQ(run_to(9), (Told{4, 4, 4}));
  EXPECT_EQ(told, std::vector<std::string>{"block 4: does not parse"});
  write_block(whole);
  EXPECT_EQ(run_to(11), (Told{4, 5}));  // what is written now is seen from the next block on
}

TEST_F(DroppingBlocks, ADiskThatCannotBeReadKeepsThemIsToldAndStopsNothing) {
  const auto disk = std::make_shared<storage::testing::FaultyStore>(store);
  store = disk;
  open();
  std::vector<std::string> told;
  ApplicationConfig config;
  config.retention = {.blocks = 2, .milliseconds = 0, .step = 1};
  config.on_unreadable = [&told](const Error& error) { told.push_back(error.message); };
  config.on_failure = [](const Error& error) { FAIL() << error.message; };
  application = std::make_unique<Application>(*replica, std::move(config));
  run_to(6);
  const std::uint64_t before = own();
  ASSERT_GT(before, 1u);
  disk->fail_reads_of(replica::columns::kLog);
  EXPECT_EQ(run_to(9), (Told{5, 6, 7}));  // what the engine drops is not read
  EXPECT_EQ(own(), before);
  EXPECT_EQ(told, std::vector<std::string>{"the simulated disk cannot be read"});
  disk->fail_reads_of(std::nullopt);
  run_to(10);
  EXPECT_EQ(own(), 7u);
  disk->fail_reads_of(replica::columns::kLog);
  run_to(12);
  EXPECT_EQ(told.size(), 2u);
}

TEST_F(DroppingBlocks, ItIsWrittenDownWithTheBlocksThatChangeItAlone) {
  serve({.blocks = 2, .milliseconds = 0, .step = 3});
  EXPECT_EQ(run_to(5), (Told{1, 1, 1, 1, 1}));
  EXPECT_FALSE(remembered());
  EXPECT_EQ(run_to(6), (Told{4}));
  EXPECT_TRUE(remembered());
  EXPECT_EQ(run_to(7), (Told{4}));
  EXPECT_FALSE(remembered());
  ASSERT_TRUE(replica->undo_last());
  EXPECT_EQ(first_kept(), 4u);
}

TEST_F(DroppingBlocks, NothingOfItIsPartOfConsensus) {
  serve({.blocks = 1, .milliseconds = 0, .step = 1});
  run_to(9);
  const Bytes dropping = info().last_block_app_hash();
  store = replica::memory_ledger_store();
  serve({});
  run_to(9);
  EXPECT_EQ(info().last_block_app_hash(), dropping);
}

TEST_F(DroppingBlocks, ABlockTakenBackTakesItsRecordBack) {
  serve({.blocks = 2, .milliseconds = 0, .step = 1});
  run_to(6);
  ASSERT_TRUE(replica->undo_last());
  EXPECT_EQ(first_kept(), 3u);
}

}  // namespace
}  // namespace careledger::ordering::abci
