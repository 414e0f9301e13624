// The audit file on a disk that fails at every step: what was acknowledged is there afterwards, in order, and nothing is half there.
#include <gtest/gtest.h>

#include <tuple>

#include "base/faulty_files.h"
#include "base/test_folder.h"
#include "base/test_stride.h"
#include "vault/audit.h"
#include "vault/keystore.h"

namespace careledger::vault {
namespace {

using Loss = FaultyFiles::Loss;

constexpr int kEntries = 12;

AuditEntry entry(int number) {
  AuditEntry made;
  made.actor = "Practitioner/" + std::to_string(number);
  made.role = "clinician";
  made.purpose = "TREAT";
  return made;
}

class AuditCrashTest : public ::testing::TestWithParam<Loss> {
 protected:
  ManualClock clock;
  std::unique_ptr<Keystore> keys = Keystore::in_memory(clock, system_entropy());

  Result<std::unique_ptr<AuditMap>> open(const TestFolder& folder, FaultyFiles& files) {
    AuditOptions options;
    options.folder = folder.path() + "/audit";
    return AuditMap::open(options, *keys, files, clock, system_entropy());
  }
  // Appends one after the other until one fails; how many were acknowledged.
  static int fill(AuditMap& audit) {
    int acknowledged = 0;
    while (acknowledged < kEntries && audit.append_and_wait(entry(acknowledged))) ++acknowledged;
    return acknowledged;
  }
};
INSTANTIATE_TEST_SUITE_P(Faults, AuditCrashTest, ::testing::Values(Loss::none, Loss::unsynced, Loss::torn));

TEST_P(AuditCrashTest, AtAnyStepNothingAcknowledgedIsLostOrHalfThere) {
  std::uint64_t steps = 0;
  {
    const TestFolder folder;
    FaultyFiles files(system_files());
    const auto audit = open(folder, files);
    ASSERT_TRUE(audit) << audit.error().message;
    ASSERT_EQ(fill(**audit), kEntries);
    steps = files.steps();
  }
  ASSERT_GT(steps, 2u * kEntries);
  for (std::uint64_t step = 1; step <= steps; step += kTestStride) {
    const TestFolder folder;
    FaultyFiles files(system_files());
    files.stop_at_step(step);
    int acknowledged = 0;
    if (auto audit = open(folder, files)) {
      acknowledged = fill(**audit);
      if (acknowledged < kEntries) EXPECT_FALSE((*audit)->append_and_wait(entry(0)));  // a failed write is not followed by a good one
    }
    ASSERT_TRUE(files.restart(GetParam(), step));
    const auto audit = open(folder, files);
    ASSERT_TRUE(audit) << "step " << step << ": " << audit.error().message;
    const auto found = (*audit)->entries(0, kEntries + 1);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_GE(found->size(), static_cast<std::size_t>(acknowledged)) << "step " << step;
    EXPECT_LE(found->size(), static_cast<std::size_t>(acknowledged) + 1) << "step " << step;
    for (std::size_t i = 0; i < found->size(); ++i) EXPECT_EQ((*found)[i].entry.actor, "Practitioner/" + std::to_string(i));
    EXPECT_TRUE((*audit)->append_and_wait(entry(99)));
  }
}

class AuditFullDiskTest : public ::testing::Test {
 protected:
  ManualClock clock;
  std::unique_ptr<Keystore> keys = Keystore::in_memory(clock, system_entropy());
};

TEST_F(AuditFullDiskTest, OnAFullDiskRoomIsAskedForOnceAndTheEntryIsThere) {
  const TestFolder folder;
  FaultyFiles files(system_files());
  AuditOptions options;
  options.folder = folder.path() + "/audit";
  int asked = 0, alerts = 0;
  options.on_full = [&] {
    if (++asked > 1) return false;
    files.set_free_bytes(1 << 20);
    return true;
  };
  options.on_alert = [&](const std::string&) { ++alerts; };
  const auto audit = AuditMap::open(options, *keys, files, clock, system_entropy());
  ASSERT_TRUE(audit) << audit.error().message;
  files.set_free_bytes(0);
  EXPECT_TRUE((*audit)->append_and_wait(entry(1)));
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(alerts, 0);
  files.set_free_bytes(0);
  EXPECT_FALSE((*audit)->append_and_wait(entry(2)));  // nothing is left to give
  EXPECT_EQ(alerts, 1);
  files.set_free_bytes(1 << 20);
  EXPECT_TRUE((*audit)->append_and_wait(entry(3)));  // and it goes on once there is room
  EXPECT_EQ((*audit)->size(), 2u);
}

}  // namespace
}  // namespace careledger::vault
