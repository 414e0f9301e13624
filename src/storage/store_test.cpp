#include "storage/store.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/clock.h"
#include "base/files.h"
#include "storage/encrypted_files.h"
#include "storage/reserve.h"

namespace careledger::storage {
namespace {

constexpr Column kA{0};
constexpr Column kB{1};

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("careledger-store-" + to_hex(system_entropy().take(8)))) {}
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::map<std::string, std::string> contents(const Folder& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    std::ifstream in(entry.path(), std::ios::binary);
    out[entry.path()] = std::string((std::istreambuf_iterator<char>(in)), {});
  }
  return out;
}

StoreOptions options_in(const Folder& folder) {
  StoreOptions options;
  options.folder = folder.path();
  options.columns = {{"a"}, {"b"}};
  options.format = "test";
  return options;
}

std::unique_ptr<Store> opened(const StoreOptions& options) {
  auto store = open_rocks_store(options);
  if (!store) {
    ADD_FAILURE() << store.error().message;
    return nullptr;
  }
  return std::move(*store);
}

enum class Kind { memory, rocks, encrypted };

class StoreTest : public testing::TestWithParam<Kind> {
 protected:
  StoreTest() : root_(crypto::Secret::random(system_entropy(), 32)) { reopen(); }
  void reopen() {
    StoreOptions options = options_in(folder_);
    store_.reset();
    if (GetParam() == Kind::encrypted) options.disk = encrypted_disk(root_, system_entropy());
    store_ = GetParam() == Kind::memory ? open_memory_store(options) : opened(options);
  }
  void put(Column column, ByteView key, ByteView value) {
    Batch batch;
    batch.put(column, key, value);
    ASSERT_TRUE(store_->write(batch, Durability::synced));
  }
  Folder folder_;
  crypto::Secret root_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(EachStore, StoreTest, testing::Values(Kind::memory, Kind::rocks, Kind::encrypted));

TEST_P(StoreTest, KeepsColumnsApart) {
  put(kA, "k", "1");
  put(kB, "k", "2");
  EXPECT_EQ(store_->get(kA, "k").value(), "1");
  EXPECT_EQ(store_->get(kB, "k").value(), "2");
  EXPECT_EQ(store_->get(kA, "x").value(), std::nullopt);
}

TEST_P(StoreTest, AnswersSeveralKeysInTheOrderAsked) {
  put(kA, "1", "one");
  put(kA, "3", "three");
  const std::vector<ByteView> keys = {"3", "2", "1"};
  const auto values = store_->multi_get(kA, keys).value();
  ASSERT_EQ(values.size(), 3u);
  EXPECT_EQ(values[0], "three");
  EXPECT_EQ(values[1], std::nullopt);
  EXPECT_EQ(values[2], "one");
}

TEST_P(StoreTest, LaterEntriesOfABatchWin) {
  Batch batch;
  batch.put(kA, "k", "1");
  batch.erase(kA, "k");
  batch.put(kA, "l", "1");
  batch.put(kA, "l", "2");
  ASSERT_TRUE(store_->write(batch, Durability::buffered));
  EXPECT_EQ(store_->get(kA, "k").value(), std::nullopt);
  EXPECT_EQ(store_->get(kA, "l").value(), "2");
}

TEST_P(StoreTest, SnapshotsDoNotMove) {
  put(kA, "k", "1");
  const auto before = store_->snapshot();
  const auto walk = store_->iterate(kA, Range::all());
  put(kA, "k", "2");
  put(kA, "l", "3");
  EXPECT_EQ(before->get(kA, "k").value(), "1");
  EXPECT_EQ(before->get(kA, "l").value(), std::nullopt);
  int rows = 0;
  for (walk->seek_first(); walk->valid(); walk->next()) ++rows;
  EXPECT_EQ(rows, 1);
}

// Every way of moving agrees with a sorted map, for every range, at every key and between keys.
TEST_P(StoreTest, WalksRangesBothWays) {
  std::map<Bytes, Bytes> model;
  Batch batch;
  for (const char* key : {"a", "b", "ba", "bb", "b\xff", "c", "d\xff\xff", "e"}) {
    model[key] = key;
    batch.put(kA, key, key);
  }
  ASSERT_TRUE(store_->write(batch, Durability::buffered));
  const std::vector<Range> ranges = {Range::all(), Range::prefix("b"), Range::prefix("d\xff"), {"b", "c"}, {"bb", ""},
                                     {"x", "y"},   {"c", "c"}};
  const std::vector<Bytes> probes = {"", "a", "b", "b0", "bb", "b\xff\xff", "c", "d", "f", "\xff"};
  for (const Range& range : ranges) {
    std::map<Bytes, Bytes> inside;
    for (const auto& [key, value] : model)
      if (key >= range.from && (range.until.empty() || key < range.until)) inside[key] = value;
    const auto at = store_->iterate(kA, range);
    std::vector<Bytes> forward;
    for (at->seek_first(); at->valid(); at->next()) forward.emplace_back(at->key());
    std::vector<Bytes> backward;
    for (at->seek_last(); at->valid(); at->prev()) backward.insert(backward.begin(), Bytes(at->key()));
    std::vector<Bytes> expected;
    for (const auto& row : inside) expected.push_back(row.first);
    EXPECT_EQ(forward, expected);
    EXPECT_EQ(backward, expected);
    for (const Bytes& probe : probes) {
      at->seek(probe);
      const auto above = inside.lower_bound(probe);
      ASSERT_EQ(at->valid(), above != inside.end());
      if (at->valid()) EXPECT_EQ(at->key(), above->first);
      at->seek_backward(probe);
      const auto after = inside.upper_bound(probe);
      ASSERT_EQ(at->valid(), after != inside.begin());
      if (at->valid()) EXPECT_EQ(at->key(), std::prev(after)->first);
    }
    EXPECT_TRUE(at->status());
  }
}

TEST_P(StoreTest, CompactsAndMeasuresWithoutChangingRows) {
  for (int i = 0; i < 200; ++i) put(kA, "key" + std::to_string(i), Bytes(1000, 'v'));
  ASSERT_TRUE(store_->flush());
  ASSERT_TRUE(store_->compact(kA, Range::all()));
  EXPECT_TRUE(store_->verify());
  EXPECT_GT(store_->approximate_size(kA, Range::all()).value(), 0u);
  EXPECT_EQ(store_->get(kA, "key77").value(), Bytes(1000, 'v'));
}

TEST_P(StoreTest, RowsSurviveAReopen) {
  put(kA, "k", "1");
  reopen();
  if (GetParam() == Kind::memory) {  // which is for tests and throw-away ledgers
    EXPECT_EQ(store_->get(kA, "k").value(), std::nullopt);
    return;
  }
  EXPECT_EQ(store_->get(kA, "k").value(), "1");
  ASSERT_TRUE(store_->flush());
  put(kA, "k", "2");
  reopen();
  EXPECT_EQ(store_->get(kA, "k").value(), "2");
}

TEST_P(StoreTest, ACheckpointOpensByItself) {
  if (GetParam() == Kind::memory) {
    EXPECT_EQ(store_->checkpoint("x").error().kind, ErrorKind::unsupported);
    return;
  }
  put(kA, "k", "1");
  const Folder copy;
  ASSERT_TRUE(store_->checkpoint(copy.path()));
  put(kA, "k", "2");
  StoreOptions options = options_in(copy);
  if (GetParam() == Kind::encrypted) options.disk = encrypted_disk(root_, system_entropy());
  EXPECT_EQ(opened(options)->get(kA, "k").value(), "1");
}

TEST(RocksStoreTest, ASecondOwnerIsRefused) {
  const Folder folder;
  const auto first = opened(options_in(folder));
  const auto second = open_rocks_store(options_in(folder));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::unavailable);
  EXPECT_NE(second.error().message.find("another process runs on this directory"), std::string::npos);
}

TEST(RocksStoreTest, FormatsAreChecked) {
  const Folder folder;
  StoreOptions options = options_in(folder);
  options.format_version = 3;
  opened(options).reset();
  options.format_version = 2;
  EXPECT_EQ(open_rocks_store(options).error().kind, ErrorKind::newer_format);
  options.format_version = 4;
  EXPECT_EQ(open_rocks_store(options).error().kind, ErrorKind::unsupported);
  options.format_version = 3;
  options.format = "something else";
  EXPECT_EQ(open_rocks_store(options).error().kind, ErrorKind::corrupt);
}

TEST(RocksStoreTest, AbsentIsNotFoundUnlessCreating) {
  const Folder folder;
  StoreOptions options = options_in(folder);
  options.create = false;
  EXPECT_EQ(open_rocks_store(options).error().kind, ErrorKind::not_found);
}

TEST(RocksStoreTest, OpenedForReadingAloneItChangesNothingAndIsInNobodysWay) {
  const Folder folder;
  StoreOptions looking = options_in(folder);
  looking.read_only = true;
  EXPECT_EQ(open_rocks_store(looking).error().kind, ErrorKind::not_found);
  EXPECT_FALSE(std::filesystem::exists(folder.path()));
  Batch batch;
  batch.put(kA, "k", "v");
  {
    const auto store = opened(options_in(folder));
    ASSERT_TRUE(store->write(batch, Durability::synced));
    ASSERT_TRUE(store->flush());
    batch.put(kB, "only", "in the journal");
    ASSERT_TRUE(store->write(batch, Durability::synced));
  }
  std::string journal;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    if (entry.path().extension() == ".log") journal = std::max(journal, entry.path().string());
  std::ofstream(journal, std::ios::binary | std::ios::app) << "torn";  // a crash in the middle of a write
  const auto before = contents(folder);
  {
    const auto store = opened(looking);
    EXPECT_EQ(**store->get(kA, "k"), "v");
    EXPECT_EQ(**store->get(kB, "only"), "in the journal");
    EXPECT_EQ(store->write(batch, Durability::synced).error().kind, ErrorKind::unsupported);
    EXPECT_EQ(store->flush().error().kind, ErrorKind::unsupported);
  }
  EXPECT_EQ(contents(folder), before);
  const auto store = opened(looking);
  const auto owner = opened(options_in(folder));
  EXPECT_TRUE(owner->write(batch, Durability::synced));
}

TEST(EncryptedFilesTest, NothingReadableOnDiskAndTheKeyIsNeeded) {
  const Folder folder;
  const auto root = crypto::Secret::random(system_entropy(), 32);
  StoreOptions options = options_in(folder);
  options.disk = encrypted_disk(root, system_entropy());
  auto store = opened(options);
  Batch batch;
  for (int i = 0; i < 100; ++i) batch.put(kA, "needle-in-the-key-" + std::to_string(i), "needle-in-the-value");
  ASSERT_TRUE(store->write(batch, Durability::synced));
  ASSERT_TRUE(store->flush());
  ASSERT_TRUE(store->write(batch, Durability::synced));
  const auto search = [&](const std::string& needle) {
    int found = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(in)), {});
      if (bytes.find(needle) != std::string::npos) ++found;
    }
    return found;
  };
  EXPECT_GT(search("careledger/encrypted-file/1"), 3);  // the search does read the files: journal, tables, manifest, CURRENT
  EXPECT_EQ(search("needle"), 0);
  EXPECT_EQ(search("rocksdb"), 0);
  store.reset();
  options.disk = encrypted_disk(crypto::Secret::random(system_entropy(), 32), system_entropy());
  const auto refused = open_rocks_store(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::wrong_key);
}

TEST(EncryptedFilesTest, ANewRootReplacesTheOldOne) {
  const Folder folder;
  const auto old_root = crypto::Secret::random(system_entropy(), 32);
  const auto new_root = crypto::Secret::random(system_entropy(), 32);
  StoreOptions options = options_in(folder);
  options.disk = encrypted_disk(old_root, system_entropy());
  auto store = opened(options);
  Batch batch;
  batch.put(kA, "k", "v");
  ASSERT_TRUE(store->write(batch, Durability::synced));
  store.reset();
  ASSERT_TRUE(rewrap_encrypted_files(folder.path(), old_root, new_root, system_entropy()));
  ASSERT_TRUE(rewrap_encrypted_files(folder.path(), old_root, new_root, system_entropy()));  // again: nothing left to do
  EXPECT_EQ(open_rocks_store(options).error().kind, ErrorKind::wrong_key);
  options.disk = encrypted_disk(new_root, system_entropy());
  EXPECT_EQ(opened(options)->get(kA, "k").value(), "v");
}

TEST(ReserveTest, HoldsRealBlocksAndGivesThemBack) {
  const Folder folder;
  std::filesystem::create_directories(folder.path());
  Reserve reserve(folder.path(), 1u << 20);
  ASSERT_TRUE(reserve.hold());
  EXPECT_EQ(std::filesystem::file_size(folder.path() + "/reserve"), 1u << 20);
  EXPECT_TRUE(reserve.release());
  EXPECT_FALSE(reserve.release());
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/reserve"));
  EXPECT_TRUE(free_bytes(folder.path()));
}

TEST(RoomTest, OfTwoWritesThatFindTheDiskFullAtOnceEachIsToldToTryAgain) {
  const Folder folder;
  std::filesystem::create_directories(folder.path());
  Room room(folder.path(), 1u << 20, 0);
  int told = 0;
  room.on_change([&](const std::string&) { ++told; });
  ASSERT_TRUE(room.look().reserve_held);
  EXPECT_TRUE(room.give_out());  // this one gives the reserve out
  EXPECT_TRUE(room.give_out());  // and that one, which failed before it was given out, has its room too
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(Room(folder.path() + "/gone").give_out());  // nothing is held there, and nothing is free
}

// Any history of batches leaves both stores with the same rows.
RC_GTEST_PROP(StorePropertyTest, StoresAgree, ()) {
  const Folder folder;
  const auto disk = opened(options_in(folder));
  const auto memory = open_memory_store(options_in(folder));
  const auto batches = *rc::gen::container<std::vector<std::vector<std::pair<std::uint8_t, std::uint8_t>>>>(
      rc::gen::arbitrary<std::vector<std::pair<std::uint8_t, std::uint8_t>>>());
  for (const auto& changes : batches) {
    Batch batch;
    for (const auto& [key, value] : changes) {
      const Bytes name(1, static_cast<char>(key % 32));
      if (value % 3 == 0) batch.erase(kA, name);
      else batch.put(kA, name, Bytes(value, 'x'));
    }
    RC_ASSERT(disk->write(batch, Durability::buffered).has_value());
    RC_ASSERT(memory->write(batch, Durability::buffered).has_value());
  }
  const auto a = disk->iterate(kA, Range::all());
  const auto b = memory->iterate(kA, Range::all());
  for (a->seek_first(), b->seek_first(); a->valid() && b->valid(); a->next(), b->next()) {
    RC_ASSERT(a->key() == b->key());
    RC_ASSERT(a->value() == b->value());
  }
  RC_ASSERT(a->valid() == b->valid());
}

}  // namespace
}  // namespace careledger::storage
