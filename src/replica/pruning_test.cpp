// A ledger that drops its old blocks beside one that keeps all: what it proves, what it says of them, and what its audit finds.
#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "kernel/codes.h"
#include "replica/log_audit.h"
#include "replica/packed_row.h"
#include "replica/snapshot.h"
#include "replica/test_world.h"

namespace careledger::replica {
namespace {

using test::World;

class DroppedBlocks : public testing::Test {
 protected:
  DroppedBlocks() : archive_(test::open_replica(world_, memory_ledger_store())) { open(); }
  void open() { replica_ = test::open_replica(world_, store_); }
  // 48 blocks, in which 600 commands and more stand.
  void fill() {
    const auto again = [this](const CommittedBlock& committed) {
      if (replica_->view().height() >= committed.view.height()) return;
      const auto block = committed.view.block(committed.view.height()).value();
      commit({block->height, block->time, block->batches}, {});
    };
    archive_->observe(again);
    world_.populate(*archive_, 2, 300);
    std::mt19937_64 random(3);
    for (int i = 0; i < 46; ++i) world_.run(*archive_, {world_.random_batch(i % 5 == 0 ? 60 : 3, random)});
    ASSERT_GT(archive_->view().log_size(), 600u);  // so that two nodes of the lowest level that is stored are complete
    keep_from_ = {40};
  }
  View commit(Block block, Height keep_from) {
    auto execution = replica_->execute(std::move(block));
    CARELEDGER_ASSERT(execution.has_value());
    auto view = replica_->commit(std::move(*execution), {}, keep_from);
    CARELEDGER_ASSERT(view.has_value());
    return *view;
  }
  // An empty block for both.
  View step(Height keep_from) {
    const Block block = world_.next_block(replica_->view(), {});
    return commit(block, keep_from);
  }
  void drop_all_below(Height keep_from) {
    while (replica_->view().first_height() < keep_from) step(keep_from);
  }
  std::vector<std::uint64_t> stored() const {
    std::vector<std::uint64_t> out;
    const auto rows = store_->iterate(columns::kBlocks, storage::Range::all());
    for (rows->seek_first(); rows->valid(); rows->next()) {
      ByteView key = rows->key();
      out.push_back(take_u64(key).value());
    }
    return out;
  }
  void put(storage::Column column, const Bytes& key, const std::optional<Bytes>& value) {
    storage::Batch batch;
    if (value) batch.put(column, key, *value);
    else batch.erase(column, key);
    ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
  }
  void forget_entries() {  // which an earlier build did not write
    const auto rows = store_->iterate(columns::kLog, storage::Range::prefix("e"));
    storage::Batch batch;
    for (rows->seek_first(); rows->valid(); rows->next())
      if (rows->key() != "e" + u64_bytes(0)) batch.erase(columns::kLog, rows->key());
    ASSERT_GT(batch.count(), 20u);
    ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
  }
  // What an audit of the newest view says; empty: nothing is wrong.
  std::string audited() const {
    const View view = replica_->view();
    LogAudit audit(view);
    if (const auto begun = audit.begin(view.first_height()); !begun) return begun.error().message;
    for (Height height = view.first_height(); height <= view.height(); height = next(height)) {
      const auto block = view.block(height);
      if (!block) return block.error().message;
      if (const auto added = audit.add(**block); !added) return "block " + std::to_string(height.value) + ": " + added.error().message;
    }
    return audit.is_whole() ? "" : "the end is missing";
  }
  void prove_alike() const {
    const View whole = archive_->view();
    const View now = replica_->view();
    ASSERT_EQ(now.log_size(), whole.log_size());
    for (std::uint64_t index = 0; index < now.log_size(); ++index)
      ASSERT_EQ(now.prove_inclusion(index).value(), whole.prove_inclusion(index).value()) << index;
    for (std::uint64_t size = 0; size <= now.log_size(); size += 7)
      ASSERT_EQ(now.prove_consistency(size).value(), whole.prove_consistency(size).value()) << size;
    for (Height height{1}; height <= whole.height(); height = next(height))
      for (const StoredCommand& command : whole.block(height).value()->commands)
        if (command.code.ok()) ASSERT_EQ(now.prove_command(command.digest).value().path, whole.prove_command(command.digest).value().path);
  }

  World world_{11};
  std::shared_ptr<storage::Store> store_ = memory_ledger_store();
  std::unique_ptr<Replica> replica_, archive_;
  Height keep_from_;
};

TEST_F(DroppedBlocks, GoFromTheLowestOnAFewAtATime) {
  fill();
  EXPECT_EQ(step({1}).first_height().value, 1u);
  EXPECT_EQ(step({40}).first_height().value, 1 + kDroppedAtOnce);
  EXPECT_EQ(stored().front(), 1 + kDroppedAtOnce);
  EXPECT_EQ(step({40}).first_height().value, 40u);
  EXPECT_EQ(stored().front(), 40u);
  EXPECT_EQ(stored().size(), replica_->view().height().value - 39);
  EXPECT_EQ(step({40}).first_height().value, 40u);
  EXPECT_EQ(step({7}).first_height().value, 40u);  // what is gone is gone
  open();
  EXPECT_EQ(replica_->view().first_height().value, 40u);
  EXPECT_EQ(audited(), "");
}

TEST_F(DroppedBlocks, TheNewestButOneAlwaysStays) {
  fill();
  const Height before = replica_->view().height();
  for (int i = 0; i < 2; ++i) step({UINT64_MAX});
  EXPECT_EQ(replica_->view().first_height(), next(before));
  EXPECT_EQ(stored(), (std::vector<std::uint64_t>{before.value + 1, before.value + 2}));
  ASSERT_TRUE(replica_->undo_last());
  EXPECT_TRUE(replica_->view().block(next(before)));
}

TEST_F(DroppedBlocks, NothingThatIsProvenNeedsThem) {
  fill();
  drop_all_below(keep_from_);
  EXPECT_EQ(replica_->view().app_hash(), archive_->view().app_hash());
  prove_alike();
  open();
  prove_alike();
  EXPECT_EQ(audited(), "");
}

TEST_F(DroppedBlocks, ReceiptsOfWhatTheLogHoldsAreStillFound) {
  fill();
  drop_all_below(keep_from_);
  std::size_t found = 0, refused = 0;
  for (Height height{1}; height < keep_from_; height = next(height))
    for (const StoredCommand& command : archive_->view().block(height).value()->commands) {
      const auto receipt = replica_->view().find_receipt(command.digest).value();
      const auto whole = archive_->view().find_receipt(command.digest).value();
      if (whole && whole->code.ok()) {
        ASSERT_TRUE(receipt);
        EXPECT_EQ(std::tuple(receipt->height, receipt->position, receipt->code.ok()), std::tuple(whole->height, whole->position, true));
        ++found;
      } else {
        EXPECT_FALSE(receipt);
        ++refused;
      }
    }
  EXPECT_GT(found, 500u);
  EXPECT_GT(refused, 0u);
}

TEST_F(DroppedBlocks, WhoAsksForOneIsToldWhereTheyBegin) {
  fill();
  drop_all_below(keep_from_);
  const auto gone = replica_->view().block({39});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::not_found);
  EXPECT_EQ(gone.error().message,
            "block 39: this node has none below block 40 (it began with a snapshot, or dropped them: serve --keep-blocks): ask a member "
            "that keeps all");
  put(columns::kBlocks, block_key({44}), std::nullopt);
  open();
  EXPECT_EQ(replica_->view().block({44}).error().kind, ErrorKind::corrupt);  // which nobody dropped
  EXPECT_EQ(replica_->view().block({1000}).error().kind, ErrorKind::not_found);
}

TEST_F(DroppedBlocks, ViewsFromBeforeHaveThem) {
  fill();
  const View before = replica_->view();
  drop_all_below(keep_from_);
  EXPECT_EQ(before.first_height().value, 1u);
  ASSERT_TRUE(before.block({1}));
  EXPECT_EQ(before.block({20}).value()->height.value, 20u);
  EXPECT_FALSE(replica_->view().block({20}));  // although it was just read
}

TEST_F(DroppedBlocks, ABlockTakenBackBringsNoneBack) {
  fill();
  const Digest hash = replica_->view().app_hash();
  step(keep_from_);
  const View undone = replica_->undo_last().value();
  EXPECT_EQ(undone.first_height().value, 1 + kDroppedAtOnce);
  EXPECT_EQ(undone.app_hash(), hash);
  EXPECT_FALSE(undone.block({1}));
  open();
  EXPECT_EQ(replica_->view().first_height().value, 1 + kDroppedAtOnce);
  drop_all_below(keep_from_);
  prove_alike();
  EXPECT_EQ(audited(), "");
}

TEST_F(DroppedBlocks, SnapshotsAreThoseOfEveryOtherNode) {
  fill();
  drop_all_below(keep_from_);
  while (archive_->view().height() < replica_->view().height()) {
    const auto block = replica_->view().block(next(archive_->view().height())).value();
    ASSERT_TRUE(archive_->commit(archive_->execute({block->height, block->time, block->batches}).value()));
  }
  const auto whole = SnapshotReader::make(archive_->view(), 4096).value();
  const auto reader = SnapshotReader::make(replica_->view(), 4096).value();
  ASSERT_EQ(reader.header(), whole.header());
  for (std::size_t i = 0; i < whole.chunks(); ++i) EXPECT_EQ(reader.chunk(i).value(), whole.chunk(i).value());
}

TEST_F(DroppedBlocks, TheLogOfAnEarlierBuildIsWrittenDownBeforeTheyGo) {
  fill();
  forget_entries();
  open();
  drop_all_below(keep_from_);
  prove_alike();
  EXPECT_EQ(audited(), "");
  open();
  prove_alike();
}

TEST_F(DroppedBlocks, WithoutAnEntryOfTheLogTheBlockStays) {
  fill();
  forget_entries();
  const Bytes whole = store_->get(columns::kBlocks, block_key({20})).value().value();
  put(columns::kBlocks, block_key({20}), "no block");
  open();
  EXPECT_EQ(step(keep_from_).first_height().value, 1u);
  EXPECT_EQ(stored().front(), 1u);
  ASSERT_TRUE(replica_->not_dropped());
  EXPECT_EQ(replica_->not_dropped()->message, "block 20: does not parse");
  put(columns::kBlocks, block_key({20}), whole);
  drop_all_below(keep_from_);
  EXPECT_FALSE(replica_->not_dropped());
  prove_alike();
}

// What was edited lies in blocks that are not there, beside one that is.
TEST_F(DroppedBlocks, AnAuditFindsEveryEditedRowOfTheirLog) {
  fill();
  drop_all_below(keep_from_);
  std::vector<Bytes> keys;
  const auto rows = store_->iterate(columns::kLog, storage::Range::all());
  for (rows->seek_first(); rows->valid(); rows->next()) keys.emplace_back(rows->key());
  std::size_t nodes = 0;
  const Bytes kept = "e" + u64_bytes(replica_->view().block(keep_from_).value()->log_first);
  for (const Bytes& key : keys) {
    const Bytes whole = store_->get(columns::kLog, key).value().value();
    Bytes edited = whole;
    edited.back() = static_cast<char>(edited.back() ^ 1);
    nodes += key.front() == 'n' ? 1 : 0;
    for (const auto& other : {std::optional(edited), std::optional<Bytes>()}) {
      put(columns::kLog, key, other);
      auto opened = Replica::open(test::config_of(world_), store_, contracts::all());
      if (opened) {  // or it is refused by what the last entries give
        replica_ = std::move(*opened);
        const bool follows = !other && key.front() == 'e' && key >= kept;  // from the block, as in an earlier build
        EXPECT_EQ(audited() == "", follows) << to_hex(key);
      }
      put(columns::kLog, key, whole);
    }
  }
  EXPECT_GE(nodes, 3u);
  open();
  EXPECT_EQ(audited(), "");
}

TEST_F(DroppedBlocks, AnAuditFindsEveryEditedCommandOfThoseThatStay) {
  fill();
  drop_all_below(keep_from_);
  std::size_t edited = 0;
  for (Height height = keep_from_; height <= archive_->view().height(); height = next(height)) {
    const Bytes key = block_key(height);
    const Bytes whole = store_->get(columns::kBlocks, key).value().value();
    BlockRow row;
    ASSERT_TRUE(parse_row(row, whole));
    BlockRow failed = row, none = row, moved = row;
    failed.mutable_results(0)->clear_codes();
    for (std::uint32_t i = 0; i < row.results(0).commands(); ++i) failed.mutable_results(0)->add_codes(1);
    none.clear_batches();
    none.clear_results();
    moved.set_log_first(row.log_first() + 1);
    for (const BlockRow& other : {failed, none, moved}) {
      put(columns::kBlocks, key, other.SerializeAsString());
      open();
      EXPECT_NE(audited(), "") << height.value;
      ++edited;
    }
    put(columns::kBlocks, key, whole);
  }
  EXPECT_GT(edited, 20u);
}

TEST_F(DroppedBlocks, AStoredBlockBelowTheLowestOneIsSeenAndNotRead) {
  fill();
  const StoredCommand refused = [this] {
    for (Height height{1};; height = next(height))
      for (const StoredCommand& command : archive_->view().block(height).value()->commands)
        if (const auto found = archive_->view().find_receipt(command.digest).value(); found && !found->code.ok()) return command;
  }();
  const Height height = archive_->view().find_receipt(refused.digest).value()->height;
  ASSERT_LT(height, keep_from_);
  const Bytes row = store_->get(columns::kBlocks, block_key(height)).value().value();
  drop_all_below(keep_from_);
  EXPECT_EQ(replica_->view().lowest_block().value(), keep_from_);
  put(columns::kBlocks, block_key(height), row);
  open();
  EXPECT_EQ(replica_->view().lowest_block().value(), height);
  EXPECT_FALSE(replica_->view().find_receipt(refused.digest).value());
}

TEST(DroppedBytes, ComeBackFromTheDisk) {
  TestFolder folder;
  LedgerStoreOptions options;
  options.folder = folder.path() + "/ledger";
  options.write_buffer_bytes = 256u << 10;
  const std::shared_ptr<storage::Store> store = std::move(*open_ledger_store(options));
  World world(5);
  auto replica = test::open_replica(world, store);
  world.populate(*replica, 2, 100);
  std::mt19937_64 random(7);
  for (int i = 0; i < 40; ++i) world.run(*replica, {world.random_batch(60, random)});
  const auto bytes = [&] {
    CARELEDGER_ASSERT(store->flush() && store->compact(columns::kBlocks, storage::Range::all()));
    return store->approximate_size(columns::kBlocks, storage::Range::all()).value();
  };
  const std::uint64_t all = bytes();
  for (int i = 0; i < 10; ++i)  // the last eight views still have what they had
    ASSERT_TRUE(replica->commit(replica->execute(world.next_block(replica->view(), {})).value(), {}, {39}));
  EXPECT_EQ(replica->view().first_height().value, 39u);
  EXPECT_LT(bytes(), all / 5);
}

}  // namespace
}  // namespace careledger::replica
