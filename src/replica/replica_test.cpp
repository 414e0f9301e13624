#include "replica/replica.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "replica/ledger_store.h"
#include "replica/newest_block.h"
#include "replica/packed_row.h"
#include "replica/replica.pb.h"
#include "replica/test_world.h"

namespace careledger::replica {
namespace {

using test::World;

std::vector<Bytes> blocks_of(std::uint64_t seed, World& world, Replica& replica, int blocks) {
  std::mt19937_64 random(seed);
  std::vector<Bytes> hashes;
  world.populate(replica, 3, 40);
  for (int i = 0; i < blocks; ++i) {
    std::vector<Bytes> batches;
    for (std::uint64_t b = 0; b < 1 + random() % 3; ++b) batches.push_back(world.random_batch(1 + random() % 60, random));
    if (i % 7 == 3) batches.push_back("no batch");
    if (i % 9 == 4) batches.clear();
    Block block = world.next_block(replica.view(), std::move(batches));
    if (i % 5 == 2)
      block.misbehaviour = {{Bytes(20, static_cast<char>(i)), 1, i, {World::kStart}, 10, 40}, {"no address", 9, -1, {0}, -1, 0}};
    hashes.push_back(world.run_block(replica, std::move(block)).app_hash().bytes());
  }
  return hashes;
}

class ReplicaTest : public testing::Test {
 protected:
  ReplicaTest() : store_(memory_ledger_store()), replica_(test::open_replica(world_, store_)) {}
  void reopen() { replica_ = test::open_replica(world_, store_); }
  void drop_entries_of_large_blocks() {  // an earlier build did not write them
    storage::Batch batch;
    const auto rows = store_->iterate(columns::kLog, storage::Range::prefix("e"));
    for (rows->seek_first(); rows->valid(); rows->next())
      if (rows->value().size() >= 64 * kLogEntryBytes) batch.erase(columns::kLog, rows->key());
    ASSERT_GT(batch.count(), 0u);
    ASSERT_TRUE(store_->write(batch, storage::Durability::buffered));
  }
  View run(std::vector<Bytes> batches) { return world_.run(*replica_, std::move(batches)); }

  World world_{1};
  std::shared_ptr<storage::Store> store_;
  std::unique_ptr<Replica> replica_;
};

TEST_F(ReplicaTest, ANewLedgerHoldsItsFoundingDocument) {
  const View view = replica_->view();
  EXPECT_EQ(view.height().value, 0u);
  EXPECT_EQ(view.ledger(), world_.ledger());
  EXPECT_EQ(view.log_size(), 0u);
  EXPECT_TRUE(view.state().has(kernel::kFounding, kernel::Counter{0}));
  EXPECT_TRUE(view.state().has(kernel::kAccounts, world_.founder().id));
  const Digest hash = view.app_hash();
  reopen();
  EXPECT_EQ(replica_->view().app_hash(), hash);
}

TEST_F(ReplicaTest, AnotherLedgersFoundingIsRefused) {
  const World other(2);
  const auto opened = Replica::open(test::config_of(other), store_, contracts::all());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::invalid);
}

TEST_F(ReplicaTest, ReceiptsComeInBlockOrderAndAreFoundAgain) {
  world_.populate(*replica_, 1, 3);
  std::vector<ledger::SignedCommand> commands;
  for (test::Patient& patient : world_.patients()) commands.push_back(world_.grant(patient));
  auto execution =
      replica_->execute(world_.next_block(replica_->view(), {world_.batch({commands[0]}), world_.batch({commands[1], commands[2]})}));
  ASSERT_TRUE(execution);
  ASSERT_EQ(execution->receipts().size(), 3u);
  ASSERT_EQ(execution->results().size(), 2u);
  const Digest hash = execution->app_hash();
  const View view = replica_->commit(std::move(*execution)).value();
  EXPECT_EQ(view.app_hash(), hash);
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto receipt = view.find_receipt(kernel::digest_of(commands[i])).value();
    ASSERT_TRUE(receipt);
    EXPECT_TRUE(receipt->code.ok());
    EXPECT_EQ(receipt->position, i);
    EXPECT_EQ(receipt->height, view.height());
  }
  EXPECT_EQ(view.find_receipt(Digest{}).value(), std::nullopt);
}

TEST_F(ReplicaTest, TheSameBytesTwiceKeepTheFirstReceipt) {
  world_.populate(*replica_, 1, 1);
  const auto command = world_.grant(world_.patients()[0]);
  const View first = run({world_.batch({command})});
  auto execution = replica_->execute(world_.next_block(first, {world_.batch({command})}));
  ASSERT_TRUE(execution);
  EXPECT_EQ(execution->receipts()[0].code, kernel::code_of(kernel::KernelCode::replayed));
  const View second = replica_->commit(std::move(*execution)).value();
  const auto receipt = second.find_receipt(kernel::digest_of(command)).value();
  ASSERT_TRUE(receipt);
  EXPECT_TRUE(receipt->code.ok());
  EXPECT_EQ(receipt->height, first.height());
}

TEST_F(ReplicaTest, ABadlySignedCopyDoesNotTakeTheReceiptOfTheTrueOne) {
  world_.populate(*replica_, 1, 1);
  const auto command = world_.grant(world_.patients()[0]);
  auto forged = command;
  forged.mutable_signatures(0)->mutable_signature()->front() ^= 1;
  run({world_.batch({forged})});
  EXPECT_EQ(replica_->view().find_receipt(kernel::digest_of(command)).value(), std::nullopt);
  const View view = run({world_.batch({command})});
  EXPECT_TRUE(view.find_receipt(kernel::digest_of(command)).value()->code.ok());
}

TEST_F(ReplicaTest, AnEmptyBlockLeavesTheAppHash) {
  world_.populate(*replica_, 2, 2);
  const Digest hash = replica_->view().app_hash();
  EXPECT_EQ(run({}).app_hash(), hash);
  EXPECT_EQ(run({"garbage"}).app_hash(), hash);
}

TEST_F(ReplicaTest, ABatchThatDoesNotHoldRunsNothing) {
  world_.populate(*replica_, 1, 1);
  test::Patient& patient = world_.patients()[0];
  const auto command = world_.grant(patient);
  auto execution = replica_->execute(world_.next_block(replica_->view(), {world_.batch(patient.actor, {&command, 1}), "garbage"}));
  ASSERT_TRUE(execution);
  EXPECT_TRUE(execution->receipts().empty());
  EXPECT_EQ(execution->results()[0].code, static_cast<std::uint32_t>(kernel::KernelCode::unknown_actor));
  EXPECT_EQ(execution->results()[1].code, static_cast<std::uint32_t>(kernel::KernelCode::malformed));
}

TEST_F(ReplicaTest, CandidatesDoNotTouchTheState) {
  world_.populate(*replica_, 1, 2);
  const Digest before = replica_->view().app_hash();
  const Block a = world_.next_block(replica_->view(), {world_.batch({world_.grant(world_.patients()[0])})});
  Block b = a;
  b.batches = {world_.batch({world_.grant(world_.patients()[1])})};
  const auto first = replica_->execute(a);
  auto second = replica_->execute(b);
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->app_hash(), second->app_hash());
  EXPECT_EQ(replica_->view().app_hash(), before);
  const Digest chosen = second->app_hash();
  EXPECT_EQ(replica_->commit(std::move(*second))->app_hash(), chosen);
}

TEST_F(ReplicaTest, BlocksMustFollow) {
  const View view = replica_->view();
  EXPECT_EQ(replica_->execute({{2}, {World::kStart + 1}, {}}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(replica_->execute({{1}, {World::kStart - 1}, {}}).error().kind, ErrorKind::invalid);
  run({});
  EXPECT_EQ(replica_->execute({{2}, world_.time(), {}}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(view.height().value, 0u);
}

TEST_F(ReplicaTest, ChecksSayWhatABlockWouldSay) {
  world_.populate(*replica_, 1, 2);
  test::Patient& patient = world_.patients()[0];
  const auto good = kernel::receive(world_.grant(patient));
  auto bad = kernel::receive(world_.grant(patient));
  bad.signatures[0].signature.value[0] ^= 1;
  const auto unknown = kernel::receive(world_.revoke(world_.patients()[1], 9));
  const std::vector<kernel::ReceivedCommand> all = {good, bad, unknown};
  const auto codes = replica_->check(all, world_.time());
  ASSERT_EQ(codes.size(), 3u);
  EXPECT_TRUE(codes[0].ok());
  EXPECT_EQ(codes[1], kernel::code_of(kernel::KernelCode::bad_signature));
  EXPECT_EQ(codes[2].contract, test::build::kConsent);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(replica_->check(all[i], world_.time()), codes[i]);
  EXPECT_EQ(replica_->check(good, {world_.time().value + 3'600'000}), kernel::code_of(kernel::KernelCode::expired));
}

TEST_F(ReplicaTest, ViewsStayWhatTheyWere) {
  world_.populate(*replica_, 1, 5);
  const View old = replica_->view();
  const Digest root = old.state_root();
  test::Patient& patient = world_.patients()[0];
  const Bytes key(contracts::consent::kGrants.key(patient.relationship, 1).view());
  for (int i = 0; i < 12; ++i) run({world_.batch({world_.grant(patient)})});
  EXPECT_EQ(old.state_root(), root);
  EXPECT_FALSE(old.state().has(contracts::consent::kGrants, patient.relationship, 1));
  EXPECT_EQ(proof::MapView::verify(old.prove({&key, 1}).value(), root)->look(key), proof::MapView::Known::absent);
  const View now = replica_->view();
  EXPECT_EQ(proof::MapView::verify(now.prove({&key, 1}).value(), now.state_root())->look(key), proof::MapView::Known::present);
  EXPECT_TRUE(replica_->view_at({now.height().value - 7}));
  EXPECT_EQ(replica_->view_at({now.height().value - 8}).error().kind, ErrorKind::not_found);
}

TEST_F(ReplicaTest, ObserversHearOfDurableBlocksInOrder) {
  std::vector<std::uint64_t> heights;
  std::size_t events = 0;
  replica_->observe([&](const CommittedBlock& block) {
    heights.push_back(block.view.height().value);
    events += block.events.size();
    EXPECT_EQ(block.view.app_hash(), replica_->view().app_hash());
  });
  world_.populate(*replica_, 1, 2);
  EXPECT_EQ(heights, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(events, 3u);
}

TEST_F(ReplicaTest, UndoGivesTheStateBeforeTheBlock) {
  world_.populate(*replica_, 2, 10);
  const View before = replica_->view();
  const Digest hash = before.app_hash();
  const auto command = world_.grant(world_.patients()[0]);
  const Bytes batch = world_.batch({command});
  auto execution = replica_->execute(world_.next_block(before, {batch}));
  ASSERT_TRUE(execution);
  const Block again{next(before.height()), world_.time(), {batch}};
  const std::vector<SideRow> side = {{"header", "of the block"}};
  const Digest after = replica_->commit(std::move(*execution), side)->app_hash();
  EXPECT_EQ(replica_->view().side_row("header").value(), "of the block");
  const View undone = replica_->undo_last().value();
  EXPECT_EQ(undone.app_hash(), hash);
  EXPECT_EQ(undone.height(), before.height());
  EXPECT_EQ(undone.side_row("header").value(), std::nullopt);
  EXPECT_EQ(undone.find_receipt(kernel::digest_of(command)).value(), std::nullopt);
  EXPECT_EQ(replica_->undo_last().error().kind, ErrorKind::precondition);
  auto redone = replica_->execute(again);
  ASSERT_TRUE(redone);
  EXPECT_EQ(replica_->commit(std::move(*redone))->app_hash(), after);
  reopen();
  EXPECT_EQ(replica_->view().app_hash(), after);
}

TEST_F(ReplicaTest, WhereTheLogStandsWithoutTheNewestBlockIsInTheStore) {
  EXPECT_FALSE(state_before_newest(*store_).value());  // the genesis is no block
  world_.populate(*replica_, 2, 10);
  const View with = run({world_.batch({world_.grant(world_.patients()[0])})});
  const auto before = state_before_newest(*store_).value();
  ASSERT_TRUE(before);
  EXPECT_LT(before->log_size, with.log_size());
  const auto undone = replica_->undo_last();
  ASSERT_TRUE(undone);
  EXPECT_EQ(proof::app_hash(*before), undone->app_hash());
  EXPECT_FALSE(state_before_newest(*store_).value());
}

TEST_F(ReplicaTest, ARecordOfTheLogBeforeTheNewestBlockThatDoesNotReadIsNamed) {
  world_.populate(*replica_, 2, 10);
  Undo undo;
  ASSERT_TRUE(parse_row(undo, *store_->get(columns::kMeta, kUndoKey).value()));
  undo.mutable_before()->set_log_root("short");
  storage::Batch batch;
  batch.put(columns::kMeta, kUndoKey, undo.SerializeAsString());
  ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
  EXPECT_EQ(state_before_newest(*store_).error().kind, ErrorKind::corrupt);
  batch.put(columns::kMeta, kUndoKey, "\x01 no frame");
  ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
  EXPECT_EQ(state_before_newest(*store_).error().kind, ErrorKind::corrupt);
}

// What was known about the place of a command goes with the block that is taken back.
TEST_F(ReplicaTest, AnUndoneCommandHasNoPlaceInTheLogThatGoesOnWithoutIt) {
  world_.populate(*replica_, 2, 10);
  const auto undone = world_.grant(world_.patients()[0]);
  const View with = run({world_.batch({undone})});
  ASSERT_TRUE(with.prove_command(kernel::digest_of(undone)));
  ASSERT_TRUE(replica_->undo_last());
  const auto other = world_.grant(world_.patients()[1]);
  const View without = run({world_.batch({other})});
  ASSERT_EQ(without.log_size(), with.log_size());
  EXPECT_EQ(without.prove_command(kernel::digest_of(undone)).error().kind, ErrorKind::not_found);
  const auto proof = without.prove_command(kernel::digest_of(other));
  ASSERT_TRUE(proof) << proof.error().message;
  const Digest leaf = proof::log_leaf(proof::command_leaf(kernel::digest_of(other), proof->at.height, proof->at.position));
  EXPECT_TRUE(proof::verify_inclusion(leaf, proof->index, without.log_size(), proof->path, without.log_root()));
}

// Every ok command proves its place in the log, at every later size, and every size is consistent with every later one.
TEST_F(ReplicaTest, TheLogProvesInclusionAndConsistency) {
  std::mt19937_64 random(5);
  world_.populate(*replica_, 2, 100);
  std::vector<std::pair<std::uint64_t, Digest>> sizes;
  std::map<Digest, Location> logged;
  replica_->observe([&](const CommittedBlock& block) {
    for (const auto& receipt : block.receipts)
      if (receipt.code.ok()) logged[receipt.command] = {receipt.height, receipt.position};
  });
  for (int i = 0; i < 12; ++i) {
    run({world_.random_batch(i % 3 == 0 ? 150 : 7, random)});
    sizes.emplace_back(replica_->view().log_size(), replica_->view().log_root());
    if (i == 6) reopen();
  }
  ASSERT_GT(replica_->view().log_size(), 512u);
  const auto prove_each = [&](const View& view) {
    for (const auto& [digest, at] : logged) {
      const auto proof = view.prove_command(digest);
      ASSERT_TRUE(proof) << proof.error().message;
      EXPECT_EQ(proof->at, at);
      const Digest leaf = proof::log_leaf(proof::command_leaf(digest, at.height, at.position));
      ASSERT_TRUE(proof::verify_inclusion(leaf, proof->index, view.log_size(), proof->path, view.log_root()));
    }
  };
  {
    const View early = replica_->view();
    prove_each(early);
    prove_each(early);  // from what the first time has left in memory
    const auto later = world_.grant(world_.patients()[0]);
    ASSERT_TRUE(run({world_.batch({later})}).prove_command(kernel::digest_of(later)));
    EXPECT_EQ(early.prove_command(kernel::digest_of(later)).error().kind, ErrorKind::not_found) << "it stands there only since";
  }
  prove_each(replica_->view());
  drop_entries_of_large_blocks();
  reopen();
  const View view = replica_->view();
  prove_each(view);
  for (const auto& [size, root] : sizes) {
    const auto path = view.prove_consistency(size);
    ASSERT_TRUE(path);
    EXPECT_TRUE(proof::verify_consistency(size, root, view.log_size(), view.log_root(), *path));
  }
  EXPECT_EQ(view.prove_command(Digest{}).error().kind, ErrorKind::not_found);
}

// Its wallets could not be told that the log grew from what they remember.
TEST_F(ReplicaTest, ALedgerWithoutTheBeginningOfItsLogIsNotOpened) {
  world_.populate(*replica_, 2, 20);
  storage::Batch batch;
  batch.erase(columns::kLog, "b" + u64_bytes(0));
  ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
  const auto opened = Replica::open(test::config_of(world_), store_, contracts::all());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::unsupported);
}

TEST(ReplicaDeterminismTest, ThreadsStoresAndRestartsDoNotMatter) {
  World one(7);
  const auto store = std::shared_ptr<storage::Store>(memory_ledger_store());
  auto replica = test::open_replica(one, store);
  const auto expected = blocks_of(7, one, *replica, 25);
  {
    World world(7);
    auto many = test::open_replica(world, memory_ledger_store(), 3);
    EXPECT_EQ(blocks_of(7, world, *many, 25), expected);
  }
  const auto folder = std::filesystem::temp_directory_path() / ("careledger-replica-" + to_hex(system_entropy().take(8)));
  {
    World world(7);
    LedgerStoreOptions options;
    options.folder = folder;
    auto on_disk = test::open_replica(world, std::shared_ptr<storage::Store>(std::move(*open_ledger_store(options))), 1);
    EXPECT_EQ(blocks_of(7, world, *on_disk, 25), expected);
  }
  std::filesystem::remove_all(folder);
  // Replay of the stored blocks, with a restart at every height.
  const View last = replica->view();
  const auto copy = std::shared_ptr<storage::Store>(memory_ledger_store());
  for (std::uint64_t height = 1; height <= last.height().value; ++height) {
    auto restarted = test::open_replica(one, copy, height % 2);
    const auto block = last.block({height}).value();
    auto execution = restarted->execute({block->height, block->time, block->batches, block->misbehaviour});
    ASSERT_TRUE(execution);
    ASSERT_TRUE(restarted->commit(std::move(*execution)));
  }
  EXPECT_EQ(test::open_replica(one, copy)->view().app_hash(), last.app_hash());
}

}  // namespace
}  // namespace careledger::replica
