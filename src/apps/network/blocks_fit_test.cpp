// A ledger beside an engine: what goes on, and what would end at each start and says so instead.
#include "apps/network/blocks_fit.h"

#include <gtest/gtest.h>

#include "ordering/abci/engine_rpc.h"

namespace careledger::apps::network {
namespace {

const Layout kFitted{"/srv/care"};
constexpr Height kNone{0}, kSealed{20};

Result<void> fit(std::uint64_t ledger, EngineBlocks blocks, Height begins_above = kNone) {
  return check_fit(kFitted, {ledger}, begins_above, blocks);
}

void refuses(const Result<void>& fitted, const std::string& why) {
  ASSERT_FALSE(fitted);
  EXPECT_EQ(fitted.error().kind, ErrorKind::precondition);
  EXPECT_NE(fitted.error().message.find(why), std::string::npos) << fitted.error().message;
  EXPECT_NE(fitted.error().message.find("move /srv/care/ledger and /srv/care/engine away"), std::string::npos);
  EXPECT_NE(fitted.error().message.find("careledger network recover"), std::string::npos);
  EXPECT_EQ(fitted.error().message.find('\n'), std::string::npos);
}

TEST(BlocksFit, ALedgerAtTheNewestBlockOrAnyBelowGoesOn) {
  for (const std::uint64_t ledger : {0u, 1u, 6u, 7u}) EXPECT_TRUE(fit(ledger, {{1}, {7}}));
}

TEST(BlocksFit, ALedgerAboveTheBlocksIsRefused) {
  refuses(fit(8, {{1}, {7}}), "is at block 8, and the engine in /srv/care/engine has none above 7: one of the two");
  refuses(fit(1, {{1}, {0}}), "has none: one of the two");
}

TEST(BlocksFit, ALedgerNeedsTheBlockAfterItsOwn) {
  for (const std::uint64_t ledger : {4u, 5u, 9u}) EXPECT_TRUE(fit(ledger, {{5}, {9}}));
  refuses(fit(3, {{5}, {9}}), "is at block 3, and the engine in /srv/care/engine has none below 5: one of the two");
  refuses(fit(0, {{2}, {9}}), "has none below 2");
}

TEST(BlocksFit, NothingIsThereBeforeTheFirstBlock) {
  EXPECT_TRUE(fit(0, {{1}, {0}}));
  EXPECT_TRUE(fit(20, {{1}, {0}}, kSealed));
  EXPECT_TRUE(fit(20, {{21}, {21}}, kSealed));
}

TEST(BlocksFit, OfALedgerThatGrewTheEnginesBlocksBeginAboveTheSeal) {
  EXPECT_TRUE(fit(22, {{21}, {22}}, kSealed));
  refuses(fit(21, {{1}, {0}}, kSealed), "has none: one of the two");
  refuses(fit(23, {{21}, {22}}, kSealed), "has none above 22");
  refuses(fit(20, {{22}, {30}}, kSealed), "has none below 22");
}

// An engine that gives the same answer to everything.
class ToldBlocks final : public ordering::abci::Transport {
 public:
  explicit ToldBlocks(Result<Bytes> answer) : answer_(std::move(answer)) {}
  Result<Bytes> get(const std::string&) override { return answer_; }
  Result<Bytes> post_form(const std::string&, Bytes) override { return answer_; }
  Result<EngineBlocks> kept() {
    ordering::abci::EngineRpc engine(*this);
    return blocks_kept(engine);
  }

 private:
  const Result<Bytes> answer_;
};

std::string refusal_of(const std::string& words) {
  return R"({"jsonrpc":"2.0","id":-1,"error":{"code":-32603,"message":"Internal error","data":")" + words + "\"}}";
}

TEST(BlocksFit, AnEngineThatKeepsNoBlockIsNotOneThatCannotTell) {
  const auto none = ToldBlocks(refusal_of("min height 1 can't be greater than max height 0")).kept();
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_EQ(none->newest, kNone);
  const auto seven = ToldBlocks(R"({"jsonrpc":"2.0","id":-1,"result":{"last_height":"7","block_metas":[]}})").kept();
  ASSERT_TRUE(seven) << seven.error().message;
  EXPECT_EQ(seven->newest, Height{7});
  EXPECT_EQ(seven->oldest, Height{1});
  const auto broken = ToldBlocks(refusal_of("leveldb: manifest corrupted")).kept();
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::corrupt);
  EXPECT_NE(broken.error().message.find("manifest corrupted"), std::string::npos) << broken.error().message;
  EXPECT_EQ(ToldBlocks(fail(ErrorKind::unavailable, "nobody listens")).kept().error().kind, ErrorKind::unavailable);
}

TEST(BlocksFit, WhatTheEngineDoesNotTellStopsNoStart) {
  std::vector<std::string> told;
  const auto tell = [&told](const std::string& what) { told.push_back(what); };
  const auto asked = [&](const Result<EngineBlocks>& kept) { return check_told(kFitted, {8}, kNone, kept, tell); };
  EXPECT_EQ(asked(ToldBlocks(refusal_of("leveldb: manifest corrupted")).kept()), Height{0});
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("was not compared with the ledger"), std::string::npos) << told[0];
  EXPECT_NE(told[0].find("manifest corrupted"), std::string::npos) << told[0];
  EXPECT_EQ(asked(EngineBlocks{{1}, {9}}), Height{9});
  EXPECT_FALSE(asked(EngineBlocks{{1}, {0}}));
  EXPECT_FALSE(asked(EngineBlocks{{1}, {7}}));
  EXPECT_EQ(told.size(), 1u);
}

}  // namespace
}  // namespace careledger::apps::network
