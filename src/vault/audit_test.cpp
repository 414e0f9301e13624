#include "vault/audit.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <future>
#include <random>

#include "crypto/hash.h"
#include "proof/log.h"
#include "vault/audit_entry.h"
#include "vault/audit_tree.h"
#include "vault/keystore.h"
#include "vault/test_folder.h"
#include "vault/test_ledger.h"

namespace careledger::vault {
namespace {

class AuditTest : public ::testing::Test {
 protected:
  TestFolder folder;
  ManualClock clock;
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
  Result<AccessList> list(const Subject& subject, std::uint32_t limit = 1000) {
    std::promise<Result<AccessList>> promise;
    audit->list(subject, limit, [&promise](const Result<AccessList>& found) { promise.set_value(found); });
    return promise.get_future().get();
  }
  std::string file() const { return options.folder + "/audit.log"; }
};

TEST_F(AuditTest, AnEntryIsDurableAndOpensToItsCommitment) {
  const auto recorded = audit->append_and_wait(entry("p1"));
  ASSERT_TRUE(recorded) << recorded.error().message;
  EXPECT_EQ(recorded->index, 0u);
  const Bytes on_disk = *system_files().read_all(file(), 1 << 20);
  EXPECT_GT(on_disk.size(), 100u);
  auto entries = audit->entries(0, 10);
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ((*entries)[0].entry.actor, "Practitioner/1");
  EXPECT_EQ((*entries)[0].entry.details, R"({"reason":"looked"})");
  EXPECT_EQ((*entries)[0].recorded.commitment, recorded->commitment);
  EXPECT_EQ(entry_commitment((*entries)[0]), recorded->commitment);
}

TEST_F(AuditTest, TimeNeverGoesBackAndEntriesOfOneMillisecondDiffer) {
  const auto first = audit->append_and_wait(entry("p1"));
  const auto second = audit->append_and_wait(entry("p1"));
  clock.advance_ms(-500);
  const auto third = audit->append_and_wait(entry("p1"));
  clock.advance_ms(1000);
  const auto fourth = audit->append_and_wait(entry("p1"));
  EXPECT_EQ(first->time, second->time);
  EXPECT_EQ(second->time, third->time);
  EXPECT_EQ(third->number, 2u);
  EXPECT_GT(fourth->time, third->time);
  EXPECT_EQ(fourth->number, 0u);
}

TEST_F(AuditTest, AHeadCoversWhatWasRecordedAndTheListIsProvablyComplete) {
  for (int i = 0; i < 10; ++i) {
    clock.advance_ms(i % 3);
    record(30, 7);
  }
  audit->start_heads(ledger, signer);
  const auto head = head_for(300);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->size, 300u);
  for (int p = 0; p < 7; ++p) {
    const Subject subject = audit->subject_of("p" + std::to_string(p));
    const auto found = list(subject);
    ASSERT_TRUE(found) << found.error().message;
    const auto view = proof::MapView::verify(found->range_proof, found->head.map_root);
    ASSERT_TRUE(view) << view.error().message;
    const auto range = view->range(subject.view(), proof::prefix_end(subject.view()));
    ASSERT_TRUE(range) << range.error().message;
    ASSERT_EQ(range->size(), found->entries.size());
    for (std::size_t i = 0; i < range->size(); ++i) EXPECT_EQ((*range)[i].value, entry_commitment(found->entries[i]).bytes());
  }
  const auto nobody = list(audit->subject_of("stranger"));
  ASSERT_TRUE(nobody);
  EXPECT_TRUE(nobody->entries.empty());
  const Subject stranger = audit->subject_of("stranger");
  const auto view = proof::MapView::verify(nobody->range_proof, nobody->head.map_root);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->range(stranger.view(), proof::prefix_end(stranger.view())));
}

TEST_F(AuditTest, TheLogProvesInclusionAndThatHeadsOnlyGrow) {
  audit->start_heads(ledger, signer);
  record(300, 5);
  const auto old_head = head_for(300);
  record(400, 5);
  const auto head = head_for(700);
  ASSERT_TRUE(old_head && head);
  const auto entries = audit->entries(0, 1000);
  for (const std::uint64_t index : {0u, 255u, 256u, 511u, 699u}) {
    const OpenedEntry& opened = (*entries)[index];
    const Bytes key = audit_key(opened.entry.subject, opened.recorded.time, opened.recorded.number);
    const auto path = audit->inclusion(index);
    ASSERT_TRUE(path) << path.error().message;
    EXPECT_TRUE(
        proof::verify_inclusion(proof::log_leaf(audit_log_leaf(key, entry_commitment(opened))), index, head->size, *path, head->log_root));
  }
  const auto consistency = audit->consistency(old_head->size);
  ASSERT_TRUE(consistency);
  EXPECT_TRUE(proof::verify_consistency(old_head->size, old_head->log_root, head->size, head->log_root, *consistency));
  EXPECT_EQ((*audit->entries(600, 5))[0].recorded.index, 600u);
}

TEST_F(AuditTest, AListIncludesWhatWasRecordedJustBeforeItWasAskedFor) {
  audit->start_heads(ledger, signer);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(audit->append_and_wait(entry("p1")));
    const auto found = list(audit->subject_of("p1"));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->entries.size(), static_cast<std::size_t>(i + 1));
  }
  EXPECT_EQ(list(audit->subject_of("p1"), 4).error().kind, ErrorKind::too_large);
  EXPECT_EQ(audit->entries_of(audit->subject_of("p1"), 100)->size(), 5u);
}

TEST_F(AuditTest, ReopeningGivesTheSameRootsWhateverWasFolded) {
  audit->start_heads(ledger, signer);
  record(150, 4);
  ASSERT_TRUE(head_for(150));
  audit->stop_heads();
  record(170, 9);
  open();
  EXPECT_EQ(audit->size(), 320u);
  EXPECT_EQ(audit->head()->size, 150u);
  audit->start_heads(ledger, signer);
  const auto head = head_for(320);
  ASSERT_TRUE(head);
  audit.reset();
  std::filesystem::remove_all(options.folder + "/map");  // all of it follows from the file
  open();
  audit->start_heads(ledger, signer);
  ASSERT_TRUE(audit->append_and_wait(entry("p1")));
  audit->stop_heads();
  open();
  const auto first = audit->entries(0, 1000);
  proof::CompactRange log;
  proof::MapModel map;
  for (std::size_t i = 0; i < 320; ++i) {
    const OpenedEntry& opened = (*first)[i];
    const Bytes key = audit_key(opened.entry.subject, opened.recorded.time, opened.recorded.number);
    log.append(proof::log_leaf(audit_log_leaf(key, opened.recorded.commitment)));
    map.put(key, opened.recorded.commitment.view());
  }
  EXPECT_EQ(log.root(), head->log_root);
  EXPECT_EQ(map.root(), head->map_root);
}

TEST_F(AuditTest, ATornTailIsCutAndSaidAndEverythingBeforeIsThere) {
  record(10, 1);
  audit.reset();
  {
    auto torn = system_files().open(file(), false);
    ASSERT_TRUE((*torn)->append(Bytes("\0\0\0\x40half a frame", 17)));
  }
  open();
  EXPECT_EQ(audit->size(), 10u);
  EXPECT_GT(audit->torn_bytes(), 0u);
  ASSERT_TRUE(audit->append_and_wait(entry("p1")));
  open();
  EXPECT_EQ(audit->size(), 11u);
  EXPECT_EQ(audit->torn_bytes(), 0u);
}

TEST_F(AuditTest, AnEditedEntryIsNamed) {
  record(200, 1);
  open();  // folded
  Bytes bytes = *system_files().read_all(file(), 1 << 24);
  std::size_t at = 50;
  for (int i = 0; i < 77; ++i) {
    ByteView frame = ByteView(bytes).substr(at);
    at += 4 + *take_u32(frame);
  }
  bytes[at + 20] = static_cast<char>(bytes[at + 20] ^ 1);
  audit.reset();
  ASSERT_TRUE(system_files().replace(file(), bytes));
  open();
  const auto all = audit->entries(0, 1000);
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().kind, ErrorKind::corrupt);
  EXPECT_NE(all.error().message.find("audit entry 77 "), std::string::npos) << all.error().message;
}

TEST_F(AuditTest, ACutFileIsRefused) {
  record(20, 1);
  open();
  audit.reset();
  const Bytes bytes = *system_files().read_all(file(), 1 << 24);
  ASSERT_TRUE(system_files().replace(file(), bytes.substr(0, bytes.size() / 2)));
  auto opened = AuditMap::open(options, *keys, system_files(), clock, entropy);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::corrupt);
}

TEST_F(AuditTest, WithoutALedgerNobodyWaitsForEver) {
  ASSERT_TRUE(audit->append_and_wait(entry("p1")));
  EXPECT_EQ(head_for(1).error().kind, ErrorKind::unavailable);
  ledger.hold(true);
  audit->start_heads(ledger, signer);
  std::promise<ErrorKind> told;
  audit->wait_for_head(1, [&told](const Result<AuditHead>& head) { told.set_value(head.error().kind); });
  ledger.wait_for_submissions(1);
  audit->stop_heads();
  EXPECT_EQ(told.get_future().get(), ErrorKind::unavailable);
  ledger.hold(false);
}

TEST_F(AuditTest, WhileNoHeadBecomesFinalNobodyWaitsLongerThanAllowed) {
  AuditOptions impatient;
  impatient.head_wait_ms = 20;
  const auto map = std::move(*AuditMap::open(impatient, *keys, system_files(), system_clock(), entropy));
  ASSERT_TRUE(map->append_and_wait(entry("p1")));
  ledger.hold(true);
  map->start_heads(ledger, signer);
  std::promise<ErrorKind> head, list;
  map->wait_for_head(1, [&head](const Result<AuditHead>& got) { head.set_value(got.error().kind); });
  map->list(map->subject_of("p1"), 10, [&list](const Result<AccessList>& got) { list.set_value(got.error().kind); });
  EXPECT_EQ(head.get_future().get(), ErrorKind::unavailable);
  EXPECT_EQ(list.get_future().get(), ErrorKind::unavailable);
  map->stop_heads();
  ledger.hold(false);
}

TEST_F(AuditTest, ARefusedHeadEndsTheWaitingForIt) {
  ledger.answer_with([](const kernel::ReceivedCommand&) {
    return ordering::Answer{ordering::Outcome::final, kernel::Receipt{{}, {}, kernel::Code{contracts::access::kContract.id, 1}, {}, 0}, 0};
  });
  ASSERT_TRUE(audit->append_and_wait(entry("p1")));
  ledger.hold(true);
  audit->start_heads(ledger, signer);
  std::promise<ErrorKind> head, list;
  audit->wait_for_head(1, [&head](const Result<AuditHead>& got) { head.set_value(got.error().kind); });
  audit->list(audit->subject_of("p1"), 10, [&list](const Result<AccessList>& got) { list.set_value(got.error().kind); });
  ledger.wait_for_submissions(1);
  ledger.hold(false);
  EXPECT_EQ(head.get_future().get(), ErrorKind::unavailable);
  EXPECT_EQ(list.get_future().get(), ErrorKind::unavailable);
}

TEST_F(AuditTest, OversizeIsRefusedAndNothingIsWritten) {
  AuditEntry large = entry("p1");
  large.details = Bytes(70'000, 'x');
  EXPECT_EQ(audit->append_and_wait(large).error().kind, ErrorKind::too_large);
  EXPECT_EQ(audit->size(), 0u);
}

RC_GTEST_PROP(AuditTree, MatchesTheReferenceMapWhateverTheOrderOfSubjects, ()) {
  const auto picks =
      *rc::gen::container<std::vector<std::pair<std::uint8_t, std::uint8_t>>>(rc::gen::arbitrary<std::pair<std::uint8_t, std::uint8_t>>());
  AuditTree tree;
  proof::MapModel model;
  std::map<Subject, std::vector<proof::MapRow>> rows;
  std::int64_t time = 1;
  for (const auto& [who, wait] : picks) {
    const Subject subject = id_cast<Subject>(crypto::sha256(Bytes(1, static_cast<char>(who % 11))));
    time += wait % 5 + 1;
    const Bytes key = audit_key(subject, {time}, wait % 3);
    const Digest value = crypto::sha256(key);
    tree.add(subject, key, value);
    model.put(key, value.view());
    rows[subject].push_back({key, value.bytes()});
  }
  RC_ASSERT(tree.root() == model.root());
  for (int who = 0; who < 12; ++who) {
    const Subject subject = id_cast<Subject>(crypto::sha256(Bytes(1, static_cast<char>(who))));
    const auto view = proof::MapView::verify(tree.prove(subject, rows[subject]), model.root());
    RC_ASSERT(view.has_value());
    const auto range = view->range(subject.view(), proof::prefix_end(subject.view()));
    RC_ASSERT(range.has_value());
    RC_ASSERT(range->size() == rows[subject].size());
    if (const Spine* spine = tree.find(subject)) RC_ASSERT(Spine::decode(subject, spine->encode())->root() == spine->root());
  }
}

}  // namespace
}  // namespace careledger::vault
