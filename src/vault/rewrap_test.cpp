#include "vault/rewrap.h"

#include <filesystem>

#include "storage/encrypted_files.h"
#include "vault/check.h"
#include "vault/key_tree.h"
#include "vault/test_vault.h"

namespace careledger::vault {
namespace {

class RewrapTest : public VaultTest {
 protected:
  SealedFolders folders() const { return {options.folder, folder.path() + "/audit"}; }
  void expect_all_there() {
    open();
    EXPECT_NE(vault->view().read("Patient", "p1")->body.find("Kept"), std::string::npos);
    EXPECT_EQ(search(vault->view(), "Patient", "family", {string_starts("kept")}), std::vector<std::string>{"p1"});
    EXPECT_TRUE(check_vault(*vault, {})->sound());
    vault.reset();
  }
  Bytes files_root() { return Bytes(keys->symmetric(Purpose::files)->view()); }
};
INSTANTIATE_TEST_SUITE_P(Disk, RewrapTest, ::testing::Values(Where::disk), [](const auto&) { return "disk"; });

TEST_P(RewrapTest, FreshRootsLeadToTheSameRecords) {
  put("Patient", "p1", 1, patient_json("p1", 1, "Kept", "1970-01-02"));
  vault.reset();
  const Bytes before = files_root();
  const std::uint64_t generation = keys->generation(Purpose::records);
  auto older = folder.path() + "/older-keystore";
  std::filesystem::copy_file(folder.path() + "/keystore", older);
  ASSERT_TRUE(rewrap(folders(), *keys, entropy));
  EXPECT_NE(files_root(), before);
  EXPECT_EQ(keys->generation(Purpose::records), generation + 1);
  keys = std::move(*Keystore::open(folder.path() + "/keystore", seal, clock, entropy));
  expect_all_there();
  const auto old_keys = std::move(*Keystore::open(older, seal, clock, entropy));
  EXPECT_EQ(Vault::open(options, *old_keys, clock, entropy).error().kind, ErrorKind::wrong_key) << "the old roots open nothing now";
}

TEST_P(RewrapTest, WhatACrashCutOffIsEndedAtTheNextStart) {
  put("Patient", "p1", 1, patient_json("p1", 1, "Kept", "1970-01-02"));
  vault.reset();
  ASSERT_TRUE(finish_rewrap(folders(), *keys, entropy)) << "nothing was begun";
  const auto old_root = *keys->symmetric(Purpose::files);
  const auto new_root = *keys->symmetric(Purpose::files, kNextKey);  // here a crash
  keys = std::move(*Keystore::open(folder.path() + "/keystore", seal, clock, entropy));
  expect_all_there();                                                                                    // nothing was changed yet
  ASSERT_TRUE(storage::rewrap_encrypted_files(options.folder + "/store", old_root, new_root, entropy));  // here another
  keys = std::move(*Keystore::open(folder.path() + "/keystore", seal, clock, entropy));
  ASSERT_TRUE(finish_rewrap(folders(), *keys, entropy));
  EXPECT_EQ(files_root(), new_root.view());
  EXPECT_FALSE(keys->holds(Purpose::files, kNextKey));
  expect_all_there();
}

}  // namespace
}  // namespace careledger::vault
