#include "proof/verify.h"

#include <gtest/gtest.h>

#include <functional>

#include "proof/test_ledger.h"

namespace careledger::proof {
namespace {

using testing::Shape;
using testing::TestLedger;

std::string step_of(const Result<Report>& result) { return result ? "ok" : result.error().message.substr(0, result.error().message.find(':')); }

TEST(Verify, ARecordIsProvenWithItsCurrency) {
  const TestLedger ledger({});
  const auto report = verify(encode(ledger.record_bundle()), ledger.trust());
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->kind, ClaimKind::record);
  EXPECT_EQ(report->currency, Currency::current);
  EXPECT_EQ(report->organisation_name, "Hospital Nörd");
  EXPECT_EQ(report->anchored.value, 41u);
  EXPECT_EQ(report->as_of.value, 49u);
  ASSERT_EQ(report->shown.size(), 1u);
  EXPECT_EQ(report->shown[0].name, "id");
  EXPECT_EQ(report->shown[0].value, "\"p1\"");
  const auto lines = report->lines();
  EXPECT_EQ(lines[0], "Record: a Patient was anchored by \"Hospital Nörd\" in block 41, command 3.");
  EXPECT_EQ(lines.back(), "Signed by 1 key, witnessed by 0 of 0.");
}

TEST(Verify, SupersededErrorAndErasedAreSaid) {
  const std::pair<std::uint32_t, Currency> cases[] = {
      {1, Currency::superseded}, {2, Currency::entered_in_error}, {3, Currency::erased}};
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
  for (const bool later : {false, true}) {
    Shape shape;
    shape.witnesses = 3;
    shape.later_checkpoint = later;
    const TestLedger ledger(shape);
    Bundle bundle = ledger.record_bundle();
    const auto report = verify(encode(bundle), ledger.trust());
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->lines().back(), "Signed by 1 key, witnessed by 3 of 3.");
    bundle.checkpoint.reset();
    EXPECT_EQ(step_of(verify(encode(bundle), ledger.trust())), "quorum");
  }
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

// Changes one thing of a good bundle; the step is where that must be found.
struct Mutation {
  const char* name;
  const char* step;
  std::function<void(Bundle&)> change;
};

RecordClaim& record(Bundle& bundle) { return std::get<RecordClaim>(bundle.claim); }
AccessClaim& access(Bundle& bundle) { return std::get<AccessClaim>(bundle.claim); }

void flip_a_hash(MapCut& cut) {
  for (MapEntry& entry : cut.entries) {
    if (auto* hash = std::get_if<Digest>(&entry)) {
      hash->value[7] ^= 1;
      return;
    }
  }
}

const Mutation kRecordMutations[] = {
    {"height", "header", [](Bundle& b) { ++b.signed_header.header.height; }},
    {"time", "header", [](Bundle& b) { ++b.signed_header.header.time.nanos; }},
    {"app hash", "header", [](Bundle& b) { b.signed_header.header.app_hash[0] ^= 1; }},
    {"vote time", "header", [](Bundle& b) { ++b.signed_header.commit.signatures[0].timestamp.seconds; }},
    {"round", "header", [](Bundle& b) { ++b.signed_header.commit.round; }},
    {"parts", "header", [](Bundle& b) { ++b.signed_header.commit.block_id.parts.total; }},
    {"power", "header", [](Bundle& b) { ++b.validators.validators[0].power; }},
    {"log size", "app", [](Bundle& b) { b.roots["log"][39] ^= 1; }},
    {"another root", "app", [](Bundle& b) { b.roots["more"] = "x"; }},
    {"command", "command", [](Bundle& b) { record(b).command.mutable_command()->append("x"); }},
    {"log height", "log", [](Bundle& b) { ++record(b).height.value; }},
    {"log position", "log", [](Bundle& b) { ++record(b).position; }},
    {"log index", "log", [](Bundle& b) { ++record(b).index; }},
    {"log path", "log", [](Bundle& b) { record(b).log_path.pop_back(); }},
    {"profile", "record", [](Bundle& b) { record(b).profile = "other/1"; }},
    {"element", "record", [](Bundle& b) { record(b).elements[0].leaf[50] ^= 1; }},
    {"side", "record", [](Bundle& b) { record(b).elements[0].path[0].first ^= true; }},
    {"element twice", "record", [](Bundle& b) { record(b).elements.push_back(record(b).elements[0]); }},
    {"type", "anchor", [](Bundle& b) { record(b).type = "Person"; }},
    {"leaf", "anchor", [](Bundle& b) { record(b).leaf ^= 1; }},
    {"leaf path", "anchor", [](Bundle& b) { record(b).leaf_path[0].value[3] ^= 1; }},
    {"state hash", "state", [](Bundle& b) { flip_a_hash(record(b).state); }},
    {"signature", "state", [](Bundle& b) { (*record(b).command.mutable_signatures(0)->mutable_signature())[9] ^= 1; }},
    {"signature of another key", "state", [](Bundle& b) { record(b).command.mutable_signatures(0)->set_key(2); }},
    {"signature twice", "state", [](Bundle& b) { *record(b).command.add_signatures() = record(b).command.signatures(0); }},
};

TEST(Verify, EveryMutationOfARecordIsRefusedWhereItLies) {
  const TestLedger ledger({});
  for (const Mutation& mutation : kRecordMutations) {
    Bundle bundle = ledger.record_bundle();
    mutation.change(bundle);
    const auto step = step_of(verify(encode(bundle), ledger.trust()));
    EXPECT_TRUE(step == mutation.step || step == "format") << mutation.name << ": " << step;
    EXPECT_NE(step, "ok");
  }
}

const Mutation kAccessMutations[] = {
    {"custodian", "state", [](Bundle& b) { access(b).custodian.value[0] ^= 1; }},
    {"subject", "list", [](Bundle& b) { access(b).subject.value[31] ^= 1; }},
    {"row", "list", [](Bundle& b) { (*std::get<MapLeaf>(access(b).list.entries[access(b).list.entries.size() / 2]).value)[0] ^= 1; }},
    {"opened entry", "opening", [](Bundle& b) { access(b).openings[0].entry += "x"; }},
    {"opened details", "opening", [](Bundle& b) { access(b).openings[0].details += "x"; }},
    {"opening of another row", "opening", [](Bundle& b) { ++access(b).openings[2].row; }},
    {"opening of no row", "opening", [](Bundle& b) { access(b).openings[2].row = 12; }},
    {"opening twice", "opening", [](Bundle& b) { access(b).openings.push_back(access(b).openings[2]); }},
};

TEST(Verify, EveryMutationOfAListIsRefusedWhereItLies) {
  const TestLedger ledger({});
  for (const Mutation& mutation : kAccessMutations) {
    Bundle bundle = ledger.access_bundle();
    mutation.change(bundle);
    EXPECT_EQ(step_of(verify(encode(bundle), ledger.trust())), mutation.step) << mutation.name;
  }
}

void refuse_every_flip(const Bytes& good, const Trust& trust) {
  ASSERT_TRUE(verify(good, trust)) << verify(good, trust).error().message;
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    EXPECT_FALSE(verify(bad, trust)) << i << " of " << good.size();
  }
  for (std::size_t size = 0; size < good.size(); size += 7) EXPECT_FALSE(verify(ByteView(good).substr(0, size), trust)) << size;
  EXPECT_FALSE(verify(good + '\0', trust));
}

TEST(Verify, NoByteCanChange) {
  Shape shape;
  shape.validators = 4;
  shape.absent = 1;
  shape.witnesses = 2;
  const TestLedger ledger(shape);
  refuse_every_flip(encode(ledger.record_bundle()), ledger.trust());
  refuse_every_flip(encode(ledger.access_bundle()), ledger.trust());
  refuse_every_flip(convict(ledger.promise(false), encode(ledger.access_bundle()), ledger.trust()).value(), ledger.trust());
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
      {"careledger-trust/1", "careledger-trust/2"}, {"\"quorum\": 2", "\"quorum\": 3"}, {"\"quorum\": 2", "\"quorum\": \"2\""},
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
