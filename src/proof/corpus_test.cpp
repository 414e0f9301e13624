// The corpus of good and bad bundles in tests/vectors/bundles/corpus.json: what this verifier says of each is what stands there, and
// tools/verifier reads the same file. To write it anew after a change of the format: CARELEDGER_WRITE_VECTORS=1 build/…/proof_test.
#include <gtest/gtest.h>

#include <functional>

#include "proof/test_corpus.h"
#include "proof/test_ledger.h"

namespace careledger::proof {
namespace {

using testing::Shape;
using testing::TestLedger;

using testing::Case;

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

// Another command in a form of its own, at the place of the head's.
void change_head(Bundle& bundle, const std::function<void(ledger::Command&, bundle::AccessPayload&)>& change) {
  ledger::SignedCommand& signed_command = access(bundle).head.command;
  auto command = from_canonical<ledger::Command>(signed_command.command(), "command").value();
  auto payload = from_canonical<bundle::AccessPayload>(command.payload(), "head").value();
  change(command, payload);
  command.set_payload(canonical_bytes(payload));
  signed_command.set_command(canonical_bytes(command));
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
    {"command", "command", [](Bundle& b) { record(b).anchor.command.mutable_command()->append("x"); }},
    {"log height", "log", [](Bundle& b) { ++record(b).anchor.height.value; }},
    {"log position", "log", [](Bundle& b) { ++record(b).anchor.position; }},
    {"log index", "log", [](Bundle& b) { ++record(b).anchor.index; }},
    {"log path", "log", [](Bundle& b) { record(b).anchor.path.pop_back(); }},
    {"profile", "record", [](Bundle& b) { record(b).profile = "other/1"; }},
    {"element", "record", [](Bundle& b) { record(b).elements[0].leaf[50] ^= 1; }},
    {"side", "record", [](Bundle& b) { record(b).elements[0].path[0].first ^= true; }},
    {"element twice", "record", [](Bundle& b) { record(b).elements.push_back(record(b).elements[0]); }},
    {"type", "anchor", [](Bundle& b) { record(b).type = "Person"; }},
    {"leaf", "anchor", [](Bundle& b) { record(b).leaf ^= 1; }},
    {"leaf path", "anchor", [](Bundle& b) { record(b).leaf_path[0].value[3] ^= 1; }},
    {"state hash", "state", [](Bundle& b) { flip_a_hash(record(b).state); }},
    {"signature", "state", [](Bundle& b) { (*record(b).anchor.command.mutable_signatures(0)->mutable_signature())[9] ^= 1; }},
    {"signature of another key", "state", [](Bundle& b) { record(b).anchor.command.mutable_signatures(0)->set_key(2); }},
    {"signature twice", "state", [](Bundle& b) { *record(b).anchor.command.add_signatures() = record(b).anchor.command.signatures(0); }},
};

const Mutation kAccessMutations[] = {
    {"custodian", "command", [](Bundle& b) { access(b).custodian.value[0] ^= 1; }},
    {"head's command", "command", [](Bundle& b) { access(b).head.command.mutable_command()->append("x"); }},
    {"head's ledger", "command",
     [](Bundle& b) { change_head(b, [](ledger::Command& command, auto&) { command.set_ledger(Bytes(32, 'x')); }); }},
    {"head's actor", "command",
     [](Bundle& b) { change_head(b, [](ledger::Command& command, auto&) { command.set_actor(Bytes(32, 'x')); }); }},
    {"head's contract", "command", [](Bundle& b) { change_head(b, [](ledger::Command& command, auto&) { command.set_contract(4); }); }},
    {"no head in its command", "command",
     [](Bundle& b) { change_head(b, [](auto&, bundle::AccessPayload& payload) { payload.Clear(); }); }},
    {"head's size", "log",
     [](Bundle& b) { change_head(b, [](auto&, bundle::AccessPayload& payload) { payload.mutable_head()->set_size(1); }); }},
    {"head's log height", "log", [](Bundle& b) { ++access(b).head.height.value; }},
    {"head's log position", "log", [](Bundle& b) { ++access(b).head.position; }},
    {"head's log index", "log", [](Bundle& b) { ++access(b).head.index; }},
    {"head's log path", "log", [](Bundle& b) { access(b).head.path.pop_back(); }},
    {"head above the header", "log", [](Bundle& b) { access(b).head.height.value = 50; }},
    {"head's signature", "state", [](Bundle& b) { (*access(b).head.command.mutable_signatures(0)->mutable_signature())[9] ^= 1; }},
    {"head's signature of another key", "state", [](Bundle& b) { access(b).head.command.mutable_signatures(0)->set_key(2); }},
    {"head's signature twice", "state", [](Bundle& b) { *access(b).head.command.add_signatures() = access(b).head.command.signatures(0); }},
    {"subject", "list", [](Bundle& b) { access(b).subject.value[31] ^= 1; }},
    {"row", "list", [](Bundle& b) { (*std::get<MapLeaf>(access(b).list.entries[access(b).list.entries.size() / 2]).value)[0] ^= 1; }},
    {"opened entry", "opening", [](Bundle& b) { access(b).openings[0].entry += "x"; }},
    {"opened details", "opening", [](Bundle& b) { access(b).openings[0].details += "x"; }},
    {"opening of another row", "opening", [](Bundle& b) { ++access(b).openings[2].row; }},
    {"opening of no row", "opening", [](Bundle& b) { access(b).openings[2].row = 12; }},
    {"opening twice", "opening", [](Bundle& b) { access(b).openings.push_back(access(b).openings[2]); }},
};

void move(std::optional<AuditPlace>& place, std::int64_t ms) { place->time_ms += static_cast<std::uint64_t>(ms); }

// Of a part in the middle, with entries on both sides.
const Mutation kPartMutations[] = {
    {"begins earlier than its neighbour", "list", [](Bundle& b) { move(access(b).after, -1); }},
    {"begins later than its neighbour", "list", [](Bundle& b) { move(access(b).after, 1); }},
    {"begins at another number", "list", [](Bundle& b) { ++access(b).after->number; }},
    {"begins an entry later", "list", [](Bundle& b) { move(access(b).after, 1000); }},
    {"begins an entry earlier", "list", [](Bundle& b) { move(access(b).after, -1000); }},
    {"begins with the subject", "list", [](Bundle& b) { access(b).after.reset(); }},
    {"ends earlier than its neighbour", "list", [](Bundle& b) { move(access(b).before, -1); }},
    {"ends later than its neighbour", "list", [](Bundle& b) { move(access(b).before, 1); }},
    {"ends at another number", "list", [](Bundle& b) { ++access(b).before->number; }},
    {"ends an entry earlier", "list", [](Bundle& b) { move(access(b).before, -1000); }},
    {"ends an entry later", "list", [](Bundle& b) { move(access(b).before, 1000); }},
    {"ends with the subject", "list", [](Bundle& b) { access(b).before.reset(); }},
    {"passes for the whole", "list",
     [](Bundle& b) {
       access(b).after.reset();
       access(b).before.reset();
     }},
    {"ends before it begins", "list", [](Bundle& b) { std::swap(access(b).after, access(b).before); }},
    {"ends where it begins", "list", [](Bundle& b) { access(b).before = access(b).after; }},
    {"of another subject", "list", [](Bundle& b) { access(b).subject.value[31] ^= 1; }},
    {"row", "list", [](Bundle& b) { (*std::get<MapLeaf>(access(b).list.entries[access(b).list.entries.size() / 2]).value)[0] ^= 1; }},
    {"opened entry", "opening", [](Bundle& b) { access(b).openings[0].entry += "x"; }},
};

Case case_of(const std::string& name, const TestLedger& ledger, const Bytes& bundle, bool flip) {
  return testing::case_of(name, ledger.trust(), bundle, flip);
}

Shape small() {
  Shape shape;
  shape.commands = 60;
  shape.rows = 40;
  shape.versions = 5;
  return shape;
}

Shape consortium() {
  Shape shape = small();
  shape.validators = 4;
  shape.absent = 1;
  shape.witnesses = 2;
  return shape;
}

constexpr std::int64_t kJustTheHead = -14;  // of 60 commands the 46th, entry 45 of the log, is the head's

void add_good(std::vector<Case>& out) {
  const TestLedger one(small());
  out.push_back(case_of("record", one, encode(one.record_bundle()), false));
  const TestLedger four(consortium());
  out.push_back(case_of("record of a consortium, witnessed", four, encode(four.record_bundle()), true));
  for (std::uint32_t status = 1; status <= 3; ++status) {
    Shape shape = small();
    shape.exception = status;
    const TestLedger ledger(shape);
    out.push_back(case_of("record with exception " + std::to_string(status), ledger, encode(ledger.record_bundle()), status == 1));
  }
  Shape silent = consortium();
  silent.currency = silent.signatures = false;
  silent.checkpoint_ahead = 77;
  const TestLedger quiet(silent);
  out.push_back(case_of("record without currency and signatures, later checkpoint", quiet, encode(quiet.record_bundle()), false));
  out.push_back(case_of("list without signatures, later checkpoint", quiet, encode(quiet.access_bundle()), false));
  out.push_back(case_of("list of a consortium, witnessed", four, encode(four.access_bundle()), true));
  Shape early = consortium();
  early.checkpoint_ahead = kJustTheHead;
  const TestLedger behind(early);
  out.push_back(case_of("list under a checkpoint that ends with its head", behind, encode(behind.access_bundle()), false));
  out.push_back(case_of("list", one, encode(one.access_bundle()), true));
  Shape empty = small();
  empty.accesses = 0;
  const TestLedger unseen(empty);
  out.push_back(case_of("list of nothing", unseen, encode(unseen.access_bundle()), false));
  Shape rotated = small();
  rotated.replaced_at = 45;
  const TestLedger replaced(rotated);
  out.push_back(case_of("record signed by keys replaced since", replaced, encode(replaced.record_bundle()), false));
  out.push_back(case_of("list under a head signed by keys replaced since", replaced, encode(replaced.access_bundle()), false));
  const Bytes conviction = convict(one.promise(false), encode(one.access_bundle()), one.trust()).value();
  out.push_back(case_of("conviction", one, conviction, true));
}

void add_good_parts(std::vector<Case>& out) {
  const TestLedger one(small());
  out.push_back(case_of("the first part of a list", one, encode(one.part_bundle({}, 4)), true));
  out.push_back(case_of("a part in the middle", one, encode(one.part_bundle(3, 8)), true));
  out.push_back(case_of("the last part", one, encode(one.part_bundle(7, {})), true));
  out.push_back(case_of("a part of one entry", one, encode(one.part_bundle(3, 5)), false));
  out.push_back(case_of("a part without an entry", one, encode(one.part_bundle(3, 4)), true));
  out.push_back(case_of("a last part without an entry", one, encode(one.part_bundle(11, {})), false));
  out.push_back(case_of("a first part without an entry", one, encode(one.part_bundle({}, 0)), false));
  const TestLedger four(consortium());
  out.push_back(case_of("a part of a list, witnessed", four, encode(four.part_bundle(5, 9)), false));
  Shape shape = small();
  shape.at_once = 5;
  const TestLedger crowded(shape);
  out.push_back(case_of("a part that begins and ends within one millisecond", crowded, encode(crowded.part_bundle(0, 4)), false));
  const Bytes conviction = convict(one.promise(false), encode(one.part_bundle({}, 4)), one.trust()).value();
  out.push_back(case_of("conviction by the part that covers the promise", one, conviction, true));
}

void add_bad_parts(std::vector<Case>& out) {
  const TestLedger one(small());
  for (const Mutation& mutation : kPartMutations) {
    Bundle bundle = one.part_bundle(3, 8);
    mutation.change(bundle);
    out.push_back(case_of(std::string("part, changed: ") + mutation.name, one, encode(bundle), false));
    EXPECT_EQ(out.back().step, mutation.step) << mutation.name;
  }
  const auto refused = [&](const char* name, Bundle bundle, const char* step) {
    out.push_back(case_of(name, one, encode(bundle), false));
    EXPECT_EQ(out.back().step, step) << name;
  };
  for (const std::uint32_t after : {3u, 11u}) {
    Bundle bundle = after == 3 ? one.part_bundle(3, 4) : one.part_bundle(11, {});
    access(bundle).after.reset();
    access(bundle).before.reset();
    refused("a part without an entry that passes for the whole", bundle, "list");
  }
  Bundle point = one.part_bundle(3, 4);
  access(point).list = one.cut_of_rows({{3, false}});
  access(point).before = access(point).after;
  refused("a part between an entry and itself", point, "list");
  Bundle lacking = one.part_bundle(3, 8);
  access(lacking).openings.clear();
  access(lacking).list = one.cut_of_rows({{3, false}, {4, true}, {6, true}, {7, true}, {8, false}});
  refused("a part with an entry left out in the middle", lacking, "list");
  access(lacking).list = one.cut_of_rows({{3, false}, {5, true}, {6, true}, {7, true}, {8, false}});
  refused("a part with its first entry left out", lacking, "list");
  access(lacking).list = one.cut_of_rows({{3, false}, {4, true}, {5, true}, {6, true}, {8, false}});
  refused("a part with its last entry left out", lacking, "list");
  access(lacking).list = one.cut_of_rows({{3, false}, {4, true}, {5, false}, {6, true}, {7, true}, {8, false}});
  refused("a part that hides an entry's value", lacking, "list");
  access(lacking).list = one.cut_of_rows({{3, true}, {4, true}, {5, true}, {6, true}, {7, true}, {8, false}});
  refused("a part that shows the entry it begins behind", lacking, "list");
  Bundle whole = one.access_bundle();
  access(whole).after = one.place(0);
  refused("a whole list that says it begins behind its first entry", whole, "list");
  access(whole).after.reset();
  access(whole).before = one.place(11);
  refused("a whole list that says it ends before its last entry", whole, "list");
  access(whole).before = AuditPlace{UINT64_MAX, UINT32_MAX};
  refused("a whole list that says it ends before an entry that is none", whole, "list");
  Bundle part = one.part_bundle(1, 4);
  access(part).promise = one.promise(false);  // of a time between the first two
  refused("promise of an entry before the part", part, "promise");
  for (const std::uint32_t bound : {1u, 4u}) {
    access(part).promise = one.promise(false, [&](ledger::Promise& promise) { promise.set_time_ms(one.place(bound).time_ms); });
    refused("promise of an entry that bounds the part", part, "promise");
  }
}

// What the witnesses have not seen is not witnessed: a list whose head came after their checkpoint, one whose head no command set.
void add_unseen(std::vector<Case>& out) {
  Shape early = consortium();
  early.checkpoint_ahead = kJustTheHead - 1;
  const TestLedger before(early);
  out.push_back(case_of("list under a checkpoint from before its head", before, encode(before.access_bundle()), false));
  EXPECT_EQ(out.back().step, "checkpoint");
  Shape made_up = consortium();
  made_up.invented_head = true;
  const TestLedger invented(made_up);
  out.push_back(case_of("list by a head that no command set", invented, encode(invented.access_bundle()), false));
  EXPECT_EQ(out.back().step, "state");
}

// The same witnesses and keys, and a history that is not the one they saw; then cosignatures that should not be there.
void add_bad_witnesses(std::vector<Case>& out, const TestLedger& honest) {
  Shape shape = consortium();
  shape.commands = 64;
  const TestLedger rewritten(shape);
  Bundle bundle = rewritten.record_bundle();
  bundle.checkpoint = honest.record_bundle().checkpoint;
  out.push_back(case_of("history signed anew behind the witnesses", rewritten, encode(bundle), false));
  bundle = honest.record_bundle();
  Note note = parse_note(bundle.checkpoint->note).value();
  const Note good = note;
  note.signatures.push_back(note.signatures.back());
  bundle.checkpoint->note = encode(note);
  out.push_back(case_of("a witness twice", honest, encode(bundle), false));
  note = good;
  note.signatures.push_back(cosign(note.text, "stranger.example", testing::key_named("stranger"), 1764000200));
  bundle.checkpoint->note = encode(note);
  out.push_back(case_of("a witness that nobody knows", honest, encode(bundle), false));
  note = good;
  note.signatures.erase(note.signatures.begin());
  bundle.checkpoint->note = encode(note);
  out.push_back(case_of("a checkpoint that the log did not sign", honest, encode(bundle), false));
}

void add_bad(std::vector<Case>& out) {
  const TestLedger one(small());
  for (const Mutation& mutation : kRecordMutations) {
    Bundle bundle = one.record_bundle();
    mutation.change(bundle);
    out.push_back(case_of(std::string("record, changed: ") + mutation.name, one, encode(bundle), false));
    EXPECT_EQ(out.back().step, mutation.step) << mutation.name;
  }
  for (const Mutation& mutation : kAccessMutations) {
    Bundle bundle = one.access_bundle();
    mutation.change(bundle);
    out.push_back(case_of(std::string("list, changed: ") + mutation.name, one, encode(bundle), false));
    EXPECT_EQ(out.back().step, mutation.step) << mutation.name;
  }
  Bundle kept = one.access_bundle();
  std::get<AccessClaim>(kept.claim).promise = one.promise(true);
  out.push_back(case_of("promise kept", one, encode(kept), false));
  const std::pair<const char*, std::function<void(ledger::Promise&)>> promises[] = {
      {"promise about another subject", [](ledger::Promise& promise) { promise.set_subject(Bytes(32, 'x')); }},
      {"promise for no request", [](ledger::Promise& promise) { promise.clear_request(); }},
      {"promise for half a relationship", [](ledger::Promise& promise) { promise.mutable_relationship()->resize(16); }},
  };
  for (const auto& [name, change] : promises) {
    std::get<AccessClaim>(kept.claim).promise = one.promise(false, change);
    out.push_back(case_of(name, one, encode(kept), false));
    EXPECT_EQ(out.back().step, "promise") << name;
  }
  Shape few = consortium();
  few.absent = 2;
  const TestLedger unsigned_header(few);
  out.push_back(case_of("half of the validators", unsigned_header, encode(unsigned_header.record_bundle()), false));
  const TestLedger four(consortium());
  Bundle unwitnessed = four.record_bundle();
  unwitnessed.checkpoint.reset();
  out.push_back(case_of("no witnesses where two are wanted", four, encode(unwitnessed), false));
  add_bad_witnesses(out, four);
  add_unseen(out);
  Shape late = small();
  late.replaced_at = 40;
  const TestLedger replaced(late);
  out.push_back(case_of("record signed by keys replaced before", replaced, encode(replaced.record_bundle()), false));
  out.push_back(case_of("list under a head signed by keys replaced before", replaced, encode(replaced.access_bundle()), false));
  Shape chatty = small();
  chatty.more_rows = {head_key(one.organisation())};
  const TestLedger telling(chatty);
  out.push_back(case_of("a row that nobody asked for", telling, encode(telling.record_bundle()), false));
  chatty.more_rows = {"\x05"};
  const TestLedger absent(chatty);
  out.push_back(case_of("an absence that nobody asked for", absent, encode(absent.record_bundle()), false));
  out.push_back(case_of("trust in another validator", four, encode(one.record_bundle()), false));
  out.push_back(case_of("empty file", one, "", false));
  out.push_back(case_of("a byte more", one, encode(one.record_bundle()) + '\0', false));
}

TEST(Corpus, IsWhatThisVerifierSays) {
  std::vector<Case> cases;
  add_good(cases);
  add_good_parts(cases);
  const std::size_t good = cases.size();
  add_bad(cases);
  add_bad_parts(cases);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(cases[i].step == "ok", i < good) << cases[i].name << ": " << cases[i].step;
    EXPECT_EQ(cases[i].flips.find('!'), std::string::npos) << cases[i].name << ": a changed byte is accepted";
  }
  testing::expect_file("bundles/corpus.json", testing::corpus_text(cases));
}

TEST(Corpus, NoPartOfABundleIsABundle) {
  const TestLedger ledger(small());
  const Trust trust = ledger.trust();
  for (const Bytes& good : {encode(ledger.record_bundle()), encode(ledger.access_bundle())})
    for (std::size_t size = 0; size < good.size(); size += 3) EXPECT_FALSE(verify(ByteView(good).substr(0, size), trust)) << size;
}

}  // namespace
}  // namespace careledger::proof
