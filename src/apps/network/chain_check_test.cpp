// A chain that is held against what its engine keeps: here the blocks of an embedded ledger, of one founder, changed one by one.
#include "apps/network/chain_check.h"

#include <gtest/gtest.h>

#include "apps/founding.h"
#include "apps/node.h"
#include "ordering/headers_kept.h"
#include "replica/ledger_store.h"
#include "vault/test_folder.h"

namespace careledger::apps::network {
namespace {

class Changed final : public ChainSource {
 public:
  explicit Changed(Ledger& ledger) : newest_(ledger.ordering().height()), ledger_(ledger) {}
  Height newest() const override { return newest_; }
  Result<proof::SignedHeader> header(Height height) override {
    CARELEDGER_TRY(auto found, ledger_.ordering().header(height));
    if (height == at && change_header) change_header(found);
    return found;
  }
  Result<proof::ValidatorSet> validators(Height height) override { return ledger_.ordering().validators(height); }
  Result<ordering::abci::EngineBlock> block(Height height) override {
    if (height == at && lost) return fail(ErrorKind::malformed, "no such file");
    CARELEDGER_TRY(const auto found, ledger_.ordering().header(height));
    CARELEDGER_TRY(const auto stored, ledger_.replica().view().block(height));
    return ordering::abci::EngineBlock{found.header, stored->batches};
  }

  Height at;
  std::function<void(proof::SignedHeader&)> change_header;
  bool lost = false;
  Height newest_;

 private:
  Ledger& ledger_;
};

class ChainCheck : public ::testing::Test {
 protected:
  vault::TestFolder folder;
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
  const replica::SideRow row = ordering::headers_from({3});
  storage::Batch batch;
  batch.put(replica::columns::kMeta, replica::side_key(row.key), row.value);
  ASSERT_TRUE(node->ledger().store().write(batch, storage::Durability::synced));
  node.reset();
  open();
  Changed engine = source();
  engine.at = {2};
  engine.lost = true;
  engine.change_header = [](proof::SignedHeader& header) { header.commit.signatures.front().signature[5] ^= 1; };
  const ChainReport report = check_chain(node->ledger().replica().view(), founders, engine, {});
  EXPECT_TRUE(report.findings.empty()) << report.findings.front().what;
  ASSERT_EQ(report.notes.size(), 1u);
  EXPECT_EQ(report.notes.front(),
            "the engine keeps blocks from 3 on (serve --keep-blocks): against those of the ledger from 1 to 2 no signature is held");
  EXPECT_EQ(report.blocks, engine.newest().value - 2);

  engine.at = {3};
  EXPECT_FALSE(found(engine).empty());
  engine.at = {};
  founders.validators.front().key = crypto::PublicKey{};  // nobody's
  const ChainReport others = check_chain(node->ledger().replica().view(), founders, engine, {});
  EXPECT_TRUE(others.findings.empty());
  ASSERT_EQ(others.notes.size(), 2u);
  EXPECT_NE(others.notes.back().find("no more than a third of the founders' votes signed that"), std::string::npos) << others.notes.back();
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
