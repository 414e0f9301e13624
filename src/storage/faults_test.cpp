// Stores on a disk that fails: whatever happens, after the restart every acknowledged synced write is there, whole, and nothing is half
// there.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/clock.h"
#include "storage/encrypted_files.h"
#include "storage/faulty_disk.h"

namespace careledger::storage {
namespace {

constexpr Column kA{0};
constexpr Column kB{1};

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
    options.disk = encrypted_ ? encrypted_disk(root_, system_entropy(), disk.layer()) : disk.layer();
    auto opened = open_rocks_store(options);
    if (!opened) return tl::make_unexpected(opened.error());
    store = std::move(*opened);
    return {};
  }
  // Batch n puts one row in each column and counts itself; both or neither must be found.
  Result<void> write(std::uint32_t n) {
    Batch batch;
    batch.put(kA, u32_bytes(n), Bytes(2000, static_cast<char>(n)));
    batch.put(kB, "count", u32_bytes(n));
    return store->write(batch, Durability::synced);
  }
  std::uint32_t count() {
    const auto value = store->get(kB, "count").value();
    if (!value) return 0;
    ByteView bytes = *value;
    return *take_u32(bytes);
  }
  void expect_whole(std::uint32_t acknowledged) {
    const std::uint32_t found = count();
    EXPECT_GE(found, acknowledged);
    EXPECT_LE(found, acknowledged + 1);  // one that was on its way may have arrived
    for (std::uint32_t n = 1; n <= found; ++n) ASSERT_EQ(store->get(kA, u32_bytes(n)).value(), Bytes(2000, static_cast<char>(n)));
    ASSERT_EQ(store->get(kA, u32_bytes(found + 1)).value(), std::nullopt);
  }
  std::filesystem::path folder() const { return folder_; }

  FaultyDisk disk;
  std::unique_ptr<Store> store;

 private:
  std::filesystem::path folder_;
  crypto::Secret root_;
  bool encrypted_;
};

class CrashTest : public testing::TestWithParam<std::tuple<bool, Loss>> {};
INSTANTIATE_TEST_SUITE_P(Faults, CrashTest, testing::Combine(testing::Bool(), testing::Values(Loss::none, Loss::unsynced, Loss::torn)));

TEST_P(CrashTest, AtAnyStepNothingAcknowledgedIsLostOrHalfThere) {
  const auto [encrypted, loss] = GetParam();
  std::uint64_t steps = 0;
  {
    Bench rehearsal(encrypted);
    ASSERT_TRUE(rehearsal.open());
    for (std::uint32_t n = 1; n <= 200; ++n) ASSERT_TRUE(rehearsal.write(n));
    steps = rehearsal.disk.steps();
  }
  ASSERT_GT(steps, 400u);
  std::mt19937_64 random(23);
  // Every one of the first steps (opening), then a sample.
  for (std::uint64_t step = 1; step < steps; step += step < 60 ? 4 : 1 + random() % 120) {
    Bench bench(encrypted);
    bench.disk.stop_at_step(step);
    std::uint32_t acknowledged = 0;
    if (bench.open()) {
      while (acknowledged < 200 && bench.write(acknowledged + 1)) ++acknowledged;
      if (acknowledged < 200) {
        EXPECT_FALSE(bench.write(acknowledged + 1));  // a failed write is not followed by a good one
        EXPECT_EQ(bench.write(acknowledged + 1).error().kind, ErrorKind::storage);
      }
    }
    bench.store.reset();
    bench.disk.restart(loss, step);
    const auto opened = bench.open();
    // Stated limit (docs/not-done.md): of an encrypted store whose MANIFEST was torn into other bytes RocksDB says that it is damaged, and
    // the store says so instead of opening.
    if (!opened && encrypted && loss == Loss::torn && opened.error().message.find("MANIFEST") != std::string::npos) {
      EXPECT_EQ(opened.error().kind, ErrorKind::corrupt);
      continue;
    }
    ASSERT_TRUE(opened) << "step " << step << ": " << opened.error().message;
    bench.expect_whole(acknowledged);
    ASSERT_TRUE(bench.write(bench.count() + 1));
  }
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
  EXPECT_EQ(bench.store->get(kA, u32_bytes(1)).value(), Bytes(2000, '\1'));  // reading goes on
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
    {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(at));
      const char byte = static_cast<char>(file.get());
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(byte ^ (1 << random() % 8)));
    }
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
    for (std::uint32_t n = 1; n <= count; ++n) ASSERT_EQ(bench.store->get(kA, u32_bytes(n)).value(), Bytes(2000, static_cast<char>(n)));
    ++harmless;
  }
  EXPECT_GT(found, 30);
  RecordProperty("harmless", harmless);
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
