#include "vault/newest_versions.h"

#include <array>
#include <thread>

#include "vault/test_vault.h"

namespace careledger::vault {
namespace {

using Names = std::vector<std::pair<std::string, std::string>>;

TEST(NewestVersionsTest, WhatWasFoundBeforeAWriteIsNotKeptAfterIt) {
  NewestVersions newest;
  const Bytes name = resource_prefix("Patient", "p1");
  const NewestVersions::Moment before = newest.moment();
  newest.keep(name, {1, {}}, before);
  ASSERT_EQ(newest.find(name)->version, 1u);
  newest.forget(Names{{"Patient", "p1"}});
  EXPECT_FALSE(newest.find(name));
  newest.keep(name, {1, {}}, before);  // by a reader that looked before the write
  EXPECT_FALSE(newest.find(name));
  newest.keep(name, {2, {}}, newest.moment());
  EXPECT_EQ(newest.find(name)->version, 2u);
  newest.forget_all();
  EXPECT_FALSE(newest.find(name));
}

TEST(NewestVersionsTest, AWriteLeavesOtherNamesAlone) {
  NewestVersions newest;
  newest.keep(resource_prefix("Patient", "p1"), {1, {}}, newest.moment());
  newest.forget(Names{{"Patient", "p2"}});
  EXPECT_TRUE(newest.find(resource_prefix("Patient", "p1")));
}

using NewestReadTest = VaultTest;
INSTANTIATE_TEST_SUITE_P(Stores, NewestReadTest, ::testing::Values(Where::memory, Where::disk),
                         [](const auto& which) { return which.param == Where::memory ? "memory" : "disk"; });

// Readers of one record, all the time, while it gets version after version: whoever reads after a commit sees it or a later one.
TEST_P(NewestReadTest, AReadAfterACommitNeverSeesAnOlderVersion) {
  constexpr std::uint32_t kVersions = 100;
  put("Patient", "p1", 1, patient_json("p1", 1, "A", "1970-01-02"));
  std::atomic<std::uint32_t> committed{1};
  std::atomic<std::size_t> wrong{0};
  std::array<std::thread, 3> readers;
  for (std::thread& reader : readers) {
    reader = std::thread([&] {
      while (committed < kVersions) {
        const std::uint32_t least = committed;
        const auto read = vault->view().read("Patient", "p1");
        if (!read || read->meta.version < least) ++wrong;
      }
    });
  }
  for (std::uint32_t version = 2; version <= kVersions; ++version) {
    put("Patient", "p1", version, patient_json("p1", version, "A", "1970-01-02"));
    committed = version;
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(vault->view().read("Patient", "p1")->meta.version, kVersions);
}

TEST_P(NewestReadTest, AnErasedVersionIsGoneAtOnce) {
  put("Patient", "p1", 1, patient_json("p1", 1, "A", "1970-01-02"));
  ASSERT_TRUE(vault->view().read("Patient", "p1"));
  ASSERT_TRUE(vault->erase("Patient", "p1", 1));
  EXPECT_EQ(vault->view().read("Patient", "p1").error().kind, ErrorKind::gone);
}

}  // namespace
}  // namespace careledger::vault
