// Walks over changes of validators: what is believed, and each thing that is not, with its reason. The bundles among them stand in
// tests/vectors/bundles/walks.json, with this verifier's verdict; tools/verifier reads the same file.
#include "proof/walk.h"

#include <gtest/gtest.h>

#include "proof/test_corpus.h"
#include "proof/test_ledger.h"

namespace careledger::proof {
namespace {

using testing::Case;
using testing::Era;
using testing::names_of;
using testing::Shape;
using testing::TestChain;
using testing::TestLedger;

constexpr std::int64_t kStart = 1764000000;  // seconds
constexpr BlockTime kNow{1764000200'000};    // later than every block

// ---- finding one ----

TestChain long_chain() {
  return {"cl-long", {{1, names_of("first", 4)}, {3334, names_of("second", 4)}, {6667, names_of("third", 4)}}, 10'000, kStart};
}

std::vector<std::int64_t> heights_of(const std::vector<LightBlock>& walk) {
  std::vector<std::int64_t> out;
  for (const LightBlock& block : walk) out.push_back(block.signed_header.header.height);
  return out;
}

FetchBlock shown_by(const TestChain& chain, std::size_t* fetched = nullptr) {
  return [&chain, fetched](Height height) -> Result<LightBlock> {
    if (fetched != nullptr) ++*fetched;
    if (height.value == 0 || height.value > chain.height()) return fail(ErrorKind::not_found, "no such block");
    return chain.block(height.value);
  };
}

const FollowRule kOffline = [](const LightBlock& trusted, const LightBlock& later) { return verify_follows(trusted, later); };

TEST(Walk, OverTwoCompleteChangesTakesTheirEdgesAndNothingElse) {
  const TestChain chain = long_chain();
  std::size_t fetched = 0;
  const auto walk = find_walk(chain.block(1), {10'000}, shown_by(chain, &fetched), kOffline);
  ASSERT_TRUE(walk) << walk.error().message;
  EXPECT_EQ(heights_of(*walk), (std::vector<std::int64_t>{3333, 3334, 6666, 6667, 10'000}));
  EXPECT_LT(fetched, 40u);
  const std::vector<LightBlock> between(walk->begin(), walk->end() - 1);
  EXPECT_TRUE(check_walk(between, walk->back()));
  EXPECT_EQ(vouched(chain.validators(1), between, walk->back()), 0u);
  EXPECT_EQ(vouched(chain.validators(4000), between, walk->back()), 2u);  // the last that they signed
  EXPECT_EQ(vouched(chain.validators(9000), between, walk->back()), 4u);  // the target itself
}

TEST(Walk, WithoutAChangeIsTheTargetAlone) {
  const TestChain chain = long_chain();
  const auto walk = find_walk(chain.block(1), {3333}, shown_by(chain), kOffline);
  ASSERT_TRUE(walk) << walk.error().message;
  EXPECT_EQ(heights_of(*walk), (std::vector<std::int64_t>{3333}));
  EXPECT_EQ(heights_of(find_walk(chain.block(3333), {3334}, shown_by(chain), kOffline).value()), (std::vector<std::int64_t>{3334}));
}

// With a clock a third of the old power will do, as it does for CometBFT's light client; without one it takes two thirds.
TEST(Walk, OfflineAThirdOfThePowerIsTooLittle) {
  std::vector<std::string> half = names_of("first", 2);
  for (const std::string& name : names_of("second", 2)) half.push_back(name);
  const TestChain chain("cl-half", {{1, names_of("first", 4)}, {50, half}}, 100, kStart);
  const LightBlock trusted = chain.block(1), later = chain.block(90);
  EXPECT_TRUE(verify_follows(trusted, later, {kStart + 200, 0}));
  const auto offline = verify_follows(trusted, later);
  ASSERT_FALSE(offline);
  EXPECT_NE(offline.error().message.find("no more than two thirds of the power of the validators before"), std::string::npos);
  EXPECT_EQ(heights_of(find_walk(trusted, {90}, shown_by(chain), kOffline).value()), (std::vector<std::int64_t>{49, 50, 90}));
}

TEST(Walk, OneValidatorAfterTheOtherIsReplaced) {
  std::vector<Era> eras;
  std::vector<std::string> names = names_of("member", 7);
  for (std::uint64_t change = 0; change < 20; ++change) {
    eras.push_back({1 + change * 50, names});
    names[change % 7] = "newcomer " + std::to_string(change);
  }
  const TestChain chain("cl-slowly", eras, 1000, kStart);
  const auto walk = find_walk(chain.block(1), {1000}, shown_by(chain), kOffline);
  ASSERT_TRUE(walk) << walk.error().message;
  EXPECT_LE(walk->size(), 25u);
  for (const LightBlock& block : *walk) EXPECT_TRUE(verify_commit(block.signed_header, block.validators));
}

TEST(Walk, EndsWithTheReasonWhereNothingLeadsOn) {
  const TestChain chain = long_chain();
  const TestChain other("cl-long", {{1, names_of("stranger", 4)}}, 10'000, kStart);
  const auto why = [&](const FetchBlock& fetch) {
    const auto walk = find_walk(chain.block(1), {5000}, fetch, kOffline);
    return walk ? std::string() : walk.error().message;
  };
  const FetchBlock lying = [&](Height height) -> Result<LightBlock> { return (height.value < 100 ? chain : other).block(height.value); };
  EXPECT_EQ(why(lying), "header: its validators are not those announced before");
  const FetchBlock pruned = [&](Height height) -> Result<LightBlock> {
    if (height.value < 4000) return fail(ErrorKind::not_found, "pruned");
    return chain.block(height.value);
  };
  EXPECT_EQ(why(pruned), "pruned");
  EXPECT_EQ(why([&](Height) -> Result<LightBlock> { return chain.block(5); }), "header: of another height than was asked for");
  EXPECT_FALSE(find_walk(chain.block(50), {50}, shown_by(chain), kOffline));
}

// ---- bundles ----

Shape small_network() {
  Shape shape;
  shape.commands = 60;
  shape.rows = 40;
  shape.versions = 5;
  shape.validators = 4;
  return shape;
}

LightBlock with_votes_forged(LightBlock block, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) block.signed_header.commit.signatures[i].signature[7] ^= 1;
  return block;
}

class WalkCorpus {
 public:
  WalkCorpus() {
    add_good();
    good_ = cases_.size();
    add_broken_blocks();
    add_broken_ways();
    add_forks();
    add_times();
    add_nothing();
  }
  const std::vector<Case>& cases() const { return cases_; }
  std::size_t good() const { return good_; }

 private:
  Bundle bundle(std::vector<LightBlock> walk) const {
    Bundle out = ledger_.record_bundle();
    out.walk = std::move(walk);
    return out;
  }
  void believed(const std::string& name, const Bundle& bundle, const Trust& trust, std::optional<BlockTime> now, bool flip) {
    cases_.push_back(testing::case_of(name, trust, encode(bundle), flip, now));
  }
  void refused(const std::string& name, const Bundle& bundle, const Trust& trust, std::optional<BlockTime> now, const std::string& reason) {
    const auto report = verify(encode(bundle), trust, now);
    ASSERT_FALSE(report) << name;
    EXPECT_NE(report.error().message.find(reason), std::string::npos) << name << ": " << report.error().message;
    believed(name, bundle, trust, now, false);
  }
  void refused(const std::string& name, std::vector<LightBlock> walk, const std::string& reason) {
    refused(name, bundle(std::move(walk)), founders_, {}, reason);
  }

  void add_good() {
    believed("record, after two complete changes of validators", bundle(walk_), founders_, {}, false);
    Shape shape = small_network();
    shape.validators = 1;
    const TestLedger one(shape);
    Bundle alone = one.record_bundle();
    alone.walk = TestLedger::walk_over(one.chain());
    believed("record of a ledger whose one validator was replaced twice", alone, one.founders_trust(1000), kNow, true);
    believed("within the trusting period", bundle(walk_), dated_, kNow, false);
    Bundle list = ledger_.access_bundle();
    list.walk = walk_;
    believed("list, after two complete changes of validators", list, founders_, {}, false);
    Trust second = founders_;
    second.validators = chain_.validators(20);
    believed("trust in the second set, which needs the walk's end alone", bundle(walk_), second, {}, false);
    believed("trust in the last set, which needs no walk", bundle(walk_), ledger_.trust(), {}, false);
    believed("with a block more than it needs", bundle({chain_.block(7), walk_[0], walk_[1], walk_[2], walk_[3], chain_.block(40)}), dated_,
             kNow, false);
    std::vector<LightBlock> few{chain_.block(19, 1), chain_.block(20, 1), chain_.block(34, 1), chain_.block(35, 1)};
    believed("one vote of four missing everywhere", bundle(few), founders_, {}, false);
    const BlockTime last{dated_.anchor->ends().value - 1};
    believed("a millisecond before the trust expires", bundle(walk_), dated_, last, false);
    believed("no walk, within the trusting period", ledger_.record_bundle(), dated_last(), kNow, false);
  }

  Trust dated_last() const {
    Trust out = ledger_.trust();
    const Header& header = chain_.header(40);
    out.anchor = TrustAnchor{{40}, *Digest::from(hash_of(header)), block_time(header.time), 1000};
    return out;
  }

  std::vector<LightBlock> with(std::size_t at, LightBlock block) const {
    std::vector<LightBlock> out = walk_;
    out[at] = std::move(block);
    return out;
  }

  void add_broken_blocks() {
    refused("over a third of a block's votes forged", with(0, with_votes_forged(walk_[0], 2)), "block 19: header: a validator's signature");
    refused("one forged vote", with(3, with_votes_forged(walk_[3], 1)), "block 35: header: a validator's signature");
    refused("half of a block's votes missing", with(2, chain_.block(34, 2)), "block 34: header: signed by no more than two thirds");
    LightBlock other = walk_[1];
    other.validators = chain_.validators(1);
    refused("another validator set than the block names", with(1, other), "block 20: header: names other validators");
    other = walk_[2];
    other.signed_header.commit = chain_.block(33).signed_header.commit;
    refused("the commit of another block", with(2, other), "block 34: header: the commit is for another height");
    Bundle forged = bundle(walk_);
    for (std::size_t i = 0; i < 2; ++i) forged.signed_header.commit.signatures[i].signature[7] ^= 1;
    refused("over a third of the header's own votes forged", forged, founders_, {}, "header: header: a validator's signature");
  }

  void add_broken_ways() {
    refused("no walk", {}, "validators: no more than two thirds of the trusted");
    refused("a walk that begins with strangers", {walk_[2], walk_[3]}, "validators: no more than two thirds of the trusted");
    refused("without the first block of the second set", {walk_[0], walk_[2], walk_[3]}, "block 34: header: signed by no more than two");
    refused("without the last block of the second set", {walk_[0], walk_[1], walk_[3]}, "block 35: header: signed by no more than two");
    refused("that ends before the last change", {walk_[0], walk_[1], walk_[2]}, "block 50: header: signed by no more than two thirds");
    refused("in another order", {walk_[1], walk_[0], walk_[2], walk_[3]}, "block 19: header: not above the trusted one");
    refused("a block twice", {walk_[0], walk_[0], walk_[1], walk_[2], walk_[3]}, "block 19: header: not above the trusted one");
    const TestChain later(ledger_.chain_id(), {{1, names_of("founder", 4)}, {20, names_of("second", 4)}}, 20, 1764001000);
    refused("a time that goes back", with(0, later.block(19)), "block 20: header: not later than the trusted one");
    const TestChain foreign("cl-foreign", {{1, names_of("founder", 4)}, {20, names_of("second", 4)}}, 20, kStart);
    refused("a block of another chain", with(0, foreign.block(19)), "block 20: header: belongs to another chain");
    const TestChain usurped(ledger_.chain_id(), {{1, names_of("founder", 4)}, {20, names_of("stranger", 4)}}, 20, kStart);
    refused("validators that nobody announced", with(1, usurped.block(20)), "block 20: header: its validators are not those announced");
  }

  void add_forks() {
    refused("a fork: the same validators, another block before", with(1, fork_.block(20)),
            "block 20: header: it names another block before");
    std::vector<LightBlock> walk = TestLedger::walk_over(fork_);
    walk.insert(walk.begin(), fork_.block(7));
    Trust later = founders_;  // founders who are in office again, say
    later.anchor = TrustAnchor{{25}, *Digest::from(hash_of(chain_.header(25))), block_time(chain_.header(25).time), 1000};
    refused("a way that begins below the block that the trust file names", bundle(walk_), later, kNow,
            "validators: no more than two thirds");
    refused("a fork from before the block that the trust file names", bundle(walk), dated_, kNow,
            "validators: another block than the trust file names at its height: the chain is forked");
  }

  void add_times() {
    const BlockTime ends = dated_.anchor->ends();
    refused("expired trust", bundle(walk_), dated_, ends, "time: expired trust: the trust file is of 2025-11-24T16:00:07Z");
    refused("expired trust, without a walk", ledger_.record_bundle(), dated_last(), dated_last().anchor->ends(), "time: expired trust");
    refused("a header from the future", bundle(walk_), dated_, BlockTime{1764000090'250}, "time: a block is from the future");
    refused("a trusting period and no clock", bundle(walk_), dated_, {}, "time: the trust file has a trusting period");
  }

  void add_nothing() {
    Bundle empty = bundle({});
    empty.walk.resize(1);
    refused("a block of nothing", empty, founders_, {}, "walk: block 0: ");
  }

  const TestLedger ledger_{small_network()};
  const TestChain chain_ = ledger_.chain();
  const TestChain fork_ = ledger_.chain("fork");
  const std::vector<LightBlock> walk_ = TestLedger::walk_over(chain_);
  const Trust founders_ = ledger_.founders_trust();
  const Trust dated_ = ledger_.founders_trust(1000);
  std::vector<Case> cases_;
  std::size_t good_ = 0;
};

TEST(Walk, BundlesAreWhatThisVerifierSays) {
  const WalkCorpus corpus;
  for (std::size_t i = 0; i < corpus.cases().size(); ++i) {
    const Case& each = corpus.cases()[i];
    EXPECT_EQ(each.step == "ok", i < corpus.good()) << each.name << ": " << each.step;
    EXPECT_EQ(each.flips.find('!'), std::string::npos) << each.name << ": a changed byte is accepted";
  }
  testing::expect_file("bundles/walks.json", testing::corpus_text(corpus.cases()));
}

// Too large for a file of vectors; tools/verifier/test/walks.test.mjs makes its own.
TEST(Walk, HasALimitInBlocksAndInBytes) {
  const TestLedger ledger(small_network());
  const LightBlock little = ledger.chain().block(19);
  LightBlock large = little;
  large.signed_header.commit.signatures.assign(kMaxValidators, large.signed_header.commit.signatures[0]);
  Bundle bundle = ledger.record_bundle();
  const auto step_of_many = [&](const LightBlock& block, std::size_t count) {
    bundle.walk.assign(count, block);
    return testing::step_of(verify(encode(bundle), ledger.founders_trust()));
  };
  EXPECT_EQ(step_of_many(little, kMaxWalk), "walk");
  EXPECT_EQ(step_of_many(little, kMaxWalk + 1), "format");
  EXPECT_EQ(step_of_many(large, 9), "walk");
  EXPECT_EQ(step_of_many(large, 11), "format");
}

TEST(Walk, AReportSaysHowItLedThereAndHowLongThatIsBelieved) {
  const TestLedger ledger(small_network());
  Bundle bundle = ledger.record_bundle();
  bundle.walk = TestLedger::walk_over(ledger.chain());
  const auto lines_of = [&](const Trust& trust) { return verify(encode(bundle), trust, kNow).value().lines(); };
  const auto has = [](const std::vector<std::string>& lines, const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  };
  const std::string followed =
      "Followed: from block 19 (2025-11-24T16:00:19Z), which the trust file's validators signed, over 4 headers to block 50, each signed "
      "by "
      "over two thirds of the validators before or by those they announced.";
  EXPECT_TRUE(has(lines_of(ledger.founders_trust()), followed));
  EXPECT_TRUE(has(lines_of(ledger.founders_trust()),
                  "Trusting period: none; whoever has got the keys of over two thirds of one of these validators' sets since could lead "
                  "elsewhere."));
  const auto dated = lines_of(ledger.founders_trust(86400));
  EXPECT_TRUE(has(dated, followed));
  EXPECT_TRUE(has(dated, "Trusting period: the trust file is of block 7 (2025-11-24T16:00:07Z) and believed until 2025-11-25T16:00:07Z."));
  for (const std::string& line : lines_of(ledger.trust()))
    EXPECT_FALSE(line.starts_with("Followed") || line.starts_with("Trusting")) << line;
}

TEST(Walk, AnAnchorIsReadStrictly) {
  const TestLedger ledger(small_network());
  const std::string text = to_text(ledger.founders_trust(86400));
  EXPECT_EQ(to_text(parse_trust(text).value()), text);
  const std::pair<const char*, const char*> changes[] = {
      {"\"height\": 7", "\"height\": 0"},
      {"\"height\": 7", "\"height\": \"7\""},
      {"\"trusting_period_s\": 86400", "\"trusting_period_s\": 0"},
      {"\"trusting_period_s\": 86400", "\"trusting_period_s\": 9007199254740992"},
      {"\"trusting_period_s\": 86400", "\"period\": 86400"},
      {"\"time_ms\": 1764000007000", "\"time_ms\": 253402300799999"},
      {"\"hash\": \"", "\"hash\": \"00"},
  };
  for (const auto& [from, to] : changes) {
    std::string changed = text;
    ASSERT_NE(changed.find(from), std::string::npos) << from;
    changed.replace(changed.find(from), std::string_view(from).size(), to);
    EXPECT_FALSE(parse_trust(changed)) << to;
  }
}

}  // namespace
}  // namespace careledger::proof
