// A chain that is held against what its engine keeps: here the blocks of an embedded ledger, of one founder, changed one by one.
#include "apps/network/chain_check.h"

#include <gtest/gtest.h>

#include "apps/founding.h"
#include "apps/node.h"
#include "base/test_folder.h"
#include "ordering/headers_kept.h"
#include "replica/ledger_store.h"
#include "replica/stored_block.h"

namespace careledger::apps::network {
namespace {

class Changed final : public ChainSource {
 public:
  explicit Changed(Ledger& ledger) : newest_(ledger.ordering().height()), ledger_(ledger) {}
  Height newest() const override { return newest_; }
  Height oldest() const override { return oldest_; }
  Result<proof::SignedHeader> header(Height height) override {
    if (height < oldest_ || height == gone) return fail(ErrorKind::not_found, "the engine: it was dropped");
    CARELEDGER_TRY(auto found, ledger_.ordering().header(height));
    if (height == at && change_header) change_header(found);
    return found;
  }
  Result<proof::ValidatorSet> validators(Height height) override { return ledger_.ordering().validators(height); }
  Result<ordering::abci::EngineBlock> block(Height height) override {
    if (height == at && lost) return fail(ErrorKind::malformed, "no such file");
    CARELEDGER_TRY(const auto found, ledger_.ordering().header(height));
    return ordering::abci::EngineBlock{found.header, {}};
  }

  Height at;
  std::function<void(proof::SignedHeader&)> change_header;
  bool lost = false;
  Height gone;  // its header
  Height newest_, oldest_{1};

 private:
  Ledger& ledger_;
};

class ChainCheck : public ::testing::Test {
 protected:
  TestFolder folder;
  Layout layout = layout_of(folder.path() + "/node");
  std::unique_ptr<Node> node;
  proof::ValidatorSet founders;

  void SetUp() override {
    NewLedger order;
    order.organisations = {{"North Hospital", "hospital", 0}};
    ASSERT_TRUE(found_ledger(layout, order, system_clock(), system_entropy(), {}));
    open();
    founders = *node->ledger().first_validators();
  }
  void open() {
    auto opened = Node::open(layout, {}, system_clock(), system_entropy());
    ASSERT_TRUE(opened) << opened.error().message;
    node = std::move(*opened);
  }
  std::vector<std::string> found(ChainSource& source) {
    std::vector<std::string> out;
    for (const auto& one : check_chain(node->ledger().replica().view(), founders, source, {}).findings)
      out.push_back(one.where + ": " + one.what);
    return out;
  }
  Changed source() { return Changed(node->ledger()); }
  // Behind the back of the program, which opens the folder again.
  void change_store(storage::Column column, const Bytes& key, const std::function<void(Bytes&)>& change) {
    storage::Store& store = node->ledger().store();
    const auto before = store.get(column, key);
    ASSERT_TRUE(before);
    Bytes value = before->value_or("");
    change(value);
    storage::Batch batch;
    batch.put(column, key, value);
    ASSERT_TRUE(store.write(batch, storage::Durability::synced));
    node.reset();
    open();
  }
  void remember_headers_from(Height first) {
    const replica::SideRow row = ordering::headers_from(first);
    change_store(replica::columns::kMeta, replica::side_key(row.key), [&](Bytes& value) { value = row.value; });
  }
  void change_block(Height height, const std::function<void(replica::BlockRow&)>& change) {
    change_store(replica::columns::kBlocks, replica::block_key(height), [&](Bytes& value) {
      replica::BlockRow row;
      ASSERT_TRUE(row.ParseFromString(value));
      change(row);
      value = row.SerializeAsString();
    });
  }
  // The block with the founder's first command.
  Height first_with_commands() {
    const replica::View view = node->ledger().replica().view();
    Height height{1};
    while ((*view.block(height))->commands.empty()) height = next(height);
    return height;
  }
};

TEST_F(ChainCheck, AChainAsItWasSignedIsSound) {
  Changed engine = source();
  ASSERT_GE(engine.newest().value, 3u);
  const ChainReport report = check_chain(node->ledger().replica().view(), founders, engine, {});
  EXPECT_TRUE(report.findings.empty()) << report.findings.front().what;
  EXPECT_TRUE(report.notes.empty());
  EXPECT_EQ(report.blocks, engine.newest().value);
}

TEST_F(ChainCheck, WhatWasChangedIsNamedByItsBlock) {
  Changed engine = source();
  engine.at = {2};
  engine.change_header = [](proof::SignedHeader& header) { header.commit.signatures.front().signature[5] ^= 1; };
  ASSERT_EQ(found(engine).size(), 1u);
  EXPECT_NE(found(engine).front().find("block 2: its commit: "), std::string::npos) << found(engine).front();

  engine.change_header = [](proof::SignedHeader& header) { header.header.data_hash[0] ^= 1; };
  EXPECT_NE(found(engine).front().find("block 2: its commit: "), std::string::npos) << found(engine).front();

  engine.change_header = nullptr;
  engine.lost = true;
  ASSERT_EQ(found(engine).size(), 1u);
  EXPECT_NE(found(engine).front().find("block 2: its commands in the engine's store"), std::string::npos) << found(engine).front();
}

TEST_F(ChainCheck, OtherFoundersAndAnotherEndAreFound) {
  Changed engine = source();
  engine.newest_ = {engine.newest_.value - 1};
  ASSERT_EQ(found(engine).size(), 1u);
  EXPECT_NE(found(engine).front().find("blocks were taken out"), std::string::npos) << found(engine).front();

  Changed whole = source();
  founders.validators.front().power += 1;
  ASSERT_EQ(found(whole).size(), 1u);
  EXPECT_NE(found(whole).front().find("block 1: other validators signed it"), std::string::npos) << found(whole).front();
}

TEST_F(ChainCheck, WhereOldHeadersWereDroppedItBeginsWithTheFirstThatIsHere) {
  remember_headers_from({3});
  Changed engine = source();
  engine.oldest_ = {3};
  engine.at = {2};
  engine.lost = true;
  engine.change_header = [](proof::SignedHeader& header) { header.commit.signatures.front().signature[5] ^= 1; };
  const ChainReport report = check_chain(node->ledger().replica().view(), founders, engine, {});
  EXPECT_TRUE(report.findings.empty()) << report.findings.front().what;
  ASSERT_EQ(report.notes.size(), 1u);
  EXPECT_EQ(report.notes.front(),
            "the engine keeps blocks from 3 on (serve --keep-blocks): against those of the ledger from 1 to 2 no signature is held, and "
            "their commands against the log alone");
  EXPECT_EQ(report.blocks, engine.newest().value);

  engine.at = {3};
  EXPECT_FALSE(found(engine).empty());
  engine.at = {};
  founders.validators.front().key = crypto::PublicKey{};  // nobody's
  const ChainReport others = check_chain(node->ledger().replica().view(), founders, engine, {});
  EXPECT_TRUE(others.findings.empty());
  ASSERT_EQ(others.notes.size(), 2u);
  EXPECT_NE(others.notes.back().find("no more than a third of the founders' votes signed that"), std::string::npos) << others.notes.back();
}

// No root covers what the ledger remembers of them: whoever edits the state can write there as well.
TEST_F(ChainCheck, WhatIsRememberedOfDroppedHeadersHidesNothing) {
  for (const std::uint64_t above : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}, std::uint64_t{0} - 3}) {
    const Height first{3 + above};
    remember_headers_from(first);
    Changed engine = source();
    const Height newest = engine.newest();
    engine.at = {2};
    engine.change_header = [](proof::SignedHeader& header) { header.commit.signatures.front().signature[5] ^= 1; };
    const auto edited = found(engine);
    ASSERT_FALSE(edited.empty()) << first.value;
    EXPECT_NE(edited.back().find("block 2: its commit: "), std::string::npos) << edited.back();
    engine.at = newest;
    engine.change_header = [](proof::SignedHeader& header) { header.header.app_hash[0] ^= 1; };
    const auto state = found(engine);
    ASSERT_FALSE(state.empty()) << first.value;
    EXPECT_NE(state.back().find("do not give the app hash"), std::string::npos) << state.back();
    engine.at = {};
    const auto itself = found(engine);
    EXPECT_EQ(itself.size(), first > newest ? 1u : 0u) << first.value;  // what the engine has not dropped yet is no fault
    if (first > newest) EXPECT_NE(itself.front().find("its record says that signed headers begin with block"), std::string::npos);
  }
}

// Nor does one cover the height from which on it says that it keeps blocks.
TEST_F(ChainCheck, ALedgerThatSaysItBeginsLaterHidesNothing) {
  change_store(replica::columns::kMeta, Bytes(replica::kTipKey), [](Bytes& value) {
    replica::Tip tip;
    ASSERT_TRUE(tip.ParseFromString(value));
    tip.set_first_height(tip.height());
    value = tip.SerializeAsString();
  });
  Changed engine = source();
  ASSERT_EQ(found(engine).size(), 1u);
  EXPECT_NE(found(engine).front().find("the ledger says that it has those from"), std::string::npos) << found(engine).front();
  engine.at = {2};
  engine.change_header = [](proof::SignedHeader& header) { header.commit.signatures.front().signature[5] ^= 1; };
  EXPECT_EQ(found(engine).size(), 2u);
  engine.at = engine.newest();
  engine.change_header = [](proof::SignedHeader& header) { header.header.app_hash[0] ^= 1; };
  EXPECT_NE(found(engine).back().find("do not give the app hash"), std::string::npos) << found(engine).back();
}

TEST_F(ChainCheck, ALedgerThatSaysItBeganWithASnapshotIsNotSaidToHaveBeenLookedAtBelow) {
  change_store(replica::columns::kMeta, Bytes(replica::kTipKey), [](Bytes& value) {
    replica::Tip tip;
    ASSERT_TRUE(tip.ParseFromString(value));
    tip.set_first_height(3);
    value = tip.SerializeAsString();
  });
  remember_headers_from({3});
  Changed engine = source();
  engine.oldest_ = {3};
  const ChainReport report = check_chain(node->ledger().replica().view(), founders, engine, {});
  EXPECT_TRUE(report.findings.empty());
  ASSERT_FALSE(report.notes.empty());
  EXPECT_EQ(report.notes.front(), "the ledger says that it began with a snapshot of block 2: blocks up to that one were not looked at");
}

TEST_F(ChainCheck, TheOldestCommandsCannotBeLeftOut) {
  const Height emptied = first_with_commands();
  const std::uint64_t log_first = (*node->ledger().replica().view().block(next(emptied)))->log_first;
  for (Height height{1}; height <= emptied; height = next(height))
    change_block(height, [&](replica::BlockRow& row) {
      row.clear_batches();
      row.clear_results();
      row.set_log_first(log_first);
    });
  remember_headers_from(next(emptied));
  Changed engine = source();
  engine.oldest_ = next(emptied);
  ASSERT_FALSE(found(engine).empty());
  EXPECT_NE(found(engine).front().find("block 1: its commands do not stand in the log"), std::string::npos) << found(engine).front();
}

TEST_F(ChainCheck, ALostHeaderIsNoFaultOfTheBlocksAfterIt) {
  Changed engine = source();
  engine.gone = first_with_commands();
  const auto said = found(engine);
  ASSERT_EQ(said.size(), 1u) << said.back();
  EXPECT_NE(said.front().find("its header in the engine's store"), std::string::npos) << said.front();
}

TEST_F(ChainCheck, BlocksThatTheEngineWasNotToldToDropAreMissed) {
  Changed engine = source();
  engine.oldest_ = {3};
  ASSERT_EQ(found(engine).size(), 1u);
  EXPECT_EQ(found(engine).front(),
            "the oldest block: the engine keeps blocks from 3 on, and the ledger remembers that it was told to keep those from 1 on: "
            "blocks were taken out");
  engine.oldest_ = {1000};
  EXPECT_FALSE(found(engine).empty());
}

TEST_F(ChainCheck, WithoutAHeaderACommandIsHeldAgainstTheLog) {
  const Height edited = first_with_commands();
  change_block(edited, [](replica::BlockRow& row) {
    Bytes& batch = *row.mutable_batches(0);
    const std::size_t at = batch.find("North Hospital");
    ASSERT_NE(at, Bytes::npos);
    batch.replace(at, 5, "South");
  });
  const Height first = next(edited);
  remember_headers_from(first);
  Changed engine = source();
  engine.oldest_ = first;
  EXPECT_EQ(found(engine), std::vector{"block " + std::to_string(edited.value) + ": its commands are not those that stand in the log"});
}

TEST_F(ChainCheck, WithoutAHeaderACommandThatIsSaidToHaveFailedIsFound) {
  const Height edited = first_with_commands();
  change_block(edited, [](replica::BlockRow& row) {
    row.mutable_results(0)->clear_codes();
    for (std::uint32_t i = 0; i < row.results(0).commands(); ++i) row.mutable_results(0)->add_codes(1);
  });
  const Height first = next(edited);
  remember_headers_from(first);
  Changed engine = source();
  engine.oldest_ = first;
  const auto said = found(engine);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said.front().find("in the log"), std::string::npos) << said.front();
}

TEST_F(ChainCheck, WithoutAHeaderATimeThatDoesNotRiseIsFound) {
  change_block({2}, [](replica::BlockRow& row) { row.set_time_ms(1); });
  remember_headers_from({3});
  Changed engine = source();
  engine.oldest_ = {3};
  ASSERT_FALSE(found(engine).empty());
  EXPECT_EQ(found(engine).front(), "block 2: its time is not after that of the block before it");
}

TEST_F(ChainCheck, AStateThatIsNotTheSignedOneIsFound) {
  const replica::View newest = node->ledger().replica().view();
  Changed engine = source();
  engine.at = newest.height();
  engine.change_header = [](proof::SignedHeader& header) { header.header.app_hash[0] ^= 1; };
  bool named = false;
  for (const std::string& one : found(engine)) named = named || one.find("do not give the app hash") != std::string::npos;
  EXPECT_TRUE(named);
}

}  // namespace
}  // namespace careledger::apps::network
