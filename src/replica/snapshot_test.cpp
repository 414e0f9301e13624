#include "replica/snapshot.h"

#include <gtest/gtest.h>

#include "replica/newest_block.h"
#include "replica/test_world.h"

namespace careledger::replica {
namespace {

using test::World;

class SnapshotTest : public testing::Test {
 protected:
  SnapshotTest() : replica_(test::open_replica(world_, memory_ledger_store())) {
    world_.populate(*replica_, 2, 300);
    std::mt19937_64 random(3);
    for (int i = 0; i < 6; ++i) world_.run(*replica_, {world_.random_batch(120, random)});
  }
  static Result<void> fill(const std::shared_ptr<storage::Store>& store, const SnapshotReader& reader, const TrustedPoint& trusted) {
    CARELEDGER_TRY(SnapshotLoader loader, SnapshotLoader::begin(store, reader.header(), trusted));
    for (std::size_t i = 0; i < reader.chunks(); ++i) {
      CARELEDGER_TRY(const Bytes chunk, reader.chunk(i));
      CARELEDGER_CHECK(loader.add(chunk));
    }
    return loader.finish();
  }
  TrustedPoint point(const View& view) const { return {replica_->ledger(), view.height(), view.time(), view.app_hash()}; }
  World world_{9};
  std::unique_ptr<Replica> replica_;
};

TEST_F(SnapshotTest, ALoadedReplicaGoesOnAsTheOriginalDoes) {
  const View view = replica_->view();
  const auto reader = SnapshotReader::make(view, 4096);
  ASSERT_TRUE(reader);
  EXPECT_GT(reader->chunks(), 5u);
  const auto store = std::shared_ptr<storage::Store>(memory_ledger_store());
  const auto filled = fill(store, *reader, point(view));
  ASSERT_TRUE(filled) << filled.error().message;
  auto loaded = test::open_replica(world_, store);
  EXPECT_EQ(loaded->view().app_hash(), view.app_hash());
  EXPECT_EQ(loaded->view().height(), view.height());
  std::mt19937_64 random(4);
  for (int i = 0; i < 5; ++i) {
    const Block block = world_.next_block(replica_->view(), {world_.random_batch(100, random)});
    for (Replica* one : {replica_.get(), loaded.get()}) {
      auto execution = one->execute(block);
      ASSERT_TRUE(execution);
      ASSERT_TRUE(one->commit(std::move(*execution)));
    }
    ASSERT_EQ(loaded->view().app_hash(), replica_->view().app_hash());
  }
  EXPECT_EQ(test::open_replica(world_, store)->view().app_hash(), loaded->view().app_hash());
  const View now = loaded->view();
  EXPECT_EQ(now.first_height(), next(view.height()));
  const Error gone = now.block(view.height()).error();
  EXPECT_EQ(gone.kind, ErrorKind::not_found);
  EXPECT_NE(gone.message.find("has none below block " + std::to_string(view.height().value + 1)), std::string::npos);
}

// Without the blocks: what wallets and clients ask for is in the log, which comes with the state.
TEST_F(SnapshotTest, ALoadedReplicaProvesWhatTheLogHeldBefore) {
  const View view = replica_->view();
  const auto reader = SnapshotReader::make(view, 4096).value();
  ASSERT_GT(reader.chunks() - reader.state_chunks(), 2u);
  const auto store = std::shared_ptr<storage::Store>(memory_ledger_store());
  ASSERT_TRUE(fill(store, reader, point(view)));
  const auto loaded = test::open_replica(world_, store);
  std::mt19937_64 random(4);
  const Block block = world_.next_block(view, {world_.random_batch(100, random)});
  for (Replica* one : {replica_.get(), loaded.get()}) ASSERT_TRUE(one->commit(one->execute(block).value()));
  const View whole = replica_->view();
  const View now = loaded->view();
  ASSERT_GT(now.log_size(), view.log_size());
  for (std::uint64_t index = 0; index < now.log_size(); ++index)
    ASSERT_EQ(now.prove_inclusion(index).value(), whole.prove_inclusion(index).value()) << index;
  for (std::uint64_t size = 0; size <= now.log_size(); ++size)
    ASSERT_EQ(now.prove_consistency(size).value(), whole.prove_consistency(size).value()) << size;
  for (Height height{1}; height <= view.height(); height = next(height)) {
    for (const StoredCommand& command : whole.block(height).value()->commands) {
      const auto receipt = now.find_receipt(command.digest).value();
      const auto first = whole.find_receipt(command.digest).value();
      ASSERT_EQ(receipt.has_value(), first && first->code.ok());
      if (!receipt) continue;
      EXPECT_TRUE(receipt->code.ok());
      EXPECT_EQ(std::pair(receipt->height, receipt->position), std::pair(first->height, first->position));
      EXPECT_EQ(now.prove_command(command.digest).value().path, whole.prove_command(command.digest).value().path);
    }
  }
  EXPECT_EQ(now.prove_command(Digest{}).error().message, whole.prove_command(Digest{}).error().message);
}

TEST_F(SnapshotTest, PiecesOfFullSizeAreTaken) {
  const auto from = std::shared_ptr<storage::Store>(memory_ledger_store());
  SeededEntropy entropy(6);
  storage::Batch batch;
  for (int i = 0; i < 1300; ++i) batch.put(columns::kState, "s" + entropy.take(32), entropy.take(16'384));
  ASSERT_TRUE(from->write(batch, storage::Durability::buffered));
  Workers workers(0);
  Tip tip;
  tip.set_ledger(world_.ledger().bytes());
  tip.set_height(7);
  tip.set_time_ms(8);
  tip.set_log_root(proof::CompactRange().root().bytes());
  tip.set_state_root(StateTree::build({from.get(), columns::kState}, workers)->root().bytes());
  tip.set_first_height(1);
  batch.clear();
  batch.put(columns::kMeta, kTipKey, tip.SerializeAsString());
  ASSERT_TRUE(from->write(batch, storage::Durability::buffered));
  const auto original = test::open_replica(world_, from);
  const auto reader = SnapshotReader::make(original->view()).value();
  ASSERT_EQ(reader.chunks(), 3u);
  EXPECT_GT(reader.chunk(0)->size(), kSnapshotChunkBytes);
  const auto store = std::shared_ptr<storage::Store>(memory_ledger_store());
  const auto filled = fill(store, reader, {world_.ledger(), {7}, {8}, original->view().app_hash()});
  ASSERT_TRUE(filled) << filled.error().message;
  EXPECT_EQ(test::open_replica(world_, store)->view().app_hash(), original->view().app_hash());
}

// By which whoever loads one knows whether anything came of it.
TEST_F(SnapshotTest, TheStoreTellsWhetherABlockStandsAboveIt) {
  const auto store = std::shared_ptr<storage::Store>(memory_ledger_store());
  const auto heights = [&store] { return stored_heights(*store).value(); };
  const auto reader = SnapshotReader::make(replica_->view(), 4096).value();
  EXPECT_FALSE(heights());
  auto loader = SnapshotLoader::begin(store, reader.header(), point(replica_->view()));
  ASSERT_TRUE(loader);
  ASSERT_TRUE(loader->add(reader.chunk(0).value()));
  EXPECT_FALSE(heights());
  ASSERT_TRUE(fill(store, reader, point(replica_->view())));
  EXPECT_EQ(heights()->newest, replica_->view().height());
  EXPECT_GT(heights()->first, heights()->newest);
  auto loaded = test::open_replica(world_, store);
  world_.run(*loaded, {});
  EXPECT_EQ(heights()->first, heights()->newest);
}

TEST_F(SnapshotTest, OneThatIsNotWantedAnyMoreIsNotMade) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(SnapshotReader::make(replica_->view(), 4096, stop.get_token()).error().kind, ErrorKind::cancelled);
}

TEST_F(SnapshotTest, PiecesAreTheSameOnEveryNode) {
  const auto store = std::shared_ptr<storage::Store>(memory_ledger_store());
  const auto first = SnapshotReader::make(replica_->view(), 4096).value();
  ASSERT_TRUE(fill(store, first, point(replica_->view())));
  const auto loaded = test::open_replica(world_, store);
  const auto second = SnapshotReader::make(loaded->view(), 4096).value();
  EXPECT_EQ(first.header(), second.header());
  for (std::size_t i = 0; i < first.chunks(); ++i) EXPECT_EQ(first.chunk(i).value(), second.chunk(i).value());
}

TEST_F(SnapshotTest, NothingFalseIsTaken) {
  const View view = replica_->view();
  const auto reader = SnapshotReader::make(view, 4096).value();
  const auto store = std::shared_ptr<storage::Store>(memory_ledger_store());
  EXPECT_EQ(SnapshotLoader::begin(store, reader.header(), TrustedPoint{}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(SnapshotLoader::begin(store, "garbage", point(view)).error().kind, ErrorKind::invalid);
  for (const TrustedPoint& other : {TrustedPoint{{}, view.height(), view.time(), view.app_hash()},
                                    TrustedPoint{replica_->ledger(), next(view.height()), view.time(), view.app_hash()},
                                    TrustedPoint{replica_->ledger(), view.height(), {view.time().value + 1}, view.app_hash()}})
    EXPECT_EQ(SnapshotLoader::begin(store, reader.header(), other).error().kind, ErrorKind::invalid);
  auto loader = SnapshotLoader::begin(store, reader.header(), point(view));
  ASSERT_TRUE(loader);
  EXPECT_FALSE(loader->add(reader.chunk(1).value()));  // another piece than the next
  std::mt19937_64 random(5);
  const Bytes good = reader.chunk(0).value();
  for (int i = 0; i < 200; ++i) {
    Bytes bad = good;
    char& byte = bad[random() % bad.size()];
    byte = static_cast<char>(byte ^ (1 << random() % 8));
    EXPECT_FALSE(loader->add(bad));
  }
  EXPECT_EQ(loader->finish().error().kind, ErrorKind::precondition);
  EXPECT_TRUE(loader->add(good));
  for (std::size_t i = 1; i < reader.state_chunks(); ++i) ASSERT_TRUE(loader->add(reader.chunk(i).value()));
  for (std::size_t i = reader.state_chunks(); i < reader.chunks(); ++i) {
    const Bytes piece = reader.chunk(i).value();
    for (std::size_t cut = 0; cut < piece.size(); cut += 1 + random() % 40) EXPECT_FALSE(loader->add(piece.substr(0, cut)));
    for (int times = 0; times < 50; ++times) {
      Bytes bad = piece;
      char& byte = bad[random() % bad.size()];
      byte = static_cast<char>(byte ^ (1 << random() % 8));
      EXPECT_FALSE(loader->add(bad));
    }
    EXPECT_FALSE(loader->add(piece + piece));
    EXPECT_TRUE(loader->add(piece));
  }
  // An interrupted load is no ledger, and can be begun again.
  EXPECT_EQ(Replica::open(test::config_of(world_), store, contracts::all()).error().kind, ErrorKind::corrupt);
  ASSERT_TRUE(fill(store, reader, point(view)));
  EXPECT_EQ(SnapshotLoader::begin(store, reader.header(), point(view)).error().kind, ErrorKind::precondition);
}

}  // namespace
}  // namespace careledger::replica
