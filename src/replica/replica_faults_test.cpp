// The ledger on a disk that fails: after every crash it stands at the last acknowledged block (or the one on its way), with the very app
// hash.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/test_stride.h"
#include "replica/log_audit.h"
#include "replica/test_world.h"
#include "storage/faulty_disk.h"

namespace careledger::replica {
namespace {

using storage::FaultyDisk;
using storage::Loss;
using test::World;

std::filesystem::path fast_folder() {
  const std::filesystem::path memory = "/dev/shm";
  return std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
}

// The same blocks for every crash, with the app hash after each.
struct Chain {
  explicit Chain(int blocks) : world(31) {
    auto replica = test::open_replica(world, memory_ledger_store());
    hashes.push_back(replica->view().app_hash());
    replica->observe([&](const CommittedBlock& block) { hashes.push_back(block.view.app_hash()); });
    world.populate(*replica, 2, 30);
    std::mt19937_64 random(31);
    for (int i = 0; i < blocks; ++i) world.run(*replica, {world.random_batch(20, random)});
    for (std::uint64_t height = 1; height < hashes.size(); ++height) {
      const auto stored = replica->view().block({height}).value();
      this->blocks.push_back({stored->height, stored->time, stored->batches});
    }
  }
  World world;
  std::vector<Digest> hashes;  // by height
  std::vector<Block> blocks;   // of height 1, 2, …
};

class OnDisk {
 public:
  OnDisk() : folder_(fast_folder() / ("careledger-ledger-" + to_hex(system_entropy().take(8)))) {}
  ~OnDisk() {
    close();
    std::filesystem::remove_all(folder_);
  }
  OnDisk(const OnDisk&) = delete;
  OnDisk& operator=(const OnDisk&) = delete;

  Result<void> open(const World& world) {
    close();
    LedgerStoreOptions options;
    options.folder = folder_.string();
    options.write_buffer_bytes = 128u << 10;
    options.disk = disk.layer();
    auto opened = open_ledger_store(options);
    if (!opened) return tl::make_unexpected(opened.error());
    store = std::move(*opened);
    auto made = Replica::open(test::config_of(world), store, contracts::all());
    if (!made) return tl::make_unexpected(made.error());
    replica = std::move(*made);
    return {};
  }
  void close() {
    replica.reset();
    store.reset();
  }
  // The next block of the chain. `keep`: so many stay below it, 0: all.
  Result<void> run(const Chain& chain, std::uint64_t keep = 0) {
    const std::uint64_t height = replica->view().height().value;
    auto execution = replica->execute(chain.blocks[height]);
    if (!execution) return tl::make_unexpected(execution.error());
    const auto view = replica->commit(std::move(*execution), std::vector<SideRow>{{"header", u64_bytes(height + 1)}},
                                      keep > 0 && height > keep ? Height{height + 1 - keep} : Height{});
    if (!view) return tl::make_unexpected(view.error());
    return {};
  }

  FaultyDisk disk;
  std::shared_ptr<storage::Store> store;
  std::unique_ptr<Replica> replica;

 private:
  std::filesystem::path folder_;
};

// A disk that stops at each step in turn. Afterwards so many blocks more are run: the rest of the chain, now and then.
constexpr int kRandomBlocks = 12;
std::size_t blocks_after(const Chain& chain, std::uint64_t step, std::uint64_t height) {
  return step % 25 == 1 ? chain.blocks.size() : std::min<std::size_t>(chain.blocks.size(), height + 2);
}

class LedgerCrashTest : public testing::TestWithParam<Loss> {};
INSTANTIATE_TEST_SUITE_P(Losses, LedgerCrashTest, testing::Values(Loss::none, Loss::unsynced, Loss::torn));

TEST_P(LedgerCrashTest, AtAnyStepTheLastAcknowledgedBlockStands) {
  const Chain chain(kRandomBlocks);
  std::uint64_t steps = 0;
  {
    OnDisk rehearsal;
    ASSERT_TRUE(rehearsal.open(chain.world));
    for (std::size_t i = 0; i < chain.blocks.size(); ++i) ASSERT_TRUE(rehearsal.run(chain));
    steps = rehearsal.disk.steps();
  }
  for (std::uint64_t step = 1; step < steps; step += kTestStride) {
    OnDisk ledger;
    ledger.disk.stop_at_step(step);
    std::uint64_t acknowledged = 0;
    if (ledger.open(chain.world)) {
      while (acknowledged < chain.blocks.size() && ledger.run(chain)) ++acknowledged;
      if (acknowledged < chain.blocks.size()) EXPECT_EQ(ledger.run(chain).error().kind, ErrorKind::storage);  // final until it is reopened
    }
    ledger.close();
    ledger.disk.restart(GetParam(), step);
    const auto opened = ledger.open(chain.world);
    ASSERT_TRUE(opened) << "step " << step << ": " << opened.error().message;
    const View view = ledger.replica->view();
    const std::uint64_t height = view.height().value;
    ASSERT_GE(height, acknowledged) << "step " << step;
    ASSERT_LE(height, acknowledged + 1) << "step " << step;
    ASSERT_EQ(view.app_hash(), chain.hashes[height]);
    EXPECT_EQ(view.side_row("header").value(), height == 0 ? std::nullopt : std::optional<Bytes>(u64_bytes(height)));
    const std::size_t until = blocks_after(chain, step, height);
    while (ledger.replica->view().height().value < until) ASSERT_TRUE(ledger.run(chain));
    ASSERT_EQ(ledger.replica->view().app_hash(), chain.hashes[until]);
  }
}

// The blocks that are there are those that the ledger says it has, and its log is whole.
void expect_blocks(const OnDisk& ledger, const Chain& chain, std::uint64_t step) {
  const View view = ledger.replica->view();
  if (view.height().value == 0) return;
  ASSERT_EQ(view.lowest_block().value(), view.first_height()) << "step " << step;
  LogAudit audit(view);
  const auto begun = audit.begin(view.first_height());
  ASSERT_TRUE(begun) << "step " << step << ": " << begun.error().message;
  for (Height height = view.first_height(); height <= view.height(); height = next(height)) {
    const auto block = view.block(height);
    ASSERT_TRUE(block) << "step " << step << ": " << block.error().message;
    EXPECT_EQ((*block)->batches, chain.blocks[height.value - 1].batches);
    ASSERT_TRUE(audit.add(**block)) << "step " << step;
  }
  EXPECT_TRUE(audit.is_whole());
}

TEST_P(LedgerCrashTest, AtAnyStepTheBlocksThatWereNotDroppedAreThere) {
  const Chain chain(kRandomBlocks);
  constexpr std::uint64_t kKeep = 5;
  std::uint64_t steps = 0;
  {
    OnDisk rehearsal;
    ASSERT_TRUE(rehearsal.open(chain.world));
    for (std::size_t i = 0; i < chain.blocks.size(); ++i) ASSERT_TRUE(rehearsal.run(chain, kKeep));
    EXPECT_EQ(rehearsal.replica->view().first_height().value, chain.blocks.size() - kKeep);
    steps = rehearsal.disk.steps();
  }
  for (std::uint64_t step = 1; step < steps; step += kTestStride) {
    OnDisk ledger;
    ledger.disk.stop_at_step(step);
    std::uint64_t acknowledged = 0, first = 1;
    if (ledger.open(chain.world))
      for (; acknowledged < chain.blocks.size() && ledger.run(chain, kKeep); ++acknowledged)
        first = ledger.replica->view().first_height().value;
    ledger.close();
    ledger.disk.restart(GetParam(), step);
    const auto opened = ledger.open(chain.world);
    ASSERT_TRUE(opened) << "step " << step << ": " << opened.error().message;
    EXPECT_GE(ledger.replica->view().first_height().value, first) << "step " << step;
    expect_blocks(ledger, chain, step);
    const std::size_t until = blocks_after(chain, step, ledger.replica->view().height().value);
    while (ledger.replica->view().height().value < until) ASSERT_TRUE(ledger.run(chain, kKeep));
    ASSERT_EQ(ledger.replica->view().app_hash(), chain.hashes[until]);
    EXPECT_EQ(ledger.replica->view().first_height().value, until > kKeep ? until - kKeep : 1);
    expect_blocks(ledger, chain, step);
  }
}

TEST(LedgerFaultsTest, AFailedSyncStopsTheReplica) {
  const Chain chain(3);
  OnDisk ledger;
  ASSERT_TRUE(ledger.open(chain.world));
  ASSERT_TRUE(ledger.run(chain));
  ledger.disk.fail_next_sync();
  EXPECT_EQ(ledger.run(chain).error().kind, ErrorKind::storage);
  EXPECT_EQ(ledger.run(chain).error().kind, ErrorKind::storage);
  EXPECT_EQ(ledger.replica->view().height().value, 1u);  // what was read stays readable
  ledger.close();
  ledger.disk.restart(Loss::unsynced, 1);
  ASSERT_TRUE(ledger.open(chain.world));
  EXPECT_EQ(ledger.replica->view().app_hash(), chain.hashes[1]);
}

TEST(LedgerFaultsTest, AChangedRowLogOrTipIsFoundAtStart) {
  const Chain chain(3);
  const auto spoiled = [&](storage::Column column, ByteView key, ByteView value) {
    const auto store = std::shared_ptr<storage::Store>(memory_ledger_store());
    {
      auto replica = test::open_replica(chain.world, store);
      for (const Block& block : chain.blocks) {
        auto execution = replica->execute(block);
        CARELEDGER_ASSERT(execution && replica->commit(std::move(*execution)));
      }
    }
    storage::Batch batch;
    if (value == "erase") batch.erase(column, key);
    else batch.put(column, key, value);
    CARELEDGER_ASSERT(store->write(batch, storage::Durability::buffered));
    return Replica::open(test::config_of(chain.world), store, contracts::all());
  };
  const Bytes account(kernel::kAccounts.key(chain.world.patients().front().actor.id).view());
  for (const auto& [column, key, value] : std::vector<std::tuple<storage::Column, Bytes, Bytes>>{
           {columns::kState, account, "other"},
           {columns::kState, account, "erase"},
           {columns::kState, account + "x", "added"},
           {columns::kLog, Bytes("e") + u64_bytes(0), Bytes(2 * kLogEntryBytes, 'x')},
           {columns::kMeta, Bytes(kTipKey), "erase"},
           {columns::kMeta, Bytes(kTipKey), "garbage"},
       }) {
    const auto opened = spoiled(column, key, value);
    ASSERT_FALSE(opened) << key;
    EXPECT_EQ(opened.error().kind, ErrorKind::corrupt) << opened.error().message;
  }
}

}  // namespace
}  // namespace careledger::replica
