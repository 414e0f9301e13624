// Keys stay in locked memory: after the vault, its keystore and the audit map have done everything that takes keys, none of them is found
// in the rest of this process's memory, neither in what is in use nor in what was freed.
#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "crypto/secret_file.h"
#include "crypto/test_memory.h"
#include "crypto/test_nothing_freed.h"
#include "vault/audit_file.h"
#include "vault/backup.h"
#include "vault/keystore_file.h"
#include "vault/parts.h"
#include "vault/relationships.h"
#include "vault/rewrap.h"
#include "vault/test_audit.h"
#include "vault/test_vault.h"

namespace careledger::vault {
namespace {

class KeyMemory : public VaultTest {
 protected:
  std::vector<crypto::Secret> needles;
  std::vector<std::string> names;
  std::string key_file = folder.path() + "/seal/key";
  std::string keystore_file = folder.path() + "/keystore";

  void know(const std::string& name, crypto::Secret key) {
    ASSERT_EQ(key.size(), 32u) << name;
    needles.push_back(std::move(key));
    names.push_back(name);
  }
  void know_keystore(const std::string& when) {
    for (const Purpose purpose : {Purpose::files, Purpose::records, Purpose::audit, Purpose::relationships, Purpose::backup})
      know(when + name_of(purpose), *keys->symmetric(purpose));
    know(when + "command", keys->signing(Purpose::command)->seed().clone());
    know(when + "opening", keys->opening()->bytes().clone());
  }
  void know_version(std::uint64_t number) {
    const auto secret = vault->parts().tree->secret(number);
    ASSERT_TRUE(secret);
    know("data key " + std::to_string(number), secret->data_key());
    know("salt seed " + std::to_string(number), secret->salt_seed());
  }
  void seal_under_key_file() {
    auto by_file = Seal::key_file(key_file, folder.path() + "/vault", true, entropy);
    ASSERT_TRUE(by_file) << by_file.error().message;
    ASSERT_TRUE(keys->seal_under(*by_file));
    seal = std::move(*by_file);
    const auto header = read_keystore_header(*system_files().read_all(keystore_file, 1 << 20), nullptr);
    know("key file", *crypto::read_secret_file(key_file, 32));
    know("wrapping key", crypto::hkdf_sha256(needles.back().view(), header->salt, "careledger/keystore/1", 32));
  }
  void write_read_and_prove() {
    for (int i = 1; i <= 5; ++i) {
      const std::string id = "p" + std::to_string(i);
      put("Patient", id, 1, patient_json(id, 1, "Name", "1970-01-02"));
      EXPECT_TRUE(vault->view().read("Patient", id));
      EXPECT_TRUE(vault->proof_material("Patient", id, 1));
      know_version(static_cast<std::uint64_t>(i));
    }
  }
  void hold_in_trust() {
    Relationships relationships(*vault);
    const Relationship one{entropy.take_id<RelationshipId>(), entropy.take_id<AccountId>(), "p1", true, RelationshipState::proposed};
    const TrustKey trust{crypto::SigningKey::generate(entropy), entropy.take_id<Digest>()};
    ASSERT_TRUE(relationships.put_in_trust(one, trust));
    EXPECT_EQ((*relationships.trust_key(one.id))->key.public_key(), trust.key.public_key());
    know("key in trust", trust.key.seed().clone());
  }
  void sign_and_open() {
    const auto key = keys->signing(Purpose::command);
    EXPECT_TRUE(crypto::verify(key->public_key(), "message", key->sign("message")));
    const auto opening = keys->opening();
    const auto sealed = crypto::hpke_seal(opening->public_key(), "info", "", "answer", entropy);
    EXPECT_EQ(crypto::hpke_open(*opening, *sealed, "info", ""), "answer");
  }
  void expect_no_copies(const char* after) {
    const std::vector<std::size_t> found = crypto::copies_outside(needles);
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], 0u) << names[i] << " after: " << after;
  }
};
INSTANTIATE_TEST_SUITE_P(Disk, KeyMemory, ::testing::Values(Where::disk), [](const auto&) { return "disk"; });

TEST_P(KeyMemory, HasNoKeyOutsideOfSecrets) {
  const crypto::NothingIsFreed kept;
  seal_under_key_file();
  know_keystore("first ");
  expect_no_copies("a keystore made and sealed");
  write_read_and_prove();
  expect_no_copies("records written, read and proven");
  hold_in_trust();
  sign_and_open();
  expect_no_copies("signed, opened and held in trust");
  ASSERT_TRUE(write_backup(*vault, folder.path() + "/backup"));
  ASSERT_TRUE(write_key_backup(*vault, keystore_file, folder.path() + "/key-backup"));
  expect_no_copies("backups");
  ASSERT_TRUE(vault->erase("Patient", "p3", 1));
  expect_no_copies("an erasure");
  vault.reset();
  keys = std::move(*Keystore::open(keystore_file, seal, clock, entropy));
  expect_no_copies("the keystore opened");
  open();
  EXPECT_TRUE(vault->view().read("Patient", "p1"));
  expect_no_copies("the vault opened");
  vault.reset();
  ASSERT_TRUE(rewrap({options.folder, folder.path() + "/audit"}, *keys, entropy));
  know_keystore("second ");
  expect_no_copies("fresh roots");
  EXPECT_GE(names.size(), 25u);
}

TEST_F(AuditFixture, LeavesNoKeyOutsideOfSecrets) {
  const crypto::NothingIsFreed kept;
  record(50, 5);
  open();
  record(50, 5);
  std::vector<crypto::Secret> needles;
  const auto root = keys->symmetric(Purpose::audit);
  needles.push_back(root->clone());
  needles.push_back(keys->symmetric(Purpose::audit_subject)->clone());
  const Bytes file = read_file();
  const ByteView magic = "careledger-audit";
  const crypto::Secret of_file =
      crypto::hkdf_sha256(root->view(), ByteView(file).substr(magic.size() + 2, 32), "careledger/audit-file/1", 32);
  const ByteView key_set = ByteView(file).substr(kAuditHeaderBytes + 4, 16);
  for (const ByteView info : {"careledger/audit-seal/1", "careledger/audit-salt/1"})
    needles.push_back(crypto::hkdf_sha256(of_file.view(), key_set, info, 32));
  needles.push_back(of_file.clone());
  EXPECT_EQ(crypto::copies_outside(needles), std::vector<std::size_t>(needles.size()));
}

}  // namespace
}  // namespace careledger::vault
