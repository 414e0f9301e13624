// Snapshots that are kept on disk: by which process soever they were made, and whatever ended it.
#include "ordering/abci/snapshot_keeper.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "base/faulty_files.h"
#include "base/test_folder.h"
#include "replica/test_world.h"

namespace careledger::ordering::abci {
namespace {

using replica::test::World;

class SnapshotKeeperTest : public ::testing::Test {
 protected:
  using Heights = std::vector<std::uint64_t>;

  void SetUp() override { world.populate(*replica, 2, 20); }
  void TearDown() override { keeper.reset(); }

  // Another process: what is in the folder is all that it knows.
  void start(std::uint64_t every = 1, std::uint64_t leave_free = 0) {
    keeper.reset();
    SnapshotKeeper::Config config;
    config.every = every;
    config.folder = folder.path() + "/snapshots";
    config.chunk_bytes = 1024;
    config.leave_free = leave_free;
    config.on_fault = [this](const Error& error) { faults.push_back(error); };
    config.files = &files;
    keeper = std::make_unique<SnapshotKeeper>(std::move(config), replica->ledger(), replica->view().height());
    keeper->wait_until_made();
  }
  // A block, and its snapshot. The pieces that it must have stand in `whole`.
  std::uint64_t make() {
    world.run(*replica, {});
    const replica::View view = replica->view();
    const auto reader = replica::SnapshotReader::make(view, 1024).value();
    std::vector<Bytes>& pieces = whole[view.height().value];
    pieces = {reader.header()};
    on_disk[view.height().value] = reader.state_chunks() + 1;  // a file for the header
    for (std::size_t i = 0; i < reader.chunks(); ++i) pieces.push_back(reader.chunk(i).value());
    keeper->committed(view);
    keeper->wait_until_made();
    return view.height().value;
  }
  // Heights on offer, each with all its bytes.
  Heights offered() {
    Heights out;
    for (const auto& one : keeper->offered({UINT64_MAX})) {
      out.push_back(one->height.value);
      const std::vector<Bytes>& pieces = whole.at(out.back());
      EXPECT_EQ(one->header, pieces.front());
      EXPECT_EQ(one->chunks(), pieces.size() - 1);
      for (std::size_t i = 1; i < pieces.size(); ++i) EXPECT_EQ(chunk(out.back(), i - 1).value_or("none"), pieces[i]);
    }
    return out;
  }
  Result<Bytes> chunk(std::uint64_t height, std::size_t index) { return keeper->chunk(replica->view(), {height}, index); }
  std::vector<std::string> names() {
    const std::string path = folder.path() + "/snapshots";
    return files.exists(path) ? files.list(path).value() : std::vector<std::string>{};
  }
  std::size_t files_of(const Heights& heights) const {
    std::size_t count = 0;
    for (const std::uint64_t height : heights) count += on_disk.at(height);
    return count;
  }
  void flip(const std::string& name) {
    const std::string path = folder.path() + "/snapshots/" + name;
    Bytes bytes = files.read_all(path, 1 << 20).value();
    char& byte = bytes[random() % bytes.size()];
    byte = static_cast<char>(byte ^ 1);
    ASSERT_TRUE(files.replace(path, bytes));
  }

  World world{77};
  std::mt19937_64 random{8};
  TestFolder folder;
  FaultyFiles files{system_files()};
  std::unique_ptr<replica::Replica> replica = replica::test::open_replica(world, replica::memory_ledger_store());
  std::map<std::uint64_t, std::vector<Bytes>> whole;
  std::map<std::uint64_t, std::size_t> on_disk;  // files
  std::vector<Error> faults;
  std::unique_ptr<SnapshotKeeper> keeper;
};

TEST_F(SnapshotKeeperTest, TheNextProcessOffersWhatOneMadeAndLetsGoOfWhatIsSuperseded) {
  start();
  const std::uint64_t first = make(), second = make();
  ASSERT_GT(on_disk[first], 3u);
  ASSERT_GT(whole[first].size(), on_disk[first]);  // the log's are no files
  EXPECT_EQ(offered(), (Heights{second, first}));
  start();
  EXPECT_EQ(keeper->oldest(), Height{first});
  EXPECT_EQ(offered(), (Heights{second, first}));
  const std::uint64_t third = make();
  EXPECT_EQ(offered(), (Heights{third, second}));
  EXPECT_EQ(names().size(), files_of({third, second}));
  keeper->committed(replica->view());  // it is there
  keeper->wait_until_made();
  start();
  EXPECT_EQ(offered(), (Heights{third, second}));
  EXPECT_TRUE(faults.empty()) << faults.front().message;
}

TEST_F(SnapshotKeeperTest, WhereverAProcessDiesTheNextOneOffersWholeSnapshotsAndKeepsNoRemains) {
  for (const auto loss : {FaultyFiles::Loss::none, FaultyFiles::Loss::unsynced, FaultyFiles::Loss::torn}) {
    bool ended = false;
    for (std::uint64_t step = 1; !ended; ++step) {
      start();
      const std::uint64_t first = make(), second = make();
      const std::uint64_t from = files.steps();
      files.stop_at_step(from + step);
      const std::uint64_t third = make();
      ended = files.steps() < from + step;
      EXPECT_EQ(faults.empty(), ended);
      for (const Error& fault : faults) EXPECT_EQ(fault.kind, ErrorKind::unavailable) << fault.message;  // no reason to order no more
      faults.clear();
      keeper.reset();
      ASSERT_TRUE(files.restart(loss, step));
      start();
      const Heights there = offered();
      EXPECT_TRUE(there == (Heights{second, first}) || there == (Heights{third, second})) << step;
      EXPECT_EQ(names().size(), files_of(there)) << step;
      const std::uint64_t fourth = make();
      EXPECT_EQ(offered(), (Heights{fourth, there.front()})) << step;
      ASSERT_LT(step, 100u);
    }
  }
}

TEST_F(SnapshotKeeperTest, AByteThatChangedIsOfferedToNobody) {
  start();
  const std::size_t count = files_of({make()});
  for (std::size_t i = 0; i < count; ++i) {
    if (offered().empty()) make();
    const std::string name = names().at(i);
    flip(name);
    faults.clear();
    start();
    EXPECT_EQ(offered(), Heights()) << name;
    EXPECT_TRUE(names().empty());
    ASSERT_EQ(faults.size(), 1u);
    EXPECT_NE(faults.front().message.find(name), std::string::npos) << faults.front().message;
  }
}

TEST_F(SnapshotKeeperTest, OneThatIsDamagedBesideARunningProcessIsOfferedNoMore) {
  start();
  const std::uint64_t first = make(), second = make();
  EXPECT_EQ(chunk(first, whole[first].size() - 1).error().kind, ErrorKind::not_found);  // there is no such piece
  EXPECT_EQ(offered(), (Heights{second, first}));
  const std::vector<std::string> all = names();
  flip(all.at(1));
  EXPECT_EQ(chunk(first, 1).error().kind, ErrorKind::gone);
  EXPECT_EQ(offered(), Heights{second});
  ASSERT_TRUE(files.remove(folder.path() + "/snapshots/" + all.at(files_of({first}))));
  EXPECT_EQ(chunk(second, 0).error().kind, ErrorKind::not_found);
  EXPECT_EQ(offered(), Heights());
  EXPECT_EQ(faults.size(), 2u);
  start();
  EXPECT_TRUE(names().empty());
}

TEST_F(SnapshotKeeperTest, WhatIsOfAnotherLedgerOrAboveThisOneGoes) {
  start();
  const std::uint64_t first = make(), second = make();
  ASSERT_TRUE(replica->undo_last());
  start();
  EXPECT_EQ(offered(), Heights{first});
  EXPECT_EQ(names().size(), files_of({first}));
  World elsewhere(5);
  replica = replica::test::open_replica(elsewhere, replica::memory_ledger_store());
  while (replica->view().height().value < second) elsewhere.run(*replica, {});
  start();
  EXPECT_EQ(offered(), Heights());
  EXPECT_TRUE(names().empty());
}

TEST_F(SnapshotKeeperTest, WithoutRoomNoneIsWrittenAndNothingOfItStays) {
  start(1, UINT64_MAX / 2);
  make();
  EXPECT_EQ(offered(), Heights());
  EXPECT_TRUE(names().empty());
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults.front().kind, ErrorKind::too_large);
  EXPECT_NE(faults.front().message.find("too few to write it"), std::string::npos);
}

TEST_F(SnapshotKeeperTest, ANodeThatMakesNoneKeepsNone) {
  start();
  make();
  ASSERT_TRUE(files.replace(folder.path() + "/snapshots/notes", "somebody's"));
  start(0);
  EXPECT_EQ(names(), std::vector<std::string>{"notes"});
  EXPECT_EQ(keeper->oldest(), std::nullopt);
}

}  // namespace
}  // namespace careledger::ordering::abci
