#include "proof/verify.h"

#include <gtest/gtest.h>

#include "proof/test_ledger.h"

namespace careledger::proof {
namespace {

using testing::Shape;
using testing::TestLedger;

std::string step_of(const Result<Report>& result) {
  return result ? "ok" : result.error().message.substr(0, result.error().message.find(':'));
}

bool says(const Report& report, const std::string& line) {
  const auto lines = report.lines();
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

TEST(Verify, ARecordIsProvenWithItsCurrency) {
  const TestLedger ledger({});
  const auto report = verify(encode(ledger.record_bundle()), ledger.trust());
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->kind, ClaimKind::record);
  EXPECT_EQ(report->currency, Currency::current);
  EXPECT_EQ(report->organisation_name, "Hospital Nörd");
  EXPECT_EQ(report->height.value, 41u);
  EXPECT_EQ(report->as_of.value, 49u);
  ASSERT_EQ(report->shown.size(), 1u);
  EXPECT_EQ(report->shown[0].name, "id");
  EXPECT_EQ(report->shown[0].value, "\"p1\"");
  const auto lines = report->lines();
  EXPECT_EQ(lines[0], "Record: a Patient was anchored by \"Hospital Nörd\" in block 41, command 3.");
  EXPECT_TRUE(says(*report, "Witnessed by 0 of 0: nothing."));
  EXPECT_TRUE(says(*report, "Checkpoint: none."));
}

TEST(Verify, SupersededErrorAndErasedAreSaid) {
  const std::pair<std::uint32_t, Currency> cases[] = {{1, Currency::superseded}, {2, Currency::entered_in_error}, {3, Currency::erased}};
  for (const auto& [status, currency] : cases) {
    Shape shape;
    shape.exception = status;
    const TestLedger ledger(shape);
    const auto report = verify(encode(ledger.record_bundle()), ledger.trust());
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->currency, currency);
    EXPECT_EQ(report->excepted.value, 43u);
  }
  Shape silent;
  silent.exception = 1;
  silent.currency = false;
  const TestLedger ledger(silent);
  EXPECT_EQ(verify(encode(ledger.record_bundle()), ledger.trust())->currency, Currency::not_claimed);
}

TEST(Verify, AnAccessListIsComplete) {
  const TestLedger ledger({});
  const auto report = verify(encode(ledger.access_bundle()), ledger.trust());
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->entries, 12u);
  EXPECT_EQ(report->opened, 3u);
  EXPECT_EQ(report->head.size(), 212u);
  Shape nothing;
  nothing.accesses = 0;
  const TestLedger unseen(nothing);
  EXPECT_EQ(verify(encode(unseen.access_bundle()), unseen.trust())->entries, 0u);
}

TEST(Verify, APartOfAListSaysWhereItIsComplete) {
  const TestLedger ledger({});
  const auto report = verify(encode(ledger.part_bundle(3, 8)), ledger.trust());
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->entries, 4u);
  EXPECT_EQ(report->after, ledger.place(3));
  EXPECT_EQ(report->before, ledger.place(8));
  EXPECT_TRUE(says(*report,
                   "Complete from the entry at 2025-11-24T16:00:03Z, number 0 (left out) to the entry at 2025-11-24T16:00:08Z, number 0 "
                   "(left out): 4 entries."));
  EXPECT_TRUE(says(*report, "Not in this part: earlier and later accesses; there are some."));
  for (const std::string& line : report->lines()) EXPECT_FALSE(line.starts_with("Access list")) << line;
  EXPECT_FALSE(verify(encode(ledger.access_bundle()), ledger.trust())->is_part());
}

TEST(Verify, OnlyThePartThatCoversAPromiseConvicts) {
  const TestLedger ledger({});  // the promise is of a time between the first entry and the second
  const auto conviction = convict(ledger.promise(false), encode(ledger.part_bundle(0, 5)), ledger.trust());
  ASSERT_TRUE(conviction) << conviction.error().message;
  EXPECT_EQ(verify(*conviction, ledger.trust())->kind, ClaimKind::conviction);
  EXPECT_EQ(step_of(verify(*convict(ledger.promise(false), encode(ledger.part_bundle(0, 1)), ledger.trust()), ledger.trust())), "ok");
  EXPECT_FALSE(convict(ledger.promise(false), encode(ledger.part_bundle(1, {})), ledger.trust()));
  EXPECT_FALSE(convict(ledger.promise(true), encode(ledger.part_bundle(0, {})), ledger.trust())) << "the entry that it begins behind";
  EXPECT_FALSE(convict(ledger.promise(true), encode(ledger.part_bundle({}, 5)), ledger.trust())) << "kept";
}

TEST(AuditPlaces, AreWrittenInOneWay) {
  for (const AuditPlace place : {AuditPlace{}, AuditPlace{1764000000000, 0}, AuditPlace{UINT64_MAX, UINT32_MAX}}) {
    EXPECT_EQ(parse_audit_place(to_text(place)), place);
    EXPECT_EQ(read_audit_place(place_bytes(place)), place);
    EXPECT_EQ(place_of_key(audit_key(Digest{}, place)), place);
  }
  EXPECT_EQ(parse_audit_place("17"), (AuditPlace{17, 0}));
  for (const char* bad : {"", ".", "1.", ".1", "1.2.3", "-1", "1,2", " 1", "18446744073709551616", "1.4294967296"})
    EXPECT_FALSE(parse_audit_place(bad)) << bad;
  EXPECT_FALSE(read_audit_place(Bytes(11, 'x')));
  EXPECT_FALSE(place_of_key(Bytes(45, 'x')));
}

TEST(Verify, ABrokenPromiseConvictsAndAKeptOneDoesNot) {
  const TestLedger ledger({});
  const Bytes list = encode(ledger.access_bundle());
  const auto conviction = convict(ledger.promise(false), list, ledger.trust());
  ASSERT_TRUE(conviction) << conviction.error().message;
  const auto report = verify(*conviction, ledger.trust());
  EXPECT_EQ(report->kind, ClaimKind::conviction);
  EXPECT_FALSE(convict(ledger.promise(true), list, ledger.trust()));
  ledger::SignedPromise forged = ledger.promise(false);
  (*forged.mutable_signatures(0)->mutable_signature())[5] ^= 1;
  EXPECT_FALSE(convict(forged, list, ledger.trust()));
  ledger::SignedPromise unsigned_promise = ledger.promise(false);
  unsigned_promise.clear_signatures();
  EXPECT_FALSE(convict(unsigned_promise, list, ledger.trust()));
  EXPECT_FALSE(convict(ledger.promise(false), encode(ledger.record_bundle()), ledger.trust()));
}

TEST(Verify, WitnessesAreCountedAndWanted) {
  for (const std::int64_t ahead : {-10, 77}) {
    Shape shape;
    shape.witnesses = 3;
    shape.checkpoint_ahead = ahead;
    const TestLedger ledger(shape);
    Bundle bundle = ledger.record_bundle();
    const auto report = verify(encode(bundle), ledger.trust());
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->witnesses, 3u);
    bundle.checkpoint.reset();
    EXPECT_EQ(step_of(verify(encode(bundle), ledger.trust())), "quorum");
  }
}

TEST(Verify, WhatWitnessesSawAndWhatTheyDidNotAreTwoLines) {
  Shape shape;
  shape.witnesses = 2;
  const TestLedger ledger(shape);
  const auto record = verify(encode(ledger.record_bundle()), ledger.trust());
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_TRUE(says(*record, "Witnessed by 2 of 2: the anchor, as entry 501 of a log of which they cosigned 990."));
  EXPECT_TRUE(says(*record,
                   "Signed by 1 key, not witnessed: the state after block 49; from it the organisation's name and keys, and that the "
                   "record was current."));
  EXPECT_TRUE(says(*record, "Checkpoint: older than block 49, by 10 entries of the log."));
  const auto list = verify(encode(ledger.access_bundle()), ledger.trust());
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_TRUE(says(*list, "Witnessed by 2 of 2: the head, as entry 751 of a log of which they cosigned 990."));
  EXPECT_TRUE(says(*list,
                   "Signed by 1 key, not witnessed: the state after block 49; from it the organisation's name and keys, and that no "
                   "later head had come."));
  shape.checkpoint_ahead = 0;
  const TestLedger abreast(shape);
  EXPECT_TRUE(says(*verify(encode(abreast.access_bundle()), abreast.trust()), "Checkpoint: as new as block 49."));
}

// Whoever holds the validator's key can sign a header over the true log and any state. An older checkpoint, which is consistent with that
// log, must not lend its witnesses to a list whose head they have not seen.
TEST(Verify, AListIsWitnessedOnlyWithItsHead) {
  Shape shape;
  shape.witnesses = 2;
  const TestLedger ledger(shape);
  Shape older = shape;
  for (const std::int64_t ahead : {-249, -250}) {  // the head is entry 751 of 1,000
    older.checkpoint_ahead = ahead;
    Bundle bundle = ledger.access_bundle();
    bundle.checkpoint = TestLedger(older).access_bundle().checkpoint;
    EXPECT_EQ(step_of(verify(encode(bundle), ledger.trust())), ahead == -249 ? "ok" : "checkpoint");
  }
  shape.invented_head = true;
  const TestLedger invented(shape);
  EXPECT_EQ(step_of(verify(encode(invented.access_bundle()), invented.trust())), "state");
}

TEST(Verify, TheTrustFileDecides) {
  const TestLedger ledger({});
  const Bytes bundle = encode(ledger.record_bundle());
  Trust trust = ledger.trust();
  trust.ledger = *LedgerId::from(crypto::sha256("another").view());
  EXPECT_EQ(step_of(verify(bundle, trust)), "ledger");
  trust = ledger.trust();
  trust.chain_id = "cl-other";
  EXPECT_EQ(step_of(verify(bundle, trust)), "ledger");
  trust = ledger.trust();
  trust.validators.validators[0].key = testing::key_named("somebody").public_key();
  EXPECT_EQ(step_of(verify(bundle, trust)), "validators");
}

TEST(Verify, TwoThirdsOfFourMustHaveSigned) {
  for (std::size_t absent = 0; absent < 3; ++absent) {
    Shape shape;
    shape.validators = 4;
    shape.absent = absent;
    const TestLedger ledger(shape);
    EXPECT_EQ(step_of(verify(encode(ledger.record_bundle()), ledger.trust())), absent < 2 ? "ok" : "header");
  }
}

TEST(Verify, ARecordWithCurrencyAndFourSignaturesStaysBelowSixKibibytes) {
  Shape shape;
  shape.validators = 4;
  shape.commands = 100'000;
  shape.rows = 20'000;
  const TestLedger ledger(shape);
  EXPECT_LE(encode(ledger.record_bundle()).size(), 6u * 1024);
}

TEST(Verify, AThousandAccessesStayBelow180Kibibytes) {
  Shape shape;
  shape.accesses = 1000;
  const TestLedger ledger(shape);
  Bundle bundle = ledger.access_bundle();
  std::get<AccessClaim>(bundle.claim).openings.clear();
  const Bytes bytes = encode(bundle);
  EXPECT_LE(bytes.size(), 180u * 1024);
  EXPECT_EQ(verify(bytes, ledger.trust())->entries, 1000u);
}

TEST(Trust, IsReadStrictly) {
  Shape shape;
  shape.witnesses = 2;
  const TestLedger ledger(shape);
  const std::string text = to_text(ledger.trust());
  EXPECT_EQ(to_text(parse_trust(text).value()), text);
  const std::pair<const char*, const char*> changes[] = {
      {"careledger-trust/1", "careledger-trust/2"}, {"\"quorum\": 2", "\"quorum\": 3"},  {"\"quorum\": 2", "\"quorum\": \"2\""},
      {"\"power\": 10", "\"power\": -1"},           {"\"power\": 10", "\"power\": 1e1"}, {"\"witnesses\"", "\"witness\""},
      {"witness1.example", "witness0.example"},     {"witness1.example", "a b"},         {"\"chain_id\"", "\"chain_id \""},
  };
  for (const auto& [from, to] : changes) {
    std::string changed = text;
    ASSERT_NE(changed.find(from), std::string::npos) << from;
    changed.replace(changed.find(from), std::string_view(from).size(), to);
    EXPECT_FALSE(parse_trust(changed)) << to;
  }
  EXPECT_FALSE(parse_trust("{}"));
  EXPECT_FALSE(parse_trust("[]"));
  EXPECT_FALSE(parse_trust(text + "x"));
}

}  // namespace
}  // namespace careledger::proof
