#include "vault/recorded_writes.h"

#include <gtest/gtest.h>

#include "base/faulty_files.h"
#include "vault/check.h"
#include "vault/layout.h"
#include "vault/test_vault.h"

namespace careledger::vault {
namespace {

class RecordedWritesTest : public VaultTest {
 protected:
  std::unique_ptr<AuditMap> audit;
  std::unique_ptr<RecordedWrites> writes;
  AuditOptions audit_options;

  void SetUp() override {
    VaultTest::SetUp();
    audit_options.folder = folder.path() + "/audit";
    audit_options.organisation = organisation;
    open_audit();
    open_writes();
  }
  void TearDown() override {
    writes.reset();
    audit.reset();
    VaultTest::TearDown();
  }
  void open_audit(Files& files = system_files()) {
    auto opened = AuditMap::open(audit_options, *keys, files, clock, entropy);
    ASSERT_TRUE(opened) << opened.error().message;
    audit = std::move(*opened);
  }
  void open_writes() {
    auto opened = RecordedWrites::open(*vault, *audit);
    ASSERT_TRUE(opened) << opened.error().message;
    writes = std::move(*opened);
  }
  static AuditEntry entry_of(const std::string& id) {
    AuditEntry entry;
    entry.kind = AuditKind::create;
    entry.actor = "Practitioner/17";
    entry.resource_type = "Patient";
    entry.resource_id = id;
    entry.version = 1;
    return entry;
  }
  Result<RecordedCommit> write(const std::string& id) {
    CARELEDGER_TRY(auto transaction, vault->begin());
    CARELEDGER_CHECK(transaction->put({"Patient", id, 1, patient_json(id, 1, "Doe", "1980-01-01")}));
    const std::vector<Subject> subjects{audit->subject_of(id)};
    return writes->commit(*transaction, entry_of(id), subjects);
  }
  static Result<void> result_of(const RecordedCommit& written) {
    std::promise<Result<void>> promise;
    written.recording->when_done([&promise](const Result<void>& recorded) { promise.set_value(recorded); });
    return promise.get_future().get();
  }
  // The version of a patient stands once in the patient's list.
  void expect_once(const std::string& id) const {
    const auto entries = audit->entries_of(audit->subject_of(id), 0, 100);
    ASSERT_TRUE(entries);
    ASSERT_EQ(entries->size(), 1u) << id;
    EXPECT_EQ(entries->front().entry.resource_id, id);
    EXPECT_EQ(entries->front().entry.actor, "Practitioner/17");
  }
};

INSTANTIATE_TEST_SUITE_P(Disk, RecordedWritesTest, ::testing::Values(Where::disk));

TEST_P(RecordedWritesTest, WhatACrashLeftUnrecordedIsRecordedAtTheStartAndNothingTwice) {
  const auto first = write("a");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(result_of(*first));
  auto transaction = std::move(*vault->begin());  // as a process leaves it that dies between the commit and the entry
  ASSERT_TRUE(transaction->put({"Patient", "b", 1, patient_json("b", 1, "Roe", "1981-01-01")}));
  // The rows that `a` and `b` left: the first one was appended and not cleared, the other one was not appended.
  transaction->owe(encode(OwedRow{audit->size(), entry_of("b"), {audit->subject_of("b")}}), {});
  ASSERT_TRUE(transaction->commit());
  transaction.reset();
  EXPECT_TRUE(check_recorded(*vault, *audit, {})->sound()) << "it is owed";
  open_writes();
  expect_once("a");
  expect_once("b");
  open_writes();
  expect_once("b");
  const auto report = check_recorded(*vault, *audit, {});
  EXPECT_TRUE(report->sound());
  EXPECT_EQ(report->versions, 2u);
}

TEST_P(RecordedWritesTest, AFullQueueRefusesTheWriteBeforeItIsStored) {
  writes.reset();
  audit.reset();
  audit_options.queue_max = 4;
  open_audit();
  open_writes();
  {
    const auto places = audit->reserve(4);
    ASSERT_TRUE(places);
    EXPECT_EQ(write("a").error().kind, ErrorKind::busy);
    EXPECT_EQ(audit->append_and_wait(entry_of("a")).error().kind, ErrorKind::busy);
    EXPECT_EQ(vault->view().read("Patient", "a").error().kind, ErrorKind::not_found);
    EXPECT_EQ(vault->figures().versions, 0u);
  }
  const auto written = write("a");  // the places were given back
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_TRUE(result_of(*written));
  expect_once("a");
}

TEST_P(RecordedWritesTest, WhatADiskDidNotTakeIsRecordedWithTheNextWrite) {
  writes.reset();
  audit.reset();
  FaultyFiles files(system_files());
  open_audit(files);
  open_writes();
  files.set_free_bytes(0);
  const auto first = write("a");
  ASSERT_TRUE(first) << "stored";
  EXPECT_FALSE(result_of(*first)) << "and not recorded";
  EXPECT_TRUE(check_recorded(*vault, *audit, {})->sound()) << "it is owed";
  files.set_free_bytes(UINT64_MAX);
  const auto second = write("b");
  ASSERT_TRUE(second);
  EXPECT_TRUE(result_of(*second));
  ASSERT_TRUE(audit->append_and_wait(entry_of("c")));  // behind what was tried again
  expect_once("a");
  expect_once("b");
  writes.reset();
  audit.reset();
}

TEST_P(RecordedWritesTest, AuditNamesAVersionThatStandsInNoList) {
  ASSERT_TRUE(write("a"));
  put("Observation", "o", 1, observation_json("o", 1, "a", "1-1", "2020-01-01"));  // past the record
  const auto report = check_recorded(*vault, *audit, {});
  ASSERT_EQ(report->findings.size(), 1u);
  EXPECT_EQ(report->findings[0].where, "Observation/o/_history/1");
}

TEST_P(RecordedWritesTest, AnEntryUnderOneOfTwoPatientsIsNotEnough) {
  ASSERT_TRUE(write("a"));
  auto transaction = std::move(*vault->begin());
  ASSERT_TRUE(transaction->put({"Observation", "o", 1, observation_json("o", 1, "a", "1-1", "2020-01-01")}));
  AuditEntry entry = entry_of("o");
  entry.resource_type = "Observation";
  const std::vector<Subject> other{audit->subject_of("b")};
  ASSERT_TRUE(writes->commit(*transaction, entry, other));
  EXPECT_EQ(check_recorded(*vault, *audit, {})->findings.size(), 1u);
}

}  // namespace
}  // namespace careledger::vault
