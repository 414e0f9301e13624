// A wallet's seeds, its key and its passphrase stay in locked memory, whatever is done with the file.
#include <gtest/gtest.h>

#include "apps/wallet_file.h"
#include "crypto/secret_file.h"
#include "crypto/secret_text.h"
#include "crypto/test_memory.h"
#include "crypto/test_nothing_freed.h"
#include "vault/test_folder.h"

namespace careledger::apps {
namespace {

std::vector<std::size_t> copies_after_use(const std::string& path, const WalletSeal& seal, std::vector<crypto::Secret> needles) {
  auto file = WalletFile::create(path, seal, system_entropy());
  EXPECT_TRUE(file) << file.error().message;
  if (seal.passphrase_file.empty()) needles.push_back(*crypto::read_secret_file(path + ".key", 32));
  for (const std::string label : {"North", "South", R"(with "seed":" in it)"}) {
    const auto key = file->add_key(label);
    EXPECT_TRUE(key);
    needles.push_back((*key)->key.seed().clone());
    needles.push_back((*key)->witness().seed().clone());
    needles.push_back(crypto::secret_to_hex((*key)->key.seed()));
  }
  auto again = WalletFile::open(path, seal, system_entropy());
  EXPECT_TRUE(again) << again.error().message;
  for (const WalletKey& key : file->wallet().keys)
    EXPECT_EQ(again->wallet().by_label(key.label)->key.public_key(), key.key.public_key()) << key.label;
  EXPECT_TRUE(again->save());
  return crypto::copies_outside(needles);
}

TEST(WalletMemory, HasNoSeedOutsideOfSecrets) {
  const crypto::NothingIsFreed kept;
  const vault::TestFolder folder;
  EXPECT_EQ(copies_after_use(folder.path() + "/me.wallet", {}, {}), std::vector<std::size_t>(10));
}

TEST(WalletMemory, HasNoPassphraseOutsideOfSecrets) {
  const crypto::NothingIsFreed kept;
  const vault::TestFolder folder;
  std::vector<crypto::Secret> needles;
  needles.push_back(crypto::secret_to_hex(crypto::Secret::random(system_entropy(), 32)));
  const std::string passphrase = folder.path() + "/passphrase";
  ASSERT_TRUE(system_files().replace(passphrase, needles[0].view()));
  EXPECT_EQ(copies_after_use(folder.path() + "/me.wallet", {passphrase, {}}, std::move(needles)), std::vector<std::size_t>(10));
}

}  // namespace
}  // namespace careledger::apps
