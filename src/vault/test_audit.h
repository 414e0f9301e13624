// An audit map in a folder of its own, with a ledger that takes its heads. For tests.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "base/test_folder.h"
#include "vault/audit.h"
#include "vault/keystore.h"
#include "vault/test_clock.h"
#include "vault/test_ledger.h"

namespace careledger::vault {

class AuditFixture : public ::testing::Test {
 protected:
  TestFolder folder;
  SharedClock clock;
  Entropy& entropy = system_entropy();
  std::unique_ptr<Keystore> keys = Keystore::in_memory(clock, entropy);
  TestLedger ledger;
  TestSigner signer;
  AuditOptions options;
  std::unique_ptr<AuditMap> audit;

  void SetUp() override {
    options.folder = folder.path() + "/audit";
    open();
  }
  void TearDown() override { audit.reset(); }
  void open() {
    audit.reset();
    auto opened = AuditMap::open(options, *keys, system_files(), clock, entropy);
    ASSERT_TRUE(opened) << opened.error().message;
    audit = std::move(*opened);
  }
  AuditEntry entry(const std::string& patient, const std::string& actor = "Practitioner/1") const {
    AuditEntry made;
    made.subject = audit->subject_of(patient);
    made.actor = actor;
    made.role = "clinician";
    made.purpose = "TREAT";
    made.resource_type = "Observation";
    made.resource_id = "o1";
    made.version = 2;
    made.details = R"({"reason":"looked"})";
    return made;
  }
  void record(int count, int patients) {  // all at once, so that they share syncs
    std::promise<void> all;
    std::atomic<int> left = count;
    for (int i = 0; i < count; ++i) {
      audit->append(entry("p" + std::to_string(i % patients), "Practitioner/" + std::to_string(i)), [&](const Result<Recorded>& recorded) {
        EXPECT_TRUE(recorded);
        if (--left == 0) all.set_value();
      });
    }
    all.get_future().wait();
  }
  Result<AuditHead> head_for(std::uint64_t size) {
    std::promise<Result<AuditHead>> promise;
    audit->wait_for_head(size, [&promise](const Result<AuditHead>& head) { promise.set_value(head); });
    return promise.get_future().get();
  }
  Result<AccessList> list(const Subject& subject, const ListRange& range = {}) {
    std::promise<Result<AccessList>> promise;
    audit->list(subject, range, [&promise](const Result<AccessList>& found) { promise.set_value(found); });
    return promise.get_future().get();
  }
  std::string file() const { return options.folder + "/audit.log"; }
  Bytes read_file() const { return *system_files().read_all(file(), 1 << 24); }
};

}  // namespace careledger::vault
