// A chain that is held against what its engine keeps: here the blocks of an embedded ledger, of one founder, changed one by one.
#include "apps/network/chain_check.h"

#include <gtest/gtest.h>

#include "apps/founding.h"
#include "apps/node.h"
#include "base/test_folder.h"
#include "contracts/all.h"
#include "ordering/headers_kept.h"
#include "replica/ledger_store.h"
#include "replica/log_store.h"
#include "replica/packed_row.h"
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
  void change_tip(const std::function<void(replica::Tip&)>& change) {
    change_store(replica::columns::kMeta, Bytes(replica::kTipKey), [&](Bytes& value) {
      replica::Tip tip;
      ASSERT_TRUE(tip.ParseFromString(value));
      change(tip);
      value = tip.SerializeAsString();
    });
  }
  // As a node does that drops old blocks.
  void drop_below(Height first) {
    storage::Batch batch;
    for (Height height{1}; height < first; height = next(height)) batch.erase(replica::columns::kBlocks, replica::block_key(height));
    ASSERT_TRUE(node->ledger().store().write(batch, storage::Durability::synced));
    change_tip([first](replica::Tip& tip) { tip.set_first_height(first.value); });
    remember_headers_from(first);
  }
  std::uint64_t older_entries(Height first) { return (*node->ledger().replica().view().block(first))->log_first; }
  // Of the log when its first block left these entries instead.
  Digest root_with(ByteView first_row) {
    proof::CompactRange log;
    const auto rows = node->ledger().store().iterate(replica::columns::kLog, storage::Range::prefix("b"));
    for (rows->seek_first(); rows->valid(); rows->next()) {
      ByteView height = rows->value();
      const std::uint64_t at = take_u64(height).value();
      const Bytes key = "e" + Bytes(rows->key().substr(1));
      const Bytes row = log.size() == 0 ? Bytes(first_row) : node->ledger().store().get(replica::columns::kLog, key).value().value();
      for (const replica::LogEntry& entry : replica::entries_in(row))
        log.append(proof::log_leaf(proof::command_leaf(entry.command, {at}, entry.position)));
    }
    return log.root();
  }
  void change_block(Height height, const std::function<void(replica::BlockRow&)>& change) {
    change_store(replica::columns::kBlocks, replica::block_key(height), [&](Bytes& value) {
      replica::BlockRow row;
      ASSERT_TRUE(replica::parse_row(row, value));
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
  change_tip([](replica::Tip& tip) { tip.set_first_height(tip.height()); });
  Changed engine = source();
  ASSERT_EQ(found(engine).size(), 2u);
  EXPECT_NE(found(engine).front().find("the ledger says that it has those from"), std::string::npos) << found(engine).front();
  EXPECT_NE(found(engine).back().find("block 1 lies in its store"), std::string::npos) << found(engine).back();
  engine.at = {2};
  engine.change_header = [](proof::SignedHeader& header) { header.commit.signatures.front().signature[5] ^= 1; };
  EXPECT_EQ(found(engine).size(), 3u);
  engine.at = engine.newest();
  engine.change_header = [](proof::SignedHeader& header) { header.header.app_hash[0] ^= 1; };
  EXPECT_NE(found(engine).back().find("do not give the app hash"), std::string::npos) << found(engine).back();
}

TEST_F(ChainCheck, BlocksThatTheLedgerHasNotAreNotSaidToHaveBeenLookedAt) {
  drop_below({3});
  Changed engine = source();
  for (const std::uint64_t oldest : {3u, 2u, 1u}) {  // or the engine did not come to it yet
    engine.oldest_ = {oldest};
    const ChainReport report = check_chain(node->ledger().replica().view(), founders, engine, {});
    EXPECT_TRUE(report.findings.empty()) << report.findings.front().what;
    ASSERT_FALSE(report.notes.empty());
    EXPECT_EQ(report.notes.front(),
              "the ledger says that it has blocks from 3 on alone (it began with a snapshot, or dropped those below: serve "
              "--keep-blocks): the commands of older ones were not looked at, and of the " +
                  std::to_string(older_entries({3})) + " entries that they left in the log only that they give its root");
  }
}

// What is left of their commands is what proofs are made of.
// What is left of their commands is what proofs are made of: whoever edits it, and the root with it, is found by what was signed.
TEST_F(ChainCheck, AnEntryThatADroppedBlockLeftIsHeldAgainstTheSignedRoot) {
  const Height first = next(first_with_commands());
  ASSERT_GT(older_entries(first), 0u);
  drop_below(first);
  Changed engine = source();
  engine.oldest_ = first;
  ASSERT_EQ(found(engine), std::vector<std::string>());
  const Bytes key = "e" + u64_bytes(0);
  Bytes row = node->ledger().store().get(replica::columns::kLog, key).value().value();
  row.back() = static_cast<char>(row.back() ^ 1);
  const Digest root = root_with(row);
  storage::Batch batch;
  batch.put(replica::columns::kLog, key, row);
  replica::Tip tip;
  ASSERT_TRUE(tip.ParseFromString(node->ledger().store().get(replica::columns::kMeta, replica::kTipKey).value().value()));
  tip.set_log_root(root.bytes());
  batch.put(replica::columns::kMeta, replica::kTipKey, tip.SerializeAsString());
  ASSERT_TRUE(node->ledger().store().write(batch, storage::Durability::synced));
  // Not by the node, which would sign what was edited.
  const std::shared_ptr<storage::Store> store(&node->ledger().store(), [](storage::Store*) {});
  const auto edited = replica::Replica::open({}, store, contracts::all());
  ASSERT_TRUE(edited) << edited.error().message;
  const ChainReport report = check_chain((*edited)->view(), founders, engine, {});
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_NE(report.findings.front().what.find("do not give the app hash that was signed"), std::string::npos);
}

TEST_F(ChainCheck, BlocksThatTheLedgerHadNoReasonToDropAreMissed) {
  drop_below({3});
  remember_headers_from({2});
  Changed engine = source();
  engine.oldest_ = {2};
  ASSERT_EQ(found(engine).size(), 1u);
  EXPECT_EQ(found(engine).front(),
            "the oldest block: the ledger remembers that it keeps blocks from 2 on, and the ledger says that it has those from 3 on "
            "alone: blocks were taken out");
}

TEST_F(ChainCheck, AnEditedBlockCannotBeHiddenBelowTheLowestOne) {
  drop_below({3});
  change_block({1}, [](replica::BlockRow& row) { row.set_time_ms(1); });
  Changed engine = source();
  engine.oldest_ = {3};
  ASSERT_EQ(found(engine).size(), 1u);
  EXPECT_EQ(found(engine).front(),
            "the oldest block: block 1 lies in its store, and the ledger says that it has those from 3 on alone: what it says was changed");
}

// Nor is one that is missing passed over by what the ledger says.
TEST_F(ChainCheck, ALedgerThatSaysItHasWhatItDroppedIsFound) {
  drop_below({3});
  change_tip([](replica::Tip& tip) { tip.set_first_height(1); });
  Changed engine = source();
  engine.oldest_ = {3};
  const auto said = found(engine);
  ASSERT_GE(said.size(), 2u);
  EXPECT_EQ(said.front(), "block 1: block 1 is gone from the ledger's store");
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
  const Height first = next(next(edited));  // the header after it would name it
  remember_headers_from(first);
  Changed engine = source();
  engine.oldest_ = first;
  const auto said = found(engine);
  ASSERT_EQ(said.size(), 2u);
  EXPECT_NE(said.front().find("in the log"), std::string::npos) << said.front();
  EXPECT_EQ(said.back().find("block " + std::to_string(edited.value) + ": the index of commands leads to "), 0u) << said.back();
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
