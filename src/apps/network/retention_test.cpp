#include "apps/network/retention.h"

#include <gtest/gtest.h>

#include "ordering/abci/engine_home.h"

namespace careledger::apps::network {
namespace {

TEST(KeepBlocks, NoneIsAnArchive) {
  const auto all = retention_of(0);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->blocks, 0u);
}

TEST(KeepBlocks, WhatTheEngineStillCountsAsEvidenceIsNeverDropped) {
  const auto least = static_cast<std::uint64_t>(ordering::abci::kEvidence.blocks);
  const auto kept = retention_of(least);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->blocks, least);
  EXPECT_EQ(kept->milliseconds * 1'000'000, ordering::abci::kEvidence.nanoseconds);
  EXPECT_GE(kept->step, 1u);
  for (const std::uint64_t fewer : {std::uint64_t{1}, least - 1}) {
    const auto refused = retention_of(fewer);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
    EXPECT_NE(refused.error().message.find("at least " + std::to_string(least)), std::string::npos) << refused.error().message;
    EXPECT_EQ(refused.error().message.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace careledger::apps::network
