#include "vault/keystore.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "base/files.h"
#include "base/test_folder.h"
#include "vault/key_tree.h"
#include "vault/keystore_file.h"
#include "vault/shred.h"

namespace careledger::vault {
namespace {

constexpr crypto::PasswordCost kCheap{1, 64};

class KeystoreTest : public ::testing::Test {
 protected:
  TestFolder folder;
  ManualClock clock;
  Entropy& entropy = system_entropy();
  std::string path = folder.path() + "/data/keystore";
  std::string key_path = folder.path() + "/outside/key";

  void SetUp() override { ASSERT_TRUE(system_files().make_folder(folder.path() + "/data")); }
  Seal key_file() {
    auto seal = Seal::key_file(key_path, folder.path() + "/data", true, entropy);
    EXPECT_TRUE(seal) << seal.error().message;
    return std::move(*seal);
  }
};

TEST_F(KeystoreTest, KeysSurviveReopeningUnderTheSameKeyFile) {
  const Seal seal = key_file();
  Bytes files_key;
  crypto::PublicKey command;
  crypto::SealingKey opening;
  {
    auto keys = Keystore::create(path, seal, clock, entropy);
    ASSERT_TRUE(keys) << keys.error().message;
    files_key = (*keys)->symmetric(Purpose::files)->view();
    command = (*keys)->signing(Purpose::command)->public_key();
    opening = (*keys)->opening()->public_key();
  }
  auto keys = Keystore::open(path, *Seal::key_file(key_path, folder.path() + "/data", false, entropy), clock, entropy);
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ((*keys)->symmetric(Purpose::files)->view(), files_key);
  EXPECT_EQ((*keys)->signing(Purpose::command)->public_key(), command);
  EXPECT_EQ((*keys)->opening()->public_key(), opening);
  EXPECT_EQ((*keys)->inventory().size(), 3u);
}

TEST_F(KeystoreTest, EveryPurposeHasAKeyOfItsOwn) {
  auto keys = Keystore::in_memory(clock, entropy);
  std::set<Bytes> seen;
  for (const Purpose purpose : {Purpose::command, Purpose::batch, Purpose::http_signature, Purpose::promise, Purpose::cosign}) {
    EXPECT_TRUE(seen.insert(keys->signing(purpose)->public_key().bytes()).second);
  }
  EXPECT_TRUE(seen.insert(keys->signing(Purpose::trust, "a")->public_key().bytes()).second);
  EXPECT_TRUE(seen.insert(keys->signing(Purpose::trust, "b")->public_key().bytes()).second);
}

TEST_F(KeystoreTest, AWrongPassphraseIsToldApartFromDamage) {
  ASSERT_TRUE(Keystore::create(path, Seal::passphrase("correct horse", kCheap), clock, entropy));
  auto wrong = Keystore::open(path, Seal::passphrase("battery staple", kCheap), clock, entropy);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::wrong_key);
  EXPECT_NE(wrong.error().message.find("passphrase"), std::string::npos);
  EXPECT_TRUE(Keystore::open(path, Seal::passphrase("correct horse", kCheap), clock, entropy));
  auto other = Keystore::open(path, key_file(), clock, entropy);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::wrong_key);
}

TEST_F(KeystoreTest, EveryFlippedByteIsRefused) {
  const Seal seal = key_file();
  ASSERT_TRUE((*Keystore::create(path, seal, clock, entropy))->symmetric(Purpose::files));
  const Bytes good = *system_files().read_all(path, 1 << 20);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x40);
    ASSERT_TRUE(system_files().replace(path, bad));
    EXPECT_FALSE(Keystore::open(path, seal, clock, entropy)) << "byte " << i;
  }
}

TEST_F(KeystoreTest, ANewerFormatIsRefusedByName) {
  const Seal seal = key_file();
  ASSERT_TRUE(Keystore::create(path, seal, clock, entropy));
  Bytes file = *system_files().read_all(path, 1 << 20);
  file[std::string_view("careledger-keystore").size() + 1] = 2;
  ASSERT_TRUE(system_files().replace(path, file));
  auto opened = Keystore::open(path, seal, clock, entropy);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::newer_format);
}

TEST_F(KeystoreTest, TheKeyFileMustLieOutsideAndBePrivate) {
  auto inside = Seal::key_file(folder.path() + "/data/sub/key", folder.path() + "/data", true, entropy);
  ASSERT_FALSE(inside);
  EXPECT_EQ(inside.error().kind, ErrorKind::forbidden);
  key_file();
  ASSERT_EQ(::chmod(key_path.c_str(), 0640), 0);
  auto open_to_group = Seal::key_file(key_path, folder.path() + "/data", false, entropy);
  ASSERT_FALSE(open_to_group);
  EXPECT_EQ(open_to_group.error().kind, ErrorKind::forbidden);
  auto absent = Seal::key_file(folder.path() + "/outside/none", folder.path() + "/data", false, entropy);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::not_found);
}

TEST_F(KeystoreTest, ASystemdCredentialOpensUnattended) {
  ASSERT_TRUE(system_files().make_folder(folder.path() + "/credentials"));
  ASSERT_TRUE(system_files().replace(folder.path() + "/credentials/careledger", Bytes(48, 'k')));
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_EQ(Seal::credential("careledger").error().kind, ErrorKind::not_found);
  ::setenv("CREDENTIALS_DIRECTORY", (folder.path() + "/credentials").c_str(), 1);
  ASSERT_TRUE(Keystore::create(path, *Seal::credential("careledger"), clock, entropy));
  EXPECT_TRUE(Keystore::open(path, *Seal::credential("careledger"), clock, entropy));
  EXPECT_EQ(Keystore::describe(path)->method, "credential");
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_F(KeystoreTest, AnotherSealTakesOverAndTheOldOneNoLongerOpens) {
  const Seal file = key_file();
  auto keys = Keystore::create(path, file, clock, entropy);
  const Bytes key(keys.value()->symmetric(Purpose::audit)->view());
  ASSERT_TRUE((*keys)->seal_under(Seal::passphrase("new", kCheap)));
  EXPECT_EQ(Keystore::open(path, file, clock, entropy).error().kind, ErrorKind::wrong_key);
  auto again = Keystore::open(path, Seal::passphrase("new", kCheap), clock, entropy);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->symmetric(Purpose::audit)->view(), key);
}

TEST_F(KeystoreTest, APreparedKeyIsUsedByNobodyUntilItIsMadeCurrent) {
  const Seal seal = key_file();
  auto keys = std::move(*Keystore::create(path, seal, clock, entropy));
  const crypto::PublicKey old = keys->signing(Purpose::command)->public_key();
  const crypto::PublicKey next = keys->signing(Purpose::command, kNextKey)->public_key();
  const crypto::SealingKey opening = keys->opening()->public_key();
  const crypto::SealingKey next_opening = keys->opening(kNextKey)->public_key();
  EXPECT_NE(opening.bytes(), next_opening.bytes());
  keys = std::move(*Keystore::open(path, seal, clock, entropy));
  EXPECT_EQ(keys->signing(Purpose::command)->public_key(), old);
  EXPECT_EQ(keys->signing(Purpose::command, kNextKey)->public_key(), next) << "the same one again after a crash";
  EXPECT_TRUE(*keys->make_current(Purpose::command, next.view()));
  EXPECT_TRUE(*keys->make_current(Purpose::opening, next_opening.bytes()));
  EXPECT_FALSE(*keys->make_current(Purpose::batch, next.view())) << "a key has one purpose";
  keys = std::move(*Keystore::open(path, seal, clock, entropy));
  EXPECT_EQ(keys->signing(Purpose::command)->public_key(), next);
  EXPECT_EQ(keys->opening()->public_key(), next_opening);
  EXPECT_FALSE(keys->holds(Purpose::command, kNextKey));
  EXPECT_TRUE(*keys->make_current(Purpose::command, old.view())) << "back, for a ledger that is older";
  EXPECT_EQ(keys->signing(Purpose::command)->public_key(), old);
  EXPECT_EQ(keys->inventory().size(), 4u);
}

TEST_F(KeystoreTest, APromotedSymmetricKeyForgetsTheOneBefore) {
  const Seal seal = key_file();
  auto keys = std::move(*Keystore::create(path, seal, clock, entropy));
  const Bytes old(keys->symmetric(Purpose::files)->view());
  ASSERT_TRUE(keys->promote(Purpose::files)) << "nothing was prepared";
  EXPECT_EQ(keys->symmetric(Purpose::files)->view(), old);
  const Bytes next(keys->symmetric(Purpose::files, kNextKey)->view());
  ASSERT_TRUE(keys->promote(Purpose::files));
  keys = std::move(*Keystore::open(path, seal, clock, entropy));
  EXPECT_EQ(keys->symmetric(Purpose::files)->view(), next);
  EXPECT_EQ(keys->inventory().size(), 1u);
}

TEST_F(KeystoreTest, APromotedValidatorKeyForgetsTheOneBefore) {
  const Seal seal = key_file();
  auto keys = std::move(*Keystore::create(path, seal, clock, entropy));
  ASSERT_TRUE(keys->signing(Purpose::validator));
  clock.advance_ms(1000);
  const auto next = keys->signing(Purpose::validator, kNextKey)->public_key();
  const BlockTime made = clock.now();
  clock.advance_ms(1000);
  ASSERT_TRUE(keys->promote(Purpose::validator));
  keys = std::move(*Keystore::open(path, seal, clock, entropy));
  EXPECT_EQ(keys->signing(Purpose::validator)->public_key(), next);
  EXPECT_FALSE(keys->holds(Purpose::validator, kNextKey));
  const auto all = keys->inventory();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].created, made);
}

TEST_F(KeystoreTest, RotationKeepsTheOldKeyAsRetired) {
  auto keys = Keystore::in_memory(clock, entropy);
  const auto first = keys->signing(Purpose::http_signature)->public_key();
  clock.advance_ms(1000);
  const auto second = keys->rotate_signing(Purpose::http_signature)->public_key();
  EXPECT_EQ(keys->signing(Purpose::http_signature)->public_key(), second);
  const auto all = keys->inventory();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(all[0].retired);
  EXPECT_EQ(all[0].public_key, first.view());
  EXPECT_FALSE(all[1].retired);
}

TEST_F(KeystoreTest, TheProcessCannotBeDumped) {
  EXPECT_TRUE(harden_process());
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // the sanitizers' leak check needs it
}

TEST(Shred, AFolderOfKeysLeavesNoByteOfThemBehind) {
  TestFolder folder;
  const std::string doomed = folder.path() + "/keys";
  ASSERT_TRUE(system_files().make_folder(doomed + "/deeper"));
  const Bytes secret(10'000, 's');
  std::vector<std::string> kept;  // a second name for the same blocks: what a search of the disk would find
  for (const std::string& name : {doomed + "/keystore", doomed + "/deeper/keys.1"}) {
    ASSERT_TRUE(system_files().replace(name, secret));
    kept.push_back(folder.path() + "/kept" + std::to_string(kept.size()));
    std::filesystem::create_hard_link(name, kept.back());
  }
  const auto shredded = shred_folder(doomed);
  ASSERT_TRUE(shredded) << shredded.error().message;
  EXPECT_FALSE(system_files().exists(doomed));
  for (const std::string& name : kept) EXPECT_EQ(*system_files().read_all(name, 1 << 20), Bytes(10'000, '\0'));
  EXPECT_TRUE(shred_folder(doomed)) << "nothing is there";
}

TEST(KeystoreLimit, AKeyMoreThanCanBeReadIsRefused) {
  const TestFolder folder;
  ManualClock clock;
  Entropy& entropy = system_entropy();
  const std::string path = folder.path() + "/keystore";
  const Seal seal = Seal::passphrase("p", {1, 64});
  ASSERT_TRUE(Keystore::create(path, seal, clock, entropy));
  const KeystoreHeader header = *read_keystore_header(*system_files().read_all(path, 1 << 20), nullptr);
  const crypto::Secret wrap = *crypto::key_from_passphrase("p", header.salt, header.cost, 32);
  std::vector<Slot> slots(kSlotsMax);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    slots[i].purpose = Purpose::trust;
    slots[i].label = std::to_string(i);
    slots[i].key = crypto::Secret(32);
  }
  ASSERT_TRUE(system_files().replace(path, write_keystore(header, wrap, slots, entropy)));
  const auto keys = Keystore::open(path, seal, clock, entropy);
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ((*keys)->signing(Purpose::promise).error().kind, ErrorKind::too_large);
  EXPECT_TRUE(Keystore::open(path, seal, clock, entropy)) << "and what is there stays readable";
}

}  // namespace
}  // namespace careledger::vault
