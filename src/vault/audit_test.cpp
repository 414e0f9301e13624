#include "vault/audit.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <future>
#include <random>

#include "base/faulty_files.h"
#include "crypto/hash.h"
#include "proof/log.h"
#include "vault/audit_entry.h"
#include "vault/audit_file.h"
#include "vault/audit_tree.h"
#include "vault/test_audit.h"

namespace careledger::vault {
namespace {

class AuditTest : public AuditFixture {
 protected:
  // Closes the map and flips a bit of a byte of one frame.
  void flip(std::size_t frame, std::size_t byte);
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
  for (int p = 0; p < 14; ++p) {
    if (p == 7) {  // the same right after a start, before anything is folded
      audit->stop_heads();
      open();
      audit->start_heads(ledger, signer);
    }
    const Subject subject = audit->subject_of("p" + std::to_string(p % 7));
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
  EXPECT_EQ(audit->entries_of(audit->subject_of("p1"), 0, 100)->size(), 5u);
  EXPECT_EQ(audit->entries_of(audit->subject_of("p1"), 2, 2)->back().recorded.index, 3u);
  EXPECT_EQ(audit->newest_of(audit->subject_of("p1"), 2)->front().recorded.index, 3u);
}

TEST_F(AuditTest, AnEntryIsThereWhileItIsBeingFolded) {
  options.epoch_ms = 1;
  open();
  audit->start_heads(ledger, signer);
  const Subject subject = audit->subject_of("p1");
  for (std::size_t i = 0; i < 300; ++i) {
    ASSERT_TRUE(audit->append_and_wait(entry("p1")));
    audit->wait_for_head(i + 1, [](const auto&) {});  // folds now, beside the reading
    for (int again = 0; again < 3; ++again) ASSERT_EQ(audit->entries_of(subject, 0, 1000)->size(), i + 1);
  }
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

// Where each frame of the file begins, and where the last one ends.
std::vector<std::size_t> frames_of(ByteView bytes) {
  std::vector<std::size_t> places;
  std::size_t at = kAuditHeaderBytes;
  while (at < bytes.size()) {
    places.push_back(at);
    ByteView frame = bytes.substr(at);
    at += 4 + *take_u32(frame);
  }
  places.push_back(at);
  return places;
}

void AuditTest::flip(std::size_t frame, std::size_t byte) {
  audit.reset();
  Bytes bytes = read_file();
  char& edited = bytes[frames_of(bytes)[frame] + byte];
  edited = static_cast<char>(edited ^ 1);
  ASSERT_TRUE(system_files().replace(file(), bytes));
}

TEST_F(AuditTest, ATornTailIsPutAsideCutAndSaidAndEverythingBeforeIsThere) {
  record(10, 1);
  audit.reset();
  const Bytes whole = read_file();
  const Bytes half("\0\0\0\x40half a frame", 16);
  ASSERT_TRUE(system_files().replace(file(), whole + half));
  std::vector<std::string> alerts;
  options.on_alert = [&alerts](const std::string& what) { alerts.push_back(what); };
  open();
  EXPECT_EQ(audit->size(), 10u);
  EXPECT_EQ(audit->torn_bytes(), half.size());
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_NE(alerts[0].find("16 bytes"), std::string::npos) << alerts[0];
  EXPECT_EQ(read_file(), whole);
  EXPECT_EQ(*system_files().read_all(file() + ".torn", 1 << 20), u64_bytes(whole.size()) + u64_bytes(half.size()) + half);
  ASSERT_TRUE(audit->append_and_wait(entry("p1")));
  open();
  EXPECT_EQ(audit->size(), 11u);
  EXPECT_EQ(audit->torn_bytes(), 0u);
  EXPECT_EQ(alerts.size(), 1u);
}

TEST_F(AuditTest, AFrameOfABrokenAppendBehindItsHoleIsTornAllTheSame) {
  ASSERT_TRUE(audit->append_and_wait(entry("p0")));
  audit.reset();
  const std::size_t before = read_file().size();
  {  // one append of three, of which the disk kept the first and the last
    auto appending = AuditFile::open(file(), system_files(), *keys->symmetric(Purpose::audit), {}, entropy, {});
    ASSERT_TRUE(appending) << appending.error().message;
    const FilePlace place = (*appending)->begin_append();
    Bytes buffer;
    for (std::uint32_t i = 0; i < 3; ++i)
      (*appending)->seal_next(frame_bytes({1 + i, clock.now(), i + 1, {}}, entry_bytes(AuditEntry()), {}), buffer);
    ASSERT_TRUE((*appending)->write(buffer, place));
  }
  Bytes bytes = read_file();
  const auto places = frames_of(bytes);
  ASSERT_EQ(places.size(), 5u);
  EXPECT_EQ(places[1], before);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(places[2]), bytes.begin() + static_cast<std::ptrdiff_t>(places[3]), '\0');
  ASSERT_TRUE(system_files().replace(file(), bytes));
  open();
  EXPECT_EQ(audit->size(), 2u);
  EXPECT_EQ(audit->torn_bytes(), bytes.size() - places[2]);
}

TEST_F(AuditTest, AnEditedEntryIsNamed) {
  record(200, 1);
  open();  // folded
  flip(77, 20);
  open();
  const auto all = audit->entries(0, 1000);
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().kind, ErrorKind::corrupt);
  EXPECT_NE(all.error().message.find("audit entry 77 "), std::string::npos) << all.error().message;
}

TEST_F(AuditTest, AnEditedEntryIsNamedAndNothingIsCutWhenTheMapHasToBeMadeAgain) {
  for (const std::size_t at : {0u, 3u, 20u, 40u}) {  // length, the same, the keys' id, what is sealed
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(audit->append_and_wait(entry("p" + std::to_string(i))));
    flip(3, at);
    const Bytes damaged = read_file();
    std::filesystem::remove_all(options.folder + "/map");
    for (int again = 0; again < 2; ++again) {
      const auto opened = AuditMap::open(options, *keys, system_files(), clock, entropy);
      ASSERT_FALSE(opened) << at;
      EXPECT_EQ(opened.error().kind, ErrorKind::corrupt);
      EXPECT_NE(opened.error().message.find("audit entry 3 "), std::string::npos) << opened.error().message;
      EXPECT_EQ(read_file(), damaged) << "not a byte may be lost";
    }
    EXPECT_FALSE(system_files().exists(file() + ".torn"));
    std::filesystem::remove_all(options.folder);
    open();
  }
}

TEST_F(AuditTest, AnEndThatTheLedgerKnowsOfIsNeverCut) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(audit->append_and_wait(entry("p1")));
  flip(3, 40);  // the last one: nothing behind it says that it was once whole
  std::filesystem::remove_all(options.folder + "/map");
  const Bytes damaged = read_file();
  options.entries_min = 4;
  const auto opened = AuditMap::open(options, *keys, system_files(), clock, entropy);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("audit entry 3 "), std::string::npos) << opened.error().message;
  EXPECT_EQ(read_file(), damaged);
  ASSERT_TRUE(system_files().replace(file(), damaged.substr(0, frames_of(damaged)[2])));
  EXPECT_EQ(AuditMap::open(options, *keys, system_files(), clock, entropy).error().kind, ErrorKind::corrupt) << "an older copy";
  ASSERT_TRUE(system_files().remove(file()));
  EXPECT_EQ(AuditMap::open(options, *keys, system_files(), clock, entropy).error().kind, ErrorKind::corrupt) << "gone";
  EXPECT_FALSE(system_files().exists(file())) << "no new file takes its place";
  options.entries_min = 0;
  ASSERT_TRUE(system_files().replace(file(), damaged));
  open();
  EXPECT_EQ(audit->size(), 3u);
  EXPECT_GT(audit->torn_bytes(), 0u);
}

TEST_F(AuditTest, AnotherKeyIsNamedAsSuchHoweverSmallTheFile) {
  audit.reset();
  const auto stranger = Keystore::in_memory(clock, entropy);
  std::filesystem::remove_all(options.folder + "/map");
  const Bytes before = read_file();
  EXPECT_EQ(AuditMap::open(options, *stranger, system_files(), clock, entropy).error().kind, ErrorKind::wrong_key);
  EXPECT_EQ(read_file(), before);
}

// What two frames at one place have in common, byte by byte: under one key and nonce it would be what the entries have in common.
std::size_t equal_bytes(ByteView a, ByteView b) {
  std::size_t equal = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) equal += a[i] == b[i] ? 1 : 0;
  return equal;
}

TEST_F(AuditTest, TwoHistoriesOfOneFileShareNoKeyAndNoSalt) {
  ASSERT_TRUE(audit->append_and_wait(entry("p1")));
  audit.reset();
  const Bytes backup = read_file();
  std::vector<Bytes> frames;
  std::vector<OpenedEntry> entries;
  for (int copy = 0; copy < 2; ++copy) {  // the disk it came from, and the backup that was restored
    ASSERT_TRUE(system_files().replace(file(), backup));
    std::filesystem::remove_all(options.folder + "/map");
    open();
    ASSERT_TRUE(audit->append_and_wait(entry("p1", "Practitioner/one-of-two")));
    entries.push_back(audit->entries(1, 1)->at(0));
    audit.reset();
    frames.push_back(read_file().substr(backup.size()));
  }
  ASSERT_EQ(frames[0].size(), frames[1].size());
  EXPECT_LT(equal_bytes(frames[0], frames[1]), frames[0].size() / 8);
  EXPECT_NE(entries[0].entry_salt, entries[1].entry_salt);
  EXPECT_NE(entries[0].details_salt, entries[1].details_salt);
}

TEST_F(AuditTest, AfterAFailedWriteOtherKeysSealWhatStandsThere) {
  FaultyFiles files(system_files());
  audit.reset();
  std::filesystem::remove_all(options.folder);
  audit = std::move(*AuditMap::open(options, *keys, files, clock, entropy));
  ASSERT_TRUE(audit->append_and_wait(entry("p1")));
  const std::size_t before = read_file().size();
  files.set_free_bytes(100);
  EXPECT_FALSE(audit->append_and_wait(entry("p1", "Practitioner/first")));
  ASSERT_EQ(read_file().size(), before);
  files.set_free_bytes(1 << 20);
  ASSERT_TRUE(audit->append_and_wait(entry("p1", "Practitioner/other")));
  const Bytes first = read_file();
  const auto places = frames_of(first);
  ASSERT_EQ(places.size(), 3u);
  const auto id = [&](std::size_t frame) { return first.substr(places[frame] + 4, 16); };
  EXPECT_NE(id(0), id(1));
  ASSERT_TRUE(audit->append_and_wait(entry("p1")));
  EXPECT_EQ(read_file().substr(places[2] + 4, 16), id(1)) << "and they stay until the next failure";
}

TEST_F(AuditTest, ACutFileIsRefused) {
  record(20, 1);
  open();
  audit.reset();
  const Bytes bytes = read_file();
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
  map->list(map->subject_of("p1"), {}, [&list](const Result<AccessList>& got) { list.set_value(got.error().kind); });
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
  audit->list(audit->subject_of("p1"), {}, [&list](const Result<AccessList>& got) { list.set_value(got.error().kind); });
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
