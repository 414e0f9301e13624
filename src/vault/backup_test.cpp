#include "vault/backup.h"

#include "base/files.h"
#include "crypto/hash.h"
#include "vault/audit.h"
#include "vault/check.h"
#include "vault/encoding.h"
#include "vault/needles.h"
#include "vault/parts.h"
#include "vault/relationships.h"
#include "vault/test_store.h"
#include "vault/test_vault.h"

namespace careledger::vault {
namespace {

// Runs something in between when a snapshot is asked for.
class SnapshotHook final : public StoreAbove {
 public:
  SnapshotHook(std::shared_ptr<storage::Store> below, const std::function<void()>& hook) : StoreAbove(std::move(below)), hook_(hook) {}
  std::shared_ptr<const storage::Reader> snapshot() const override {
    if (const auto hook = hook_) hook();
    return StoreAbove::snapshot();
  }

 private:
  const std::function<void()>& hook_;
};

class BackupTest : public VaultTest {
 protected:
  std::string data_file = folder.path() + "/data.backup";
  std::string key_file = folder.path() + "/keys.backup";

  void fill() {
    put("Patient", "p1", 1, patient_json("p1", 1, "Before", "1970-01-02"));
    put("Patient", "p1", 2, patient_json("p1", 2, "After", "1970-01-02"));
    put("Patient", "p2", 1, patient_json("p2", 1, "Other", "1970-01-02"));
    ASSERT_TRUE(Relationships(*vault).put({{}, {}, "p1", false, RelationshipState::active}));
  }
  void lose_everything() {
    vault.reset();
    keys.reset();
    std::filesystem::remove_all(options.folder);
    std::filesystem::remove(folder.path() + "/keystore");
  }
  Result<BackupReport> bring_back() {
    if (auto put_back = restore_key_backup(key_file, folder.path() + "/keystore", options.folder); !put_back) {
      return tl::make_unexpected(put_back.error());
    }
    keys = std::move(*Keystore::open(folder.path() + "/keystore", seal, clock, entropy));
    return restore_backup(data_file, options, *keys, clock, entropy);
  }
};
INSTANTIATE_TEST_SUITE_P(Disk, BackupTest, ::testing::Values(Where::disk), [](const auto&) { return "disk"; });

TEST_P(BackupTest, EverythingComesBackIndexIncluded) {
  fill();
  const auto written = write_backup(*vault, data_file);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->versions, 3u);
  ASSERT_TRUE(write_key_backup(*vault, folder.path() + "/keystore", key_file));
  const auto verified = verify_backup(data_file, organisation, *keys, options.folder, entropy);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->damaged, 0u);
  const std::uint64_t sequence = vault->view().sequence();
  lose_everything();
  const auto restored = bring_back();
  ASSERT_TRUE(restored) << restored.error().message;
  open();
  EXPECT_EQ(vault->view().sequence(), sequence);
  EXPECT_NE(vault->view().read("Patient", "p1")->body.find("After"), std::string::npos);
  EXPECT_EQ(search(vault->view(), "Patient", "family", {string_starts("after")}), std::vector<std::string>{"p1"});
  EXPECT_EQ(search(vault->view(), "Patient", "family", {string_starts("before")}), std::vector<std::string>{});
  EXPECT_EQ(search(*vault->view_at(1), "Patient", "family", {string_starts("before")}), std::vector<std::string>{"p1"});
  EXPECT_EQ(Relationships(*vault).of_patient("p1")->size(), 1u);
  EXPECT_EQ(vault->waiting_for_anchor(), 3u);
  EXPECT_TRUE(check_vault(*vault, {})->sound());
  put("Patient", "p2", 2, patient_json("p2", 2, "Goes on", "1970-01-02"));
  EXPECT_EQ(restore_backup(data_file, options, *keys, clock, entropy).error().kind, ErrorKind::conflict) << "never over something newer";
}

TEST_P(BackupTest, WhatWasStoredUnderANameIsKnownAfterwards) {
  const Digest name = crypto::sha256("a request");
  const auto store = [&](std::uint32_t version) -> Result<void> {
    CARELEDGER_TRY(auto transaction, vault->begin());
    CARELEDGER_TRY(const bool stored, transaction->stored(name));
    if (stored) return fail(ErrorKind::conflict, "");
    transaction->name(name);
    CARELEDGER_CHECK(transaction->put({"Patient", "p1", version, patient_json("p1", version, "Once", "1970-01-02")}));
    CARELEDGER_CHECK(transaction->commit());
    return {};
  };
  ASSERT_TRUE(store(1));
  EXPECT_EQ(store(2).error().kind, ErrorKind::conflict);
  ASSERT_TRUE(write_backup(*vault, data_file));
  ASSERT_TRUE(write_key_backup(*vault, folder.path() + "/keystore", key_file));
  lose_everything();
  ASSERT_TRUE(bring_back());
  open();
  EXPECT_EQ(store(2).error().kind, ErrorKind::conflict);
  EXPECT_EQ(vault->view().read_meta("Patient", "p1")->version, 1u);
}

TEST_P(BackupTest, WhatWasErasedSinceIsDeadInTheBackup) {
  fill();
  ASSERT_TRUE(vault->set_legal_hold("Patient", "p1", true));
  ASSERT_TRUE(write_backup(*vault, data_file));
  ASSERT_TRUE(write_key_backup(*vault, folder.path() + "/keystore", folder.path() + "/old-keys"));
  ASSERT_TRUE(vault->erase("Patient", "p2", 1));
  const Digest commitment = vault->untold_erasures()->front().commitment;
  ASSERT_TRUE(write_key_backup(*vault, folder.path() + "/keystore", key_file));
  const auto verified = verify_backup(data_file, organisation, *keys, options.folder, entropy);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->erased, 1u);
  lose_everything();
  const auto restored = bring_back();
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->erased, 1u);
  open();
  EXPECT_EQ(vault->view().read("Patient", "p2").error().kind, ErrorKind::gone);
  EXPECT_EQ(search(vault->view(), "Patient", "family", {string_starts("other")}), std::vector<std::string>{});
  EXPECT_TRUE(vault->view().read("Patient", "p1"));
  EXPECT_TRUE(*vault->legal_hold("Patient", "p1"));
  ASSERT_EQ(vault->untold_erasures()->size(), 1u) << "the ledger that came back with it may not know";
  EXPECT_EQ(vault->untold_erasures()->front().commitment, commitment);
}

TEST_P(BackupTest, NoNumberIsUsedTwiceAfterAnErasureOfSomethingNewer) {
  fill();
  ASSERT_TRUE(vault->set_legal_hold("Patient", "p1", true));
  ASSERT_TRUE(write_backup(*vault, data_file));
  put("Patient", "p3", 1, patient_json("p3", 1, "Newer", "1970-01-02"));
  const std::uint64_t lost = put("Patient", "p4", 1, patient_json("p4", 1, "Newest", "1970-01-02")).last_number;
  ASSERT_TRUE(vault->erase("Patient", "p3", 1));
  ASSERT_TRUE(write_key_backup(*vault, folder.path() + "/keystore", key_file));
  std::uint64_t used = lost;
  for (int restored = 0; restored < 2; ++restored) {  // the second time what was written after the first is lost as well
    lose_everything();
    ASSERT_TRUE(bring_back());
    open();
    EXPECT_TRUE(*vault->legal_hold("Patient", "p1"));
    EXPECT_EQ(vault->figures().versions, 3u);
    EXPECT_EQ(vault->waiting_for_anchor(), 3u);
    EXPECT_EQ(vault->anchor_state(lost).error().kind, ErrorKind::not_found);
    TestLedger ledger;
    TestSigner signer;
    vault->start_anchoring(ledger, signer);
    for (int i = 0; i < 3; ++i) {
      const std::string id = "again" + std::to_string(i);
      const std::uint64_t number = put("Patient", id, 1, patient_json(id, 1, "Again", "1970-01-02")).last_number;
      EXPECT_GT(number, used);
      EXPECT_EQ(anchored(number).state, Anchoring::final);
      used = number;
    }
    EXPECT_EQ(vault->waiting_for_anchor(), 0u);
    vault->stop_anchoring();
    EXPECT_EQ(anchored(3).state, Anchoring::final);
    const auto report = check_vault(*vault, {});
    EXPECT_TRUE(report->sound()) << report->findings.front().where << ": " << report->findings.front().what;
    clock.advance_ms(60'000);
  }
  reopen();
  EXPECT_EQ(vault->figures().versions, 6u);
  EXPECT_EQ(vault->waiting_for_anchor(), 0u);
}

// What is committed and anchored while the backup begins is in it whole or not at all.
TEST_P(BackupTest, NothingIsFinalThatWasNeverAnchored) {
  std::function<void()> before_snapshot;
  const auto below = options.open_store;
  vault.reset();
  std::filesystem::remove_all(options.folder);
  std::filesystem::remove(folder.path() + "/keystore");
  keys = std::move(*Keystore::create(folder.path() + "/keystore", seal, clock, entropy));
  options.open_store = [&](const storage::StoreOptions& store) -> Result<std::unique_ptr<storage::Store>> {
    return std::make_unique<SnapshotHook>(storage::open_memory_store(store), before_snapshot);
  };
  open();
  put("Patient", "p1", 1, patient_json("p1", 1, "Before", "1970-01-02"));
  TestLedger ledger;
  TestSigner signer;
  vault->start_anchoring(ledger, signer);
  before_snapshot = [&] {
    before_snapshot = {};
    EXPECT_EQ(anchored(put("Patient", "p2", 1, patient_json("p2", 1, "Meanwhile", "1970-01-02")).last_number).state, Anchoring::final);
  };
  const auto written = write_backup(*vault, data_file);
  ASSERT_TRUE(written) << written.error().message;
  vault->stop_anchoring();
  ASSERT_TRUE(write_key_backup(*vault, folder.path() + "/keystore", key_file));
  options.open_store = below;
  lose_everything();
  ASSERT_TRUE(bring_back());
  open();
  EXPECT_TRUE(vault->view().read("Patient", "p2"));
  const std::uint64_t number = put("Patient", "p3", 1, patient_json("p3", 1, "After", "1970-01-02")).last_number;
  EXPECT_EQ(vault->anchor_state(number)->state, Anchoring::pending);
}

TEST_P(BackupTest, AnAnchorOfVersionsThatAreNotThereIsRefused) {
  fill();
  AnchorRow row;
  row.state = Anchoring::final;
  row.padding_seed = Bytes(32, 's');
  row.commitments.assign(4, Digest());
  storage::Batch batch;
  batch.put(kAnchorsColumn, u64_bytes(1), encode(row));
  ASSERT_TRUE(vault->parts().store->write(batch, storage::Durability::synced));
  vault.reset();
  EXPECT_EQ(Vault::open(options, *keys, clock, entropy).error().kind, ErrorKind::corrupt);
}

TEST_P(BackupTest, ADamagedOrForeignBackupIsRefusedAndNothingIsLeftBehind) {
  fill();
  ASSERT_TRUE(write_backup(*vault, data_file));
  ASSERT_TRUE(write_key_backup(*vault, folder.path() + "/keystore", key_file));
  EXPECT_EQ(write_backup(*vault, data_file).error().kind, ErrorKind::conflict);
  auto stranger = Keystore::in_memory(clock, entropy);
  EXPECT_EQ(restore_backup(data_file, {folder.path() + "/elsewhere", organisation}, *stranger, clock, entropy).error().kind,
            ErrorKind::wrong_key);
  const Bytes good = *system_files().read_all(data_file, 1 << 24);
  lose_everything();
  for (const std::size_t at : {std::size_t{3}, good.size() / 2, good.size() - 1}) {
    Bytes bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    ASSERT_TRUE(system_files().replace(data_file, bad));
    EXPECT_FALSE(bring_back()) << at;
    EXPECT_FALSE(system_files().exists(options.folder + "/store"));
    std::filesystem::remove_all(options.folder);
    std::filesystem::remove(folder.path() + "/keystore");
  }
  ASSERT_TRUE(system_files().replace(data_file, good.substr(0, good.size() - 40)));
  EXPECT_FALSE(bring_back()) << "cut short";
}

TEST_P(BackupTest, TheAuditFileIsCopiedAndChecked) {
  AuditOptions accesses;
  accesses.folder = folder.path() + "/audit";
  auto audit = std::move(*AuditMap::open(accesses, *keys, system_files(), clock, entropy));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(audit->append_and_wait({{}, AuditKind::start, {}, "a", "r", "HOPERAT", {}, {}, {}, 0, {}}));
  const std::string copy = folder.path() + "/audit.backup";
  EXPECT_EQ(*write_audit_backup(*audit, copy), 3u);
  EXPECT_EQ(*verify_audit_backup(copy, *keys), 3u);
  audit.reset();
  std::filesystem::remove_all(accesses.folder);
  ASSERT_TRUE(system_files().make_folder(accesses.folder));
  std::filesystem::rename(copy, accesses.folder + "/audit.log");
  audit = std::move(*AuditMap::open(accesses, *keys, system_files(), clock, entropy));
  EXPECT_EQ(audit->size(), 3u);
}

// Nothing under the folder may be read without the keys: not in tables, journals, logs, backups or the audit file.
TEST_P(BackupTest, NoPlainTextAnywhereOnDisk) {
  const auto needles = Needles::of({"Featherstonehaugh", "1970-01-02", "MRN-patient-17", "patient-17xx", "Practitioner/secretive"});
  AuditOptions accesses;
  accesses.folder = folder.path() + "/audit";
  auto audit = std::move(*AuditMap::open(accesses, *keys, system_files(), clock, entropy));
  put("Patient", "patient-17xx", 1, patient_json("patient-17xx", 1, "Featherstonehaugh", "1970-01-02"));
  for (int i = 0; i < 50; ++i)
    put("Patient", "p" + std::to_string(i), 1, patient_json("p" + std::to_string(i), 1, "Featherstonehaugh", "1970-01-02"));
  ASSERT_TRUE(Relationships(*vault).put({{}, {}, "patient-17xx", false, RelationshipState::active}));
  ASSERT_TRUE(audit->append_and_wait({audit->subject_of("patient-17xx"),
                                      AuditKind::read,
                                      {},
                                      "Practitioner/secretive",
                                      "clinician",
                                      "TREAT",
                                      {},
                                      "Patient",
                                      "patient-17xx",
                                      1,
                                      {}}));
  ASSERT_TRUE(write_backup(*vault, data_file));
  ASSERT_TRUE(write_key_backup(*vault, folder.path() + "/keystore", key_file));
  for (int closed = 0; closed < 2; ++closed) {
    const auto hits = needles->search_folder(folder.path());
    ASSERT_TRUE(hits) << hits.error().message;
    for (const NeedleHit& hit : *hits) ADD_FAILURE() << hit.file << " at " << hit.offset << " " << hit.encoding << " " << hit.needle;
    ASSERT_TRUE(vault->parts().store->flush());
    if (closed == 0) audit.reset();
  }
  EXPECT_GT(needles->bytes_searched(), 10'000u);
  ASSERT_TRUE(system_files().replace(folder.path() + "/planted", Needles::planted("Featherstonehaugh")));
  EXPECT_EQ(needles->search_folder(folder.path())->size(), Needles::encodings()) << "the search itself works";
}

}  // namespace
}  // namespace careledger::vault
