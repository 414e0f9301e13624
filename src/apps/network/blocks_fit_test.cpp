// A ledger beside an engine: what goes on, and what would end at each start and says so instead.
#include "apps/network/blocks_fit.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace careledger::apps::network
