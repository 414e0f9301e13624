// Stores on a disk that fails: whatever happens, after the restart every acknowledged synced write is there, whole, and nothing is half
// there.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/clock.h"
#include "base/test_stride.h"
#include "storage/encrypted_files.h"
#include "storage/faulty_disk.h"
#include "storage/reserve.h"

namespace careledger::storage {
namespace {

constexpr Column kRows{0};
constexpr Column kCounts{1};

std::filesystem::path fast_folder() {  // in memory where there is such a place: these tests need no real disk
  const std::filesystem::path memory = "/dev/shm";
  return std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
}

class Bench {  // one store on one faulty disk, opened as often as needed
 public:
  explicit Bench(bool encrypted)
      : folder_(fast_folder() / ("careledger-faults-" + to_hex(system_entropy().take(8)))),
        root_(crypto::Secret::random(system_entropy(), 32)),
        encrypted_(encrypted) {}
  ~Bench() {
    store.reset();
    std::filesystem::remove_all(folder_);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  Result<void> open() {
    store.reset();
    StoreOptions options;
    options.folder = folder_.string();
    options.columns = {{"a"}, {"b"}};
    options.format = "test";
    options.write_buffer_bytes = 256u << 10;  // so that files are flushed within a test
    options.room = room;
    options.disk = encrypted_ ? encrypted_disk(root_, system_entropy(), disk.layer()) : disk.layer();
    auto opened = open_rocks_store(options);
    if (!opened) return tl::make_unexpected(opened.error());
    store = std::move(*opened);
    return {};
  }
  // Batch n puts one row in each column and counts itself; both or neither must be found.
  Result<void> write(std::uint32_t n) {
    Batch batch;
    batch.put(kRows, u32_bytes(n), Bytes(row_bytes, static_cast<char>(n)));
    batch.put(kCounts, "count", u32_bytes(n));
    return store->write(batch, Durability::synced);
  }
  std::uint32_t count() {
    const auto value = store->get(kCounts, "count").value();
    if (!value) return 0;
    ByteView bytes = *value;
    return *take_u32(bytes);
  }
  void expect_whole(std::uint32_t acknowledged) {
    const std::uint32_t found = count();
    EXPECT_GE(found, acknowledged);
    EXPECT_LE(found, acknowledged + 1);  // one that was on its way may have arrived
    for (std::uint32_t n = 1; n <= found; ++n) ASSERT_EQ(store->get(kRows, u32_bytes(n)).value(), Bytes(row_bytes, static_cast<char>(n)));
    ASSERT_EQ(store->get(kRows, u32_bytes(found + 1)).value(), std::nullopt);
  }
  std::filesystem::path folder() const { return folder_; }

  FaultyDisk disk;
  std::shared_ptr<Room> room;
  std::unique_ptr<Store> store;
  std::size_t row_bytes = 2000;

 private:
  std::filesystem::path folder_;
  crypto::Secret root_;
  bool encrypted_;
};

void flip_bit(const std::filesystem::path& path, std::uint64_t at, int bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(file.get());
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ (1 << bit)));
}

class CrashTest : public testing::TestWithParam<std::tuple<bool, Loss>> {};
INSTANTIATE_TEST_SUITE_P(Faults, CrashTest, testing::Combine(testing::Bool(), testing::Values(Loss::none, Loss::unsynced, Loss::torn)));

TEST_P(CrashTest, AtAnyStepNothingAcknowledgedIsLostOrHalfThere) {
  const auto [encrypted, loss] = GetParam();
  constexpr std::uint32_t kWrites = 50;
  constexpr std::size_t kRowBytes = 8000;  // so that few writes fill files
  std::uint64_t steps = 0;
  {
    Bench rehearsal(encrypted);
    rehearsal.row_bytes = kRowBytes;
    ASSERT_TRUE(rehearsal.open());
    for (std::uint32_t n = 1; n <= kWrites; ++n) ASSERT_TRUE(rehearsal.write(n));
    steps = rehearsal.disk.steps();
  }
  ASSERT_GT(steps, 100u);
  for (std::uint64_t step = 1; step < steps; step += kTestStride) {
    Bench bench(encrypted);
    bench.row_bytes = kRowBytes;
    bench.disk.stop_at_step(step);
    std::uint32_t acknowledged = 0;
    if (bench.open()) {
      while (acknowledged < kWrites && bench.write(acknowledged + 1)) ++acknowledged;
      if (acknowledged < kWrites) {
        EXPECT_FALSE(bench.write(acknowledged + 1));  // a failed write is not followed by a good one
        EXPECT_EQ(bench.write(acknowledged + 1).error().kind, ErrorKind::storage);
      }
    }
    bench.store.reset();
    bench.disk.restart(loss, step);
    const auto opened = bench.open();
    ASSERT_TRUE(opened) << "step " << step << ": " << opened.error().message;
    bench.expect_whole(acknowledged);
    ASSERT_TRUE(bench.write(bench.count() + 1));
  }
}

// The reserve is used instead: nothing fails, and records are refused from then on.
TEST(FaultsTest, OnAFullDiskTheReserveIsUsed) {
  Bench bench(true);
  std::filesystem::create_directories(bench.folder());
  const auto room = std::make_shared<Room>(bench.folder().string(), 1u << 20, 0);
  ASSERT_TRUE(room->look().accepting);
  bench.room = room;
  ASSERT_TRUE(bench.open());
  std::vector<std::string> told;
  room->on_change([&](const std::string& what) {
    told.push_back(what);
    bench.disk.set_unlimited();  // what giving the reserve out does to a real disk
  });
  ASSERT_TRUE(bench.write(1));
  bench.disk.set_free_bytes(20'000);
  for (std::uint32_t n = 2; n <= 40; ++n) ASSERT_TRUE(bench.write(n)) << n;
  ASSERT_EQ(told.size(), 1u);
  EXPECT_FALSE(room->accepting());
  bench.store.reset();
  bench.disk.restart(Loss::none, 1);
  ASSERT_TRUE(bench.open());
  bench.expect_whole(40);
  EXPECT_TRUE(room->look().accepting);  // there is room again
}

TEST(FaultsTest, AFailedSyncIsFinalAndTheWriteIsNotClaimed) {
  Bench bench(false);
  ASSERT_TRUE(bench.open());
  ASSERT_TRUE(bench.write(1));
  bench.disk.fail_next_sync();
  EXPECT_EQ(bench.write(2).error().kind, ErrorKind::storage);
  EXPECT_EQ(bench.write(2).error().kind, ErrorKind::storage);  // though the disk would work again
  bench.store.reset();
  bench.disk.restart(Loss::unsynced, 1);
  ASSERT_TRUE(bench.open());
  bench.expect_whole(1);
}

TEST(FaultsTest, AFullDiskSaysSoAndKeepsWhatIsThere) {
  Bench bench(true);
  ASSERT_TRUE(bench.open());
  ASSERT_TRUE(bench.write(1));
  bench.disk.set_free_bytes(20'000);
  std::uint32_t acknowledged = 1;
  Result<void> last;
  while ((last = bench.write(acknowledged + 1))) ++acknowledged;
  EXPECT_GT(acknowledged, 3u);
  EXPECT_EQ(last.error().kind, ErrorKind::storage);
  EXPECT_NE(last.error().message.find("disk is full"), std::string::npos) << last.error().message;
  EXPECT_EQ(bench.store->get(kRows, u32_bytes(1)).value(), Bytes(2000, '\1'));  // reading goes on
  bench.store.reset();
  bench.disk.restart(Loss::none, 1);
  ASSERT_TRUE(bench.open());
  bench.expect_whole(acknowledged);
}

// One flipped bit anywhere: the store refuses to open, or refuses to read, and names the file; it never answers something else.
TEST(FaultsTest, AFlippedBitIsFoundAndNamed) {
  int found = 0;
  int harmless = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Bench bench(false);
    ASSERT_TRUE(bench.open());
    for (std::uint32_t n = 1; n <= 100; ++n) ASSERT_TRUE(bench.write(n));
    if (seed % 2 == 0) ASSERT_TRUE(bench.store->flush());
    bench.store.reset();
    bench.disk.restart(Loss::none, seed);
    std::mt19937_64 random(seed);
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(bench.folder())) {
      const std::string name = entry.path().filename().string();
      const bool log = name.starts_with("LOG") || name.starts_with("OPTIONS") || name == "LOCK" || name == "IDENTITY";
      if (!log && entry.file_size() > 0) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    const auto& path = files[random() % files.size()];
    const std::uint64_t at = random() % std::filesystem::file_size(path);
    flip_bit(path, at, static_cast<int>(random() % 8));
    const auto opened = bench.open();
    const auto verified = opened ? bench.store->verify() : opened;
    if (!opened || !verified) {
      const Error& error = opened ? verified.error() : opened.error();
      EXPECT_TRUE(error.kind == ErrorKind::corrupt || error.kind == ErrorKind::storage) << error.message;
      EXPECT_NE(error.message.find(bench.folder().string()), std::string::npos);
      ++found;
      continue;
    }
    // Only the very last record of a journal can vanish without a trace here: it cannot be told from a torn end.
    const std::uint32_t count = bench.count();
    EXPECT_GE(count, 99u) << path << " byte " << at;
    for (std::uint32_t n = 1; n <= count; ++n) ASSERT_EQ(bench.store->get(kRows, u32_bytes(n)).value(), Bytes(2000, static_cast<char>(n)));
    ++harmless;
  }
  EXPECT_GT(found, 30);
  RecordProperty("harmless", harmless);
}

// What was synced is not a torn end, even if it is the very last record.
TEST(FaultsTest, AFlippedByteInASyncedManifestIsReported) {
  for (const bool encrypted : {false, true}) {
    for (std::uint64_t from_end = 1; from_end <= 400; from_end += from_end < 24 ? 1 : 31) {
      Bench bench(encrypted);
      ASSERT_TRUE(bench.open());
      for (std::uint32_t n = 1; n <= 20; ++n) ASSERT_TRUE(bench.write(n));
      ASSERT_TRUE(bench.store->flush());
      bench.store.reset();
      bench.disk.restart(Loss::none, 1);
      std::filesystem::path manifest;
      for (const auto& entry : std::filesystem::directory_iterator(bench.folder()))
        if (entry.path().filename().string().starts_with("MANIFEST-")) manifest = std::max(manifest, entry.path());
      const std::uint64_t size = std::filesystem::file_size(manifest);
      ASSERT_GT(size, from_end);
      flip_bit(manifest, size - from_end, 3);
      const auto opened = bench.open();
      ASSERT_FALSE(opened) << "byte " << from_end << " from the end";
      EXPECT_EQ(opened.error().kind, ErrorKind::corrupt) << opened.error().message;
      EXPECT_NE(opened.error().message.find("MANIFEST"), std::string::npos) << opened.error().message;
    }
  }
}

// Not even when the damaged byte said where the next record is.
TEST(FaultsTest, AFlippedBitAnywhereInAJournalBeforeItsLastRecordIsReported) {
  for (std::uint64_t at = 2000; at < 2400; at += kTestStride) {
    Bench bench(false);
    ASSERT_TRUE(bench.open());
    for (std::uint32_t n = 1; n <= 5; ++n) ASSERT_TRUE(bench.write(n));
    bench.store.reset();
    bench.disk.restart(Loss::none, 1);
    for (const auto& entry : std::filesystem::directory_iterator(bench.folder()))
      if (entry.path().extension() == ".log" && entry.file_size() > 0) flip_bit(entry.path(), at, static_cast<int>(at % 8));
    const auto opened = bench.open();
    ASSERT_FALSE(opened) << at;
    EXPECT_EQ(opened.error().kind, ErrorKind::corrupt) << opened.error().message;
  }
}

TEST(FaultsTest, ATruncatedFileIsFound) {
  for (const char* extension : {".sst", "MANIFEST", "CURRENT"}) {
    Bench bench(false);
    ASSERT_TRUE(bench.open());
    for (std::uint32_t n = 1; n <= 50; ++n) ASSERT_TRUE(bench.write(n));
    ASSERT_TRUE(bench.store->flush());
    bench.store.reset();
    bench.disk.restart(Loss::none, 1);
    for (const auto& entry : std::filesystem::directory_iterator(bench.folder()))
      if (entry.path().string().find(extension) != std::string::npos) std::filesystem::resize_file(entry.path(), entry.file_size() / 2);
    const auto opened = bench.open();
    if (opened && bench.store->verify()) {  // what the file had said last was not needed: everything must be there
      bench.expect_whole(50);
      EXPECT_NE(std::string(extension), ".sst");
    }
    if (!opened)
      EXPECT_TRUE(opened.error().kind == ErrorKind::corrupt || opened.error().kind == ErrorKind::storage) << opened.error().message;
  }
}

}  // namespace
}  // namespace careledger::storage
