// A wallet's seeds, its key and its passphrase stay in locked memory, whatever is done with the file.
#include <gtest/gtest.h>

#include "apps/wallet_file.h"
#include "base/test_folder.h"
#include "crypto/secret_file.h"
#include "crypto/secret_text.h"
#include "crypto/test_memory.h"
#include "crypto/test_nothing_freed.h"
#include "kernel/test_keys.h"

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
  const TestFolder folder;
  EXPECT_EQ(copies_after_use(folder.path() + "/me.wallet", {}, {}), std::vector<std::size_t>(10));
}

TEST(WalletMemory, HasNoPassphraseOutsideOfSecrets) {
  const crypto::NothingIsFreed kept;
  const TestFolder folder;
  std::vector<crypto::Secret> needles;
  needles.push_back(crypto::secret_to_hex(crypto::Secret::random(system_entropy(), 32)));
  const std::string passphrase = folder.path() + "/passphrase";
  ASSERT_TRUE(system_files().replace(passphrase, needles[0].view()));
  EXPECT_EQ(copies_after_use(folder.path() + "/me.wallet", {passphrase, {}}, std::move(needles)), std::vector<std::size_t>(10));
}

TEST(WalletText, OfNodesReadsBackWithItsKeys) {
  Wallet wallet;
  wallet.ledger = std::string(64, 'a');
  for (int i = 0; i < 3; ++i) {
    wallet.keys.push_back(WalletKey{
        "key " + std::to_string(i), kernel::test_key(static_cast<std::uint8_t>(i + 1)), kernel::test_id<Digest>(7), {}, {}, 0, {}, 0, {}});
  }
  wallet.nodes["seed"] = {R"({"seed":"x"})", 5, std::string(64, 'b'), "note"};
  wallet.nodes[std::string(64, 'c')] = {"trust", 7, std::string(64, 'd'), "other"};
  const auto again = read_wallet_json(wallet_json(wallet));
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->keys.size(), 3u);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(again->keys[static_cast<std::size_t>(i)].key.public_key(), wallet.keys[static_cast<std::size_t>(i)].key.public_key());
  EXPECT_EQ(again->nodes.at("seed").trust, R"({"seed":"x"})");
  EXPECT_EQ(again->nodes.at(std::string(64, 'c')).log_size, 7u);
}

}  // namespace
}  // namespace careledger::apps
