#include "vault/key_tree.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/test_folder.h"
#include "vault/keystore.h"

namespace careledger::vault {
namespace {

class KeyTreeTest : public ::testing::Test {
 protected:
  TestFolder folder;
  ManualClock clock;
  Entropy& entropy = system_entropy();
  std::string data = folder.path() + "/data";
  std::string keystore_path = folder.path() + "/keystore";
  Seal seal = Seal::passphrase("p", {1, 64});

  std::unique_ptr<Keystore> keystore() {
    auto keys = system_files().exists(keystore_path) ? Keystore::open(keystore_path, seal, clock, entropy)
                                                     : Keystore::create(keystore_path, seal, clock, entropy);
    EXPECT_TRUE(keys) << keys.error().message;
    return std::move(*keys);
  }
  static Bytes key_of(const KeyTree& tree, std::uint64_t number) { return Bytes(tree.secret(number)->data_key().view()); }
};

TEST_F(KeyTreeTest, SecretsDifferAndSurviveReopening) {
  Bytes first, far;
  {
    auto keys = keystore();
    auto tree = KeyTree::open(data, *keys, entropy);
    ASSERT_TRUE(tree) << tree.error().message;
    first = key_of(**tree, 1);
    far = key_of(**tree, (std::uint64_t{1} << 40) - 1);
    EXPECT_NE(first, far);
    EXPECT_NE(first, (*tree)->secret(1)->salt_seed().view());
    EXPECT_EQ((*tree)->secret(std::uint64_t{1} << 40).error().kind, ErrorKind::invalid);
  }
  auto keys = keystore();
  auto tree = KeyTree::open(data, *keys, entropy);
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(key_of(**tree, 1), first);
  EXPECT_EQ(key_of(**tree, (std::uint64_t{1} << 40) - 1), far);
}

TEST_F(KeyTreeTest, AnErasedVersionIsGoneAndAllOthersStay) {
  auto keys = keystore();
  auto tree = KeyTree::open(data, *keys, entropy);
  std::vector<Bytes> before;
  for (std::uint64_t n = 0; n < 600; ++n) before.push_back(key_of(**tree, n));
  ASSERT_TRUE((*tree)->erase(300));
  ASSERT_TRUE((*tree)->erase(301));
  ASSERT_TRUE((*tree)->erase(0));
  ASSERT_TRUE((*tree)->erase(300)) << "again is fine";
  keys = keystore();
  tree = KeyTree::open(data, *keys, entropy);
  ASSERT_TRUE(tree) << tree.error().message;
  for (std::uint64_t n = 0; n < 600; ++n) {
    const bool gone = n == 300 || n == 301 || n == 0;
    EXPECT_EQ((*tree)->erased(n), gone) << n;
    auto secret = (*tree)->secret(n);
    if (gone) {
      EXPECT_EQ(secret.error().kind, ErrorKind::gone);
    } else {
      EXPECT_EQ(secret->data_key().view(), before[n]) << n;
    }
  }
  EXPECT_LE((*tree)->pages(), 3u * 40u);
}

TEST_F(KeyTreeTest, OldPagesDoNotOpenAfterAnErasure) {
  auto keys = keystore();
  auto tree = KeyTree::open(data, *keys, entropy);
  const std::string old_path = data + "/keys." + std::to_string((*tree)->generation());
  const Bytes old_pages = *system_files().read_all(old_path, 1 << 20);
  ASSERT_TRUE((*tree)->erase(7));
  EXPECT_FALSE(system_files().exists(old_path));
  // Somebody brings the old pages back from a backup, under either name: the root that opened them is no more.
  ASSERT_TRUE(system_files().replace(data + "/keys." + std::to_string((*tree)->generation()), old_pages));
  keys = keystore();
  auto opened = KeyTree::open(data, *keys, entropy);
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().kind == ErrorKind::wrong_key || opened.error().kind == ErrorKind::corrupt);
}

TEST_F(KeyTreeTest, ACrashBeforeTheKeystoreIsWrittenChangesNothing) {
  auto keys = keystore();
  auto tree = KeyTree::open(data, *keys, entropy);
  const Bytes key = key_of(**tree, 5);
  // What an interrupted erasure leaves: pages of the next generation that no keystore knows.
  const std::string stray = data + "/keys." + std::to_string((*tree)->generation() + 1);
  ASSERT_TRUE(system_files().replace(stray, "half an erasure"));
  keys = keystore();
  tree = KeyTree::open(data, *keys, entropy);
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(key_of(**tree, 5), key);
  EXPECT_FALSE(system_files().exists(stray));
}

TEST_F(KeyTreeTest, RotationKeepsEverySecret) {
  auto keys = keystore();
  auto tree = KeyTree::open(data, *keys, entropy);
  const Bytes key = key_of(**tree, 99);
  const std::uint64_t generation = (*tree)->generation();
  ASSERT_TRUE((*tree)->rotate());
  EXPECT_EQ((*tree)->generation(), generation + 1);
  keys = keystore();
  tree = KeyTree::open(data, *keys, entropy);
  ASSERT_TRUE(tree);
  EXPECT_EQ(key_of(**tree, 99), key);
}

}  // namespace
}  // namespace careledger::vault
