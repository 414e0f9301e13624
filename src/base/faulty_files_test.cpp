#include "base/faulty_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/clock.h"

namespace careledger {
namespace {

class FaultyFilesTest : public testing::Test {
 protected:
  FaultyFilesTest()
      : folder_((std::filesystem::temp_directory_path() / ("careledger-files-" + to_hex(system_entropy().take(8)))).string()) {
    EXPECT_TRUE(files_.make_folder(folder_));
  }
  ~FaultyFilesTest() override { std::filesystem::remove_all(folder_); }
  Bytes contents() { return files_.read_all(folder_ + "/a", 1000).value(); }
  std::unique_ptr<File> opened() { return std::move(files_.open(folder_ + "/a", true).value()); }

  FaultyFiles files_{system_files()};
  std::string folder_;
};

TEST_F(FaultyFilesTest, UnsyncedBytesAreLostWithTheMachineOnly) {
  auto file = opened();
  ASSERT_TRUE(file->append("kept"));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(file->append("lost"));
  file.reset();
  ASSERT_TRUE(files_.restart(FaultyFiles::Loss::none, 1));
  EXPECT_EQ(contents(), "keptlost");
  file = opened();
  ASSERT_TRUE(file->append("more"));
  file.reset();
  ASSERT_TRUE(files_.restart(FaultyFiles::Loss::unsynced, 1));
  EXPECT_EQ(contents(), "keptlost");
}

TEST_F(FaultyFilesTest, TornWritesLeaveABeginning) {
  bool partial = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto file = opened();
    ASSERT_TRUE(file->truncate(0));
    ASSERT_TRUE(file->append("kept"));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(file->append(Bytes(100, 'x')));
    file.reset();
    ASSERT_TRUE(files_.restart(FaultyFiles::Loss::torn, seed));
    EXPECT_EQ(contents().substr(0, 4), "kept");
    EXPECT_LE(contents().size(), 104u);
    partial = partial || (contents().size() > 4 && contents().size() < 104);
  }
  EXPECT_TRUE(partial);
}

TEST_F(FaultyFilesTest, StopsAtTheStepAndReplacesWholeOrNotAtAll) {
  ASSERT_TRUE(files_.replace(folder_ + "/a", "old"));
  for (const std::uint64_t ahead : {1u, 2u}) {
    files_.stop_at_step(files_.steps() + ahead);
    EXPECT_EQ(files_.replace(folder_ + "/a", "new").error().kind, ErrorKind::storage);
    EXPECT_EQ(files_.remove(folder_ + "/a").error().kind, ErrorKind::storage);
    ASSERT_TRUE(files_.restart(FaultyFiles::Loss::unsynced, 1));
    EXPECT_EQ(contents(), "old");
  }
  ASSERT_TRUE(files_.replace(folder_ + "/a", "new"));
  EXPECT_EQ(contents(), "new");
}

TEST_F(FaultyFilesTest, ReportsFailedSyncsAndAFullDisk) {
  auto file = opened();
  ASSERT_TRUE(file->append("x"));
  files_.fail_next_sync();
  EXPECT_EQ(file->sync().error().kind, ErrorKind::storage);
  files_.set_free_bytes(3);
  EXPECT_TRUE(file->append("abc"));
  EXPECT_EQ(file->append("d").error().kind, ErrorKind::storage);
}

}  // namespace
}  // namespace careledger
