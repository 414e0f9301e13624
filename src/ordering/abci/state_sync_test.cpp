// Snapshots from the nodes that have a ledger to one that has none: what is offered, what is taken, and what liars get for it.
#include "ordering/abci/state_sync.h"

#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "base/test_folder.h"
#include "ordering/abci/fake_engine.h"
#include "replica/test_world.h"
#include "storage/test_faulty_store.h"

namespace careledger::ordering::abci {
namespace {

namespace wire = careledger::abci;
using replica::TrustedPoint;
using replica::test::World;
using storage::testing::Fault;
using storage::testing::FaultyStore;
using testing::FakeEngine;

constexpr std::uint64_t kEvery = 10;
constexpr std::size_t kChunk = 4096;

wire::Response ask(Handler& handler, const wire::Request& request) {
  auto response = handler.handle(request);
  EXPECT_TRUE(response) << response.error().message;
  return response ? std::move(*response) : wire::Response();
}

// A node whose ledger is there.
class Source {
 public:
  explicit Source(const World& world) : world_(world) { start(); }
  // Again, from what is on the disk.
  void start() {
    application_.reset();
    replica_ = replica::test::open_replica(world_, store_);
    ApplicationConfig config;
    config.snapshots.every = kEvery;
    config.snapshots.chunk_bytes = kChunk;
    config.snapshots.folder = folder_.path();
    application_.emplace(*replica_, std::move(config));
    application_->snapshots().wait_until_made();
  }
  // `milliseconds_early`: by which the header's time stands before the block's.
  void run(const replica::Block& block, std::int64_t milliseconds_early = 0) {
    wire::Request request;
    auto& finalize = *request.mutable_finalize_block();
    finalize.set_height(static_cast<std::int64_t>(block.height.value));
    const proof::Time time = proof::time_from({block.time.value - milliseconds_early});
    finalize.mutable_time()->set_seconds(time.seconds);
    finalize.mutable_time()->set_nanos(time.nanos);
    for (const Bytes& batch : block.batches) *finalize.add_txs() = batch;
    ask(*application_, request);
    wire::Request commit;
    commit.mutable_commit();
    ask(*application_, commit);
    const replica::View view = replica_->view();
    points_[view.height().value] = {replica_->ledger(), view.height(), view.time(), view.app_hash()};
    application_->snapshots().wait_until_made();
  }
  std::vector<wire::Snapshot> offered() {
    wire::Request request;
    request.mutable_list_snapshots();
    const wire::Response response = ask(*application_, request);
    return {response.list_snapshots().snapshots().begin(), response.list_snapshots().snapshots().end()};
  }
  Bytes chunk(std::uint64_t height, std::uint32_t index, std::uint32_t format = replica::kSnapshotFormat) {
    wire::Request request;
    auto& load = *request.mutable_load_snapshot_chunk();
    load.set_height(height);
    load.set_format(format);
    load.set_chunk(index);
    return ask(*application_, request).load_snapshot_chunk().chunk();
  }
  replica::View view() const { return replica_->view(); }
  Result<TrustedPoint> point(Height height) const {
    const auto found = points_.find(height.value);
    if (found == points_.end()) return fail(ErrorKind::not_found, "no header of that height");
    return found->second;
  }

 private:
  const World& world_;
  const std::shared_ptr<storage::Store> store_ = replica::memory_ledger_store();
  const TestFolder folder_;
  std::unique_ptr<replica::Replica> replica_;
  std::map<std::uint64_t, TrustedPoint> points_;
  std::optional<Application> application_;
};

class StateSyncTest : public ::testing::Test {
 protected:
  static constexpr const char* kPeer = "0123456789012345678901234567890123456789";

  void SetUp() override {
    std::vector<ledger::SignedCommand> commands;
    for (int i = 0; i < 2; ++i) commands.push_back(world.admit());
    run({world.batch(commands)});
    commands.clear();
    for (std::size_t i = 0; i < 200; ++i) commands.push_back(world.propose(world.organisations()[i % 2]));
    run({world.batch(commands)});
    run_to(14);
    sync = make_sync(store);
  }
  replica::Block run(std::vector<Bytes> batches) {
    replica::Block block = world.next_block(source.view(), std::move(batches));
    source.run(block);
    return block;
  }
  void run_to(std::uint64_t height) {
    while (source.view().height().value < height) run({world.random_batch(40, random)});
  }
  std::unique_ptr<StateSync> make_sync(std::shared_ptr<storage::Store> to) {
    StateSyncConfig config;
    config.application.version = "test";
    config.application.is_peer = [](const std::string& node) { return node == kPeer; };
    config.application.on_failure = [this](const Error& error) { failures.push_back(error); };
    config.store = std::move(to);
    config.trusted = [this](Height height) { return source.point(height); };
    config.open = [this](std::shared_ptr<storage::Store> whole) {
      return replica::Replica::open(replica::test::config_of(world), std::move(whole), contracts::all());
    };
    config.on_progress = [this](const StateSyncProgress& progress) { progressed = progress; };
    config.on_refusal = [this](const Error& error) { refusals.push_back(error.message); };
    return std::make_unique<StateSync>(std::move(config));
  }
  wire::Request offer_of(const wire::Snapshot& snapshot) const {
    wire::Request request;
    *request.mutable_offer_snapshot()->mutable_snapshot() = snapshot;
    if (const auto point = source.point({snapshot.height()})) request.mutable_offer_snapshot()->set_app_hash(point->app_hash.bytes());
    return request;
  }
  OfferResult offer(const wire::Snapshot& snapshot) {
    return static_cast<OfferResult>(ask(*sync, offer_of(snapshot)).offer_snapshot().result());
  }
  static wire::Request piece(std::uint32_t index, Bytes chunk, const std::string& sender = kPeer) {
    wire::Request request;
    request.mutable_apply_snapshot_chunk()->set_index(index);
    request.mutable_apply_snapshot_chunk()->set_chunk(std::move(chunk));
    request.mutable_apply_snapshot_chunk()->set_sender(sender);
    return request;
  }
  wire::ResponseApplySnapshotChunk apply(std::uint32_t index, Bytes chunk, const std::string& sender = kPeer) {
    return ask(*sync, piece(index, std::move(chunk), sender)).apply_snapshot_chunk();
  }
  static ChunkResult result(const wire::ResponseApplySnapshotChunk& answer) { return static_cast<ChunkResult>(answer.result()); }
  void apply_all(const wire::Snapshot& snapshot) {
    for (std::uint32_t i = 0; i < snapshot.chunks(); ++i)
      ASSERT_EQ(result(apply(i, source.chunk(snapshot.height(), i))), ChunkResult::accept) << i;
  }

  World world{20261122};
  std::mt19937_64 random{7};
  Source source{world};
  std::shared_ptr<FaultyStore> store = std::make_shared<FaultyStore>(replica::memory_ledger_store());
  StateSyncProgress progressed;
  std::vector<std::string> refusals;
  std::vector<Error> failures;
  std::unique_ptr<StateSync> sync;
};

TEST_F(StateSyncTest, SnapshotsOfTheTwoNewestHeightsAreOfferedOnceBlocksStandAboveThem) {
  ASSERT_EQ(source.offered().size(), 1u);
  const wire::Snapshot first = source.offered().front();
  EXPECT_EQ(first.height(), 10u);
  EXPECT_EQ(first.hash(), crypto::sha256(first.metadata()).bytes());
  EXPECT_GT(first.chunks(), 5u);
  run_to(23);
  EXPECT_EQ(source.offered().size(), 1u);  // that of 20 is made, but a newcomer would not find its headers yet
  run_to(34);
  ASSERT_EQ(source.offered().size(), 2u);
  EXPECT_EQ(source.offered()[0].height(), 30u);
  EXPECT_EQ(source.offered()[1].height(), 20u);
  EXPECT_TRUE(source.chunk(10, 0).empty());  // gone
  EXPECT_TRUE(source.chunk(30, 4711).empty());
  EXPECT_TRUE(source.chunk(30, 0, replica::kSnapshotFormat + 1).empty());
  EXPECT_FALSE(source.chunk(30, 0).empty());
}

TEST_F(StateSyncTest, AllNodesOfferTheSameBytesWhateverTheyBeganWith) {
  ASSERT_EQ(offer(source.offered().front()), OfferResult::accept);
  apply_all(source.offered().front());
  Source whole(world);  // has all blocks, of another process
  for (std::uint64_t height = 1; height <= 14; ++height) {
    const auto block = source.view().block({height}).value();
    whole.run({{height}, block->time, block->batches});
  }
  EXPECT_EQ(whole.offered().front().SerializeAsString(), source.offered().front().SerializeAsString());
  for (std::uint32_t i = 0; i < source.offered().front().chunks(); ++i) EXPECT_EQ(whole.chunk(10, i), source.chunk(10, i));
}

TEST_F(StateSyncTest, AfterARestartTheSameSnapshotsAreOfferedAndTaken) {
  run_to(24);
  const auto before = source.offered();
  ASSERT_EQ(before.size(), 2u);
  std::vector<Bytes> pieces;
  for (std::uint32_t i = 0; i < before.front().chunks(); ++i) pieces.push_back(source.chunk(20, i));
  source.start();
  const auto after = source.offered();
  ASSERT_EQ(after.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(after[i].SerializeAsString(), before[i].SerializeAsString());
  for (std::uint32_t i = 0; i < before.front().chunks(); ++i) EXPECT_EQ(source.chunk(20, i), pieces[i]);
  ASSERT_EQ(offer(after.front()), OfferResult::accept);
  apply_all(after.front());
  EXPECT_EQ(sync->replica()->view().app_hash(), source.point({20})->app_hash);
}

// Its time would not be that of the header which proves the rest.
TEST_F(StateSyncTest, ABlockWhoseTimeIsNotItsHeadersHasNoSnapshot) {
  run_to(19);
  source.run(world.next_block(source.view(), {}, 1), 1);  // the header stands in the millisecond of the one before
  run_to(24);
  ASSERT_EQ(source.offered().size(), 1u);
  EXPECT_EQ(source.offered().front().height(), 10u);
}

TEST_F(StateSyncTest, OverSocketsAnEmptyNodeBecomesOneThatExecutesWhatTheOthersDo) {
  char pattern[] = "/tmp/careledger-sync-XXXXXX";
  const std::string folder = ::mkdtemp(pattern);
  auto server = SocketServer::listen({.path = folder + "/application.sock"}, *sync);
  ASSERT_TRUE(server) << server.error().message;
  FakeEngine engine;
  engine.connect(folder + "/application.sock");
  EXPECT_EQ(engine.info().info().last_block_height(), 0);
  const wire::Snapshot snapshot = source.offered().front();
  EXPECT_EQ(engine.snapshot().ask(offer_of(snapshot)).offer_snapshot().result(), 1);
  EXPECT_EQ(progressed.chunks, snapshot.chunks());
  for (std::uint32_t i = 0; i < snapshot.chunks(); ++i)
    EXPECT_EQ(engine.snapshot().ask(piece(i, source.chunk(10, i))).apply_snapshot_chunk().result(), 1);
  EXPECT_EQ(engine.info().info().last_block_height(), 10);
  EXPECT_EQ(engine.info().info().last_block_app_hash(), source.point({10})->app_hash.bytes());
  for (std::uint64_t height = 11; height <= 14; ++height) {
    const auto block = source.view().block({height}).value();
    engine.finalize(block->batches, static_cast<std::int64_t>(height), block->time);
    engine.commit();
    EXPECT_EQ(engine.info().info().last_block_app_hash(), source.point({height})->app_hash.bytes()) << height;
  }
  EXPECT_EQ(sync->replica()->view().first_height().value, 11u);
  (*server)->stop();
  std::filesystem::remove_all(folder);
}

// As an engine does: the lowest piece that is missing, from whoever was not named as a liar yet.
TEST_F(StateSyncTest, WrongPiecesAreFetchedAgainFromSomebodyElse) {
  const wire::Snapshot snapshot = source.offered().front();
  World elsewhere(5);
  Source strangers(elsewhere);
  while (strangers.view().height().value < kEvery) strangers.run(elsewhere.next_block(strangers.view(), {}));
  const std::map<std::string, std::function<Bytes(std::uint32_t)>> liars = {
      {"nothing", [](std::uint32_t) { return Bytes(); }},
      {"garbage", [](std::uint32_t) { return Bytes(1000, 'x'); }},
      {"truncated", [&](std::uint32_t i) { return source.chunk(10, i).substr(0, 1000); }},
      {"flipped",
       [&](std::uint32_t i) {
         Bytes bad = source.chunk(10, i);
         bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
         return bad;
       }},
      {"another", [&](std::uint32_t i) { return source.chunk(10, (i + 1) % snapshot.chunks()); }},
      {"of another ledger", [&](std::uint32_t) { return strangers.chunk(10, 0); }},
      {"huge", [](std::uint32_t) { return Bytes(replica::kSnapshotChunkBytesMax + 1, 'x'); }},
  };
  ASSERT_EQ(offer(snapshot), OfferResult::accept);
  std::set<std::string> named;
  std::set<std::uint32_t> had;
  for (std::uint32_t i = 0; i < snapshot.chunks(); i = static_cast<std::uint32_t>(had.size())) {
    const auto liar = std::ranges::find_if(liars, [&named](const auto& one) { return !named.contains(one.first); });
    const bool lies = i % 2 == 1 && liar != liars.end();
    const auto answer = lies ? apply(i, liar->second(i), liar->first) : apply(i, source.chunk(10, i));
    if (!lies) {
      ASSERT_EQ(result(answer), ChunkResult::accept);
      had.insert(i);
      continue;
    }
    ASSERT_EQ(result(answer), ChunkResult::retry) << liar->first;
    ASSERT_EQ(answer.refetch_chunks_size(), 1);
    EXPECT_EQ(answer.refetch_chunks(0), i);
    ASSERT_EQ(answer.reject_senders_size(), 1);
    EXPECT_EQ(answer.reject_senders(0), liar->first);
    named.insert(liar->first);
  }
  EXPECT_EQ(named.size(), liars.size());
  EXPECT_EQ(refusals.size(), liars.size());
  EXPECT_EQ(sync->replica()->view().app_hash(), source.point({10})->app_hash);
}

TEST_F(StateSyncTest, RepeatedAndReorderedPiecesAreNobodysFault) {
  const wire::Snapshot snapshot = source.offered().front();
  ASSERT_EQ(offer(snapshot), OfferResult::accept);
  const auto early = apply(2, source.chunk(10, 2));
  EXPECT_EQ(result(early), ChunkResult::retry);
  EXPECT_EQ(early.reject_senders_size() + early.refetch_chunks_size(), 0);
  for (std::uint32_t i = 0; i < snapshot.chunks(); ++i) {
    EXPECT_EQ(result(apply(i, source.chunk(10, i))), ChunkResult::accept);
    EXPECT_EQ(result(apply(i, source.chunk(10, i))), ChunkResult::accept);
    EXPECT_EQ(result(apply(0, "whatever")), ChunkResult::accept);  // it is there already
  }
  EXPECT_EQ(sync->replica()->view().app_hash(), source.point({10})->app_hash);
  EXPECT_TRUE(refusals.empty());
}

TEST_F(StateSyncTest, WhatIsNotOfTheTrustedHeaderIsNotBegunWith) {
  const wire::Snapshot good = source.offered().front();
  const auto changed = [&good](const std::function<void(wire::Snapshot&)>& change) {
    wire::Snapshot snapshot = good;
    change(snapshot);
    return snapshot;
  };
  const auto with_header = [&](const std::function<void(replica::SnapshotHeader&)>& change) {
    replica::SnapshotHeader header;
    EXPECT_TRUE(header.ParseFromString(good.metadata()));
    change(header);
    return changed([&header](wire::Snapshot& snapshot) {
      snapshot.set_metadata(header.SerializeAsString());
      snapshot.set_hash(crypto::sha256(snapshot.metadata()).bytes());
    });
  };
  using Snapshot = wire::Snapshot;
  using Header = replica::SnapshotHeader;
  EXPECT_EQ(offer(changed([](Snapshot& one) { one.set_format(replica::kSnapshotFormat + 1); })), OfferResult::reject_format);
  EXPECT_EQ(offer(with_header([](Header& header) { header.set_format(replica::kSnapshotFormat + 1); })), OfferResult::reject_sender);
  EXPECT_EQ(offer(changed([](Snapshot& one) { one.set_height(4711); })), OfferResult::reject);  // from the future
  EXPECT_EQ(offer(changed([](Snapshot& one) { one.set_hash(Bytes(32, 'h')); })), OfferResult::reject_sender);
  EXPECT_EQ(offer(changed([](Snapshot& one) { one.set_chunks(one.chunks() + 1); })), OfferResult::reject_sender);
  EXPECT_EQ(offer(changed([](Snapshot& one) { one.set_height(11); })), OfferResult::reject_sender);  // another height's rows
  EXPECT_EQ(offer(with_header([](Header& header) { header.mutable_tip()->set_time_ms(1); })), OfferResult::reject_sender);
  EXPECT_EQ(offer(with_header([](Header& header) { header.mutable_tip()->set_ledger(Bytes(32, 'l')); })), OfferResult::reject_sender);
  EXPECT_EQ(offer(with_header([](Header& header) { header.mutable_tip()->set_state_root(Bytes(32, 's')); })), OfferResult::reject_sender);
  EXPECT_EQ(offer(with_header([](Header& header) { header.clear_chunk_starts(); })), OfferResult::reject_sender);
  EXPECT_EQ(offer(with_header([](Header& header) { header.clear_log_pieces(); })), OfferResult::reject_sender);
  using Piece = replica::LogPiece;
  for (const std::function<void(Piece&)>& change : std::vector<std::function<void(Piece&)>>{
           [](Piece& piece) { piece.add_peaks(Bytes(32, 'p')); }, [](Piece& piece) { piece.set_peaks(0, Bytes(32, 'p')); },
           [](Piece& piece) { piece.set_peaks(0, "short"); }, [](Piece& piece) { piece.add_path(Bytes(32, 'p')); },
           [](Piece& piece) { piece.add_path("short"); }, [](Piece& piece) { piece.set_until(piece.until() + 1); },
           [](Piece& piece) { piece.set_until(0); }, [](Piece& piece) { piece.set_until(UINT64_MAX); }})
    EXPECT_EQ(offer(with_header([&change](Header& header) { change(*header.mutable_log_pieces(0)); })), OfferResult::reject_sender);
  wire::Request forked = offer_of(good);
  forked.mutable_offer_snapshot()->set_app_hash(Bytes(32, 'a'));
  EXPECT_EQ(ask(*sync, forked).offer_snapshot().result(), 3);
  EXPECT_NE(refusals.back().find("another header than we were"), std::string::npos);
  EXPECT_EQ(result(apply(0, source.chunk(10, 0))), ChunkResult::reject_snapshot);  // none was accepted
  EXPECT_EQ(offer(good), OfferResult::accept);
  apply_all(good);
}

TEST_F(StateSyncTest, AnInterruptedLoadIsNoLedgerAndIsBegunAgain) {
  const wire::Snapshot old = source.offered().front();
  ASSERT_EQ(offer(old), OfferResult::accept);
  for (std::uint32_t i = 0; i + 1 < old.chunks(); ++i) ASSERT_EQ(result(apply(i, source.chunk(10, i))), ChunkResult::accept);
  sync = make_sync(store);  // another process
  const auto opened = replica::Replica::open(replica::test::config_of(world), store, contracts::all());
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("begin it again"), std::string::npos) << opened.error().message;
  run_to(24);
  const wire::Snapshot snapshot = source.offered().front();
  ASSERT_EQ(snapshot.height(), 20u);
  ASSERT_EQ(offer(snapshot), OfferResult::accept);
  ASSERT_EQ(result(apply(0, source.chunk(20, 0))), ChunkResult::accept);
  ASSERT_EQ(offer(snapshot), OfferResult::accept);  // the same process, another try
  apply_all(snapshot);
  EXPECT_EQ(sync->replica()->view().app_hash(), source.point({20})->app_hash);
}

TEST_F(StateSyncTest, UntilItIsThereNothingIsExecutedAndAfterwardsNothingIsLoaded) {
  wire::Request filter, check, list, load, finalize;
  filter.mutable_query()->set_path(std::string("/p2p/filter/id/") + kPeer);
  check.mutable_check_tx()->set_tx("transaction");
  list.mutable_list_snapshots();
  load.mutable_load_snapshot_chunk()->set_height(10);
  finalize.mutable_finalize_block()->set_height(1);
  EXPECT_EQ(ask(*sync, filter).query().code(), 0u);
  filter.mutable_query()->set_path("/p2p/filter/id/" + std::string(40, 'b'));
  EXPECT_NE(ask(*sync, filter).query().code(), 0u);
  EXPECT_NE(ask(*sync, check).check_tx().code(), 0u);
  EXPECT_EQ(ask(*sync, list).list_snapshots().snapshots_size(), 0);
  EXPECT_TRUE(ask(*sync, load).load_snapshot_chunk().chunk().empty());
  EXPECT_EQ(sync->handle(finalize).error().kind, ErrorKind::conflict);
  EXPECT_EQ(sync->replica(), nullptr);
  const wire::Snapshot snapshot = source.offered().front();
  ASSERT_EQ(offer(snapshot), OfferResult::accept);
  apply_all(snapshot);
  EXPECT_EQ(sync->handle(offer_of(snapshot)).error().kind, ErrorKind::conflict);
  EXPECT_EQ(sync->replica()->view().height().value, 10u);
}

TEST_F(StateSyncTest, AFailedDiskStopsTheEngineAndIsTold) {
  const wire::Snapshot snapshot = source.offered().front();
  ASSERT_EQ(offer(snapshot), OfferResult::accept);
  store->fail_next_write(Fault::before_write);
  EXPECT_EQ(sync->handle(piece(0, source.chunk(10, 0))).error().kind, ErrorKind::storage);
  ASSERT_EQ(failures.size(), 1u);
}

}  // namespace
}  // namespace careledger::ordering::abci
