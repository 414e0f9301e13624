// What a trust file of somebody outside says of a ledger: of a block that is kept, of one that was dropped, and of what was made up.
#include "apps/ledger_check.h"

#include <gtest/gtest.h>

#include "apps/founding.h"
#include "apps/node.h"
#include "base/test_folder.h"
#include "replica/ledger_store.h"
#include "replica/packed_row.h"
#include "replica/stored_block.h"

namespace careledger::apps {
namespace {

class TrustFileOfOutsider : public ::testing::Test {
 protected:
  TestFolder folder;
  Layout layout = layout_of(folder.path() + "/node");
  std::unique_ptr<Node> node;
  proof::Trust trust;
  SignedBlocks blocks{Height{1}, {}};

  void SetUp() override {
    NewLedger order;
    order.organisations = {{"North Hospital", "hospital", 0}};
    ASSERT_TRUE(found_ledger(layout, order, system_clock(), system_entropy(), {}));
    auto opened = Node::open(layout, {}, system_clock(), system_entropy());
    ASSERT_TRUE(opened) << opened.error().message;
    node = std::move(*opened);
    blocks.at = [this](Height height) -> Result<proof::LightBlock> {
      if (height < blocks.first) return fail(ErrorKind::not_found, "it was dropped");
      return ordering::light_block(node->ledger().ordering(), height);
    };
    trust.ledger = node->ledger().replica().ledger();
    trust.validators = *node->ledger().first_validators();
    name({1});
  }
  void name(Height height) {
    const auto block = ordering::light_block(node->ledger().ordering(), height);
    ASSERT_TRUE(block);
    const proof::Header& header = block->signed_header.header;
    trust.anchor = proof::TrustAnchor{height, *Digest::from(proof::hash_of(header)), proof::block_time(header.time), 86'400};
  }
  TrustCheck check() { return check_trusted(node->ledger(), blocks, trust); }
  std::string found() {
    const TrustCheck held = check();
    return held.findings.empty() ? "" : held.findings.front().what;
  }
};

TEST_F(TrustFileOfOutsider, ABlockThatIsKeptIsComparedWhole) {
  EXPECT_EQ(found(), "");
  EXPECT_TRUE(check().notes.empty());
  trust.anchor->hash = Digest();
  EXPECT_EQ(found(), "the block that it names is not on this ledger");
  name({1});
  trust.anchor->height = {1'000'000};  // another member's word of a block to come
  EXPECT_EQ(found(), "");
  EXPECT_EQ(check().unheld.size(), 1u);
  name({1});
  trust.validators.validators.front().power += 1;
  EXPECT_EQ(found(), "other validators signed its block than it names");
}

TEST_F(TrustFileOfOutsider, ABlockThatCannotBeReadIsAFaultUnlessItIsBelowAllThatAreKept) {
  const auto whole = blocks.at;
  blocks.at = [](Height) -> Result<proof::LightBlock> { return fail(ErrorKind::malformed, "no such file"); };
  EXPECT_EQ(found(), "the block that it names cannot be read: no such file");
  blocks.first = {3};
  EXPECT_EQ(found(), "");
  ASSERT_EQ(check().unheld.size(), 1u);
}

TEST_F(TrustFileOfOutsider, OfADroppedBlockItsValidatorsMustHaveSignedTheFirstThatIsKept) {
  blocks.first = {3};
  EXPECT_EQ(found(), "");
  EXPECT_TRUE(check().unheld.empty());
  ASSERT_EQ(check().notes.size(), 1u);
  EXPECT_NE(check().notes.front().find("signed block 3, the first that is"), std::string::npos) << check().notes.front();
}

TEST_F(TrustFileOfOutsider, WhatWasMadeUpAboutADroppedBlockIsNoNote) {
  blocks.first = {3};
  trust.validators.validators.front().key = crypto::SigningKey::generate(system_entropy()).public_key();
  trust.anchor->hash = Digest();
  EXPECT_TRUE(check().notes.empty());
  ASSERT_EQ(check().unheld.size(), 1u);
  EXPECT_NE(check().unheld.front().find("no two thirds of the votes that it names signed block 3"), std::string::npos)
      << check().unheld.front();
  trust.validators = *node->ledger().first_validators();
  trust.anchor->time = {trust.anchor->time.value + 1'000'000'000};  // later than the block above it
  EXPECT_EQ(check().unheld.size(), 1u);
}

// What became of a command no header of its own block says, but the one after it.
TEST_F(TrustFileOfOutsider, ACommandThatIsSaidToHaveFailedIsFound) {
  const auto looked = [this] { return check_ledger(node->ledger(), 10, {}).findings; };
  EXPECT_TRUE(looked().empty());
  Height height{1};
  while ((*node->ledger().replica().view().block(height))->commands.empty()) height = next(height);
  storage::Store& store = node->ledger().store();
  const Bytes key = replica::block_key(height);
  replica::BlockRow row;
  ASSERT_TRUE(replica::parse_row(row, store.get(replica::columns::kBlocks, key).value().value()));
  row.mutable_results(0)->clear_codes();
  for (std::uint32_t i = 0; i < row.results(0).commands(); ++i) row.mutable_results(0)->add_codes(1);
  storage::Batch batch;
  batch.put(replica::columns::kBlocks, key, row.SerializeAsString());
  ASSERT_TRUE(store.write(batch, storage::Durability::synced));
  node.reset();
  node = std::move(*Node::open(layout, {}, system_clock(), system_entropy()));
  const auto findings = looked();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings.front().where, "block " + std::to_string(height.value));
  EXPECT_NE(findings.front().what.find("its results"), std::string::npos) << findings.front().what;
}

}  // namespace
}  // namespace careledger::apps
