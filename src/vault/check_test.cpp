#include "vault/check.h"

#include <fstream>
#include <future>

#include "vault/audit_entry.h"
#include "vault/audit_file.h"
#include "vault/insider.h"
#include "vault/layout.h"
#include "vault/parts.h"
#include "vault/test_vault.h"

namespace careledger::vault {
namespace {

class CheckTest : public VaultTest {
 protected:
  TestLedger ledger;
  TestSigner signer;

  void SetUp() override {
    VaultTest::SetUp();
    put("Patient", "p1", 1, patient_json("p1", 1, "Old", "1970-01-02"));
    put("Patient", "p1", 2, patient_json("p1", 2, "New", "1970-01-02"));
    put("Patient", "p1", 3, patient_json("p1", 3, "Old", "1970-01-02"));
    put("Patient", "p2", 1, patient_json("p2", 1, "Other", "1971-01-02"));
    {
      auto transaction = std::move(*vault->begin());
      EXPECT_TRUE(transaction->remove("Patient", "p2"));
      EXPECT_TRUE(transaction->commit());
    }
    vault->start_anchoring(ledger, signer);
    anchored(5);
  }
  CheckReport check(CheckOptions how = {}) {
    auto report = check_vault(*vault, how);
    EXPECT_TRUE(report) << report.error().message;
    return std::move(*report);
  }
  void write(storage::Column column, const Bytes& key, const Bytes& value) {
    storage::Batch batch;
    batch.put(column, key, value);
    ASSERT_TRUE(vault->parts().store->write(batch, storage::Durability::synced));
  }
  Bytes row(storage::Column column, const Bytes& key) { return **vault->parts().store->get(column, key); }
};
INSTANTIATE_TEST_SUITE_P(Stores, CheckTest, ::testing::Values(Where::memory, Where::disk),
                         [](const auto& which) { return which.param == Where::memory ? "memory" : "disk"; });

TEST_P(CheckTest, ASoundVaultHasNoFindings) {
  const CheckReport report = check();
  for (const CheckFinding& finding : report.findings) ADD_FAILURE() << finding.store << ": " << finding.where << ": " << finding.what;
  EXPECT_EQ(report.versions, 5u);
  EXPECT_GE(report.anchors, 1u);
  EXPECT_GT(report.index_rows, 8u);
}

TEST_P(CheckTest, AnErasedVersionIsNoFinding) {
  ASSERT_TRUE(vault->erase("Patient", "p1", 2));
  const CheckReport report = check();
  for (const CheckFinding& finding : report.findings) ADD_FAILURE() << finding.store << ": " << finding.where << ": " << finding.what;
  EXPECT_EQ(report.erased, 1u);
}

TEST_P(CheckTest, AnEditedBodyIsNamed) {
  Bytes body = row(kBodiesColumn, u64_bytes(2));
  body.back() = static_cast<char>(body.back() ^ 1);
  write(kBodiesColumn, u64_bytes(2), body);
  const CheckReport report = check();
  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings[0].store, "records");
  EXPECT_EQ(report.findings[0].where, "Patient/p1/_history/2");
}

TEST_P(CheckTest, ABodySealedAnewByWhoeverHasTheKeysIsNamedAllTheSame) {
  const BodyName name{"Patient", "p1", 3, 3};
  const BodyContent forged{{"p1"}, patient_json("p1", 3, "Forged", "1970-01-02")};
  write(kBodiesColumn, u64_bytes(3), seal_body(organisation, name, forged, *vault->parts().tree->secret(3), entropy));
  const CheckReport report = check();
  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings.size(), 1u);  // its index rows are not blamed for it
  EXPECT_EQ(report.findings[0].where, "Patient/p1/_history/3");
  EXPECT_NE(report.findings[0].what.find("committed"), std::string::npos);
}

TEST_P(CheckTest, IndexRowsAddedChangedOrGoneAreNamedWithoutTheirValues) {
  write(kIndexColumn, index_key("Patient", "family", "planted", "p1", 1), {});
  CheckReport report = check();
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].store, "index");
  EXPECT_EQ(report.findings[0].where, "Patient?family of Patient/p1");
  EXPECT_EQ(report.findings[0].what.find("planted"), std::string::npos);

  const auto rows = vault->parts().store->iterate(kIndexColumn, storage::Range::prefix(parameter_prefix("Patient", "identifier")));
  rows->seek_first();
  ASSERT_TRUE(rows->valid());
  storage::Batch batch;
  batch.erase(kIndexColumn, rows->key());
  batch.erase(kIndexColumn, index_key("Patient", "family", "planted", "p1", 1));
  ASSERT_TRUE(vault->parts().store->write(batch, storage::Durability::synced));
  report = check();
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].where, "Patient?identifier of Patient/p1");
}

TEST_P(CheckTest, AnchorsAreComparedWithTheLedger) {
  CheckOptions options;
  const auto known = ledger.commands();
  options.on_ledger = [&](const Digest& command, Height, std::uint32_t) -> Result<bool> {
    return std::any_of(known.begin(), known.end(), [&](const auto& one) { return one.digest == command; });
  };
  EXPECT_TRUE(check(options).sound());
  options.on_ledger = [](const Digest&, Height, std::uint32_t) -> Result<bool> { return false; };
  EXPECT_FALSE(check(options).sound());
  AnchorRow anchor = *decode_anchor_row(row(kAnchorsColumn, u64_bytes(1)));
  anchor.commitments[0] = entropy.take_id<Digest>();
  write(kAnchorsColumn, u64_bytes(1), encode(anchor));
  const CheckReport report = check();
  EXPECT_TRUE(std::any_of(report.findings.begin(), report.findings.end(), [](const auto& finding) { return finding.store == "anchors"; }));
}

TEST_P(CheckTest, AuditEntriesAreComparedWithTheHeadOnTheLedger) {
  AuditOptions options;
  auto audit = std::move(*AuditMap::open(options, *keys, system_files(), clock, entropy));
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(audit->append_and_wait({audit->subject_of("p1"), AuditKind::read, {}, "a", "r", "TREAT", {}, {}, {}, 0, {}}));
  audit->start_heads(ledger, signer);
  std::promise<AuditHead> told;
  audit->wait_for_head(5, [&](const Result<AuditHead>& head) { told.set_value(*head); });
  const AuditHead head = told.get_future().get();
  careledger::ledger::AccessHead on_ledger;
  on_ledger.set_map_root(head.map_root.bytes());
  on_ledger.set_log_root(head.log_root.bytes());
  on_ledger.set_size(head.size);
  CheckOptions how;
  how.access_head = [&]() -> Result<std::optional<careledger::ledger::AccessHead>> { return on_ledger; };
  EXPECT_TRUE(check_audit(*audit, how)->sound());
  EXPECT_EQ(check_audit(*audit, how)->audit_entries, 5u);
  on_ledger.set_size(9);
  EXPECT_FALSE(check_audit(*audit, how)->sound());
  on_ledger.set_size(5);
  on_ledger.set_map_root(Bytes(32, 'x'));
  EXPECT_FALSE(check_audit(*audit, how)->sound());
}

TEST_P(CheckTest, EveryDamagedAuditEntryIsNamedAndTheRestIsStillLookedAt) {
  AuditOptions options;
  options.folder = folder.path() + "/audit";
  auto audit = std::move(*AuditMap::open(options, *keys, system_files(), clock, entropy));
  std::vector<std::uint64_t> ends{kAuditHeaderBytes};
  const std::string file = options.folder + "/audit.log";
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(audit->append_and_wait({audit->subject_of("p1"), AuditKind::read, {}, "a", "r", "TREAT", {}, {}, {}, 0, {}}));
    ends.push_back(std::filesystem::file_size(file));
  }
  Bytes bytes = *system_files().read_all(file, 1 << 20);
  for (const std::uint64_t at : {ends[1], ends[3] + 30}) bytes[at] = static_cast<char>(bytes[at] ^ 1);  // a length; what is sealed
  {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(stream.flush());
  }
  const auto report = check_audit(*audit, {});
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->findings.size(), 2u);
  EXPECT_EQ(report->findings[0].where, "audit entry 1");
  EXPECT_EQ(report->findings[1].where, "audit entry 3");
  EXPECT_EQ(report->audit_entries, 4u);
}

// What the audit map knows of the vault's versions.
class Written : public ::testing::Test {
 protected:
  TestFolder folder;
  ManualClock clock;
  std::unique_ptr<Keystore> keys = Keystore::in_memory(clock, system_entropy());
  AuditOptions options;
  std::unique_ptr<AuditMap> audit;

  void SetUp() override {
    options.folder = folder.path() + "/audit";
    open();
  }
  void open() {
    audit.reset();
    audit = std::move(*AuditMap::open(options, *keys, system_files(), clock, system_entropy()));
  }
  void record(AuditKind kind, std::uint32_t version, std::uint64_t written = 0, AuditOutcome outcome = AuditOutcome::done) {
    AuditEntry entry;
    entry.kind = kind;
    entry.outcome = outcome;
    entry.resource_type = "Observation";
    entry.resource_id = "o1";
    entry.version = version;
    entry.written = written;
    ASSERT_TRUE(audit->append_and_wait(std::move(entry)));
  }
};

TEST_F(Written, TheNewestIsKnownAfterARestartAndForgottenWithTheMap) {
  record(AuditKind::create, 1, 7);
  record(AuditKind::update, 2, 3);  // by another thread, and recorded later
  record(AuditKind::read, 2);
  open();
  EXPECT_EQ(audit->newest_written(), 7u);
  open();  // with nothing to fold
  EXPECT_EQ(audit->newest_written(), 7u);
  audit.reset();
  std::filesystem::remove_all(options.folder + "/map");
  open();
  EXPECT_EQ(audit->size(), 3u);
  EXPECT_EQ(audit->newest_written(), 0u);  // the file does not say
}

TEST_F(Written, WhatTheVaultLostSinceTheLastRestoreIsNamed) {
  CheckOptions how;
  how.in_vault = [](const std::string&, const std::string& id, std::uint32_t version) { return id == "o1" && version < 3; };
  const auto lost = [&] {
    std::vector<std::string> names;
    const auto report = check_audit(*audit, how);
    for (const CheckFinding& finding : report->findings) names.push_back(finding.where);
    return names;
  };
  record(AuditKind::create, 1);
  record(AuditKind::update, 2);
  record(AuditKind::read, 3);                              // writes nothing
  record(AuditKind::update, 4, 0, AuditOutcome::refused);  // neither does this
  EXPECT_EQ(lost(), std::vector<std::string>());
  record(AuditKind::remove, 3);
  record(AuditKind::remove, 3);  // the same, under a second patient
  EXPECT_EQ(lost(), std::vector<std::string>{"Observation/o1/_history/3"});
  record(AuditKind::restore, 0);  // its records may be of a moment before its accesses
  EXPECT_EQ(lost(), std::vector<std::string>());
}

TEST(CheckAudit, AnEntrySealedAnewByWhoeverHasTheKeysIsNamed) {
  TestFolder folder;
  ManualClock clock;
  const auto keys = Keystore::in_memory(clock, system_entropy());
  TestLedger ledger;
  TestSigner signer;
  AuditOptions options;
  options.folder = folder.path() + "/audit";
  careledger::ledger::AccessHead on_ledger;
  {
    const auto audit = std::move(*AuditMap::open(options, *keys, system_files(), clock, system_entropy()));
    for (int i = 0; i < 300; ++i) {
      AuditEntry entry;
      entry.actor = "Practitioner/1";
      ASSERT_TRUE(audit->append_and_wait(std::move(entry)));
    }
    audit->start_heads(ledger, signer);
    std::promise<Result<AuditHead>> promise;
    audit->wait_for_head(300, [&](const Result<AuditHead>& head) { promise.set_value(head); });
    const auto head = promise.get_future().get();
    ASSERT_TRUE(head);
    on_ledger.set_map_root(head->map_root.bytes());
    on_ledger.set_log_root(head->log_root.bytes());
    on_ledger.set_size(head->size);
    audit->stop_heads();
  }
  CheckOptions how;
  how.access_head = [&]() -> Result<std::optional<careledger::ledger::AccessHead>> { return on_ledger; };
  const auto check = [&] {
    const auto audit = std::move(*AuditMap::open(options, *keys, system_files(), clock, system_entropy()));
    return *check_audit(*audit, how);
  };
  EXPECT_TRUE(check().sound());
  ASSERT_TRUE(insider::rewrite_audit(options.folder + "/audit.log", *keys, [](std::uint64_t index, AuditEntry& entry) {
    if (index == 270) entry.actor = "Practitioner/2";
    return true;
  }));
  const CheckReport report = check();
  ASSERT_EQ(report.findings.size(), 2u);
  EXPECT_EQ(report.findings[0].where, "audit entry 270");
  EXPECT_EQ(report.findings[1].where, "audit head");
}

}  // namespace
}  // namespace careledger::vault
