#include "ordering/grown.h"

#include <gtest/gtest.h>

#include "ordering/test_grown.h"

namespace careledger::ordering {
namespace {

class GrownTest : public ::testing::Test {
 protected:
  void refused(const Grown& changed, const std::string& why) {
    const auto read = decode_grown(encode(changed));
    ASSERT_FALSE(read) << why;
    EXPECT_NE(read.error().message.find(why), std::string::npos) << read.error().message;
  }

  testing::GrownLedger ledger_;
  Grown& grown_ = ledger_.grown;
};

TEST_F(GrownTest, WhatIsHandedOverReadsBackTheSame) {
  const Bytes bytes = encode(grown_);
  const auto read = decode_grown(bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode(*read), bytes);
  EXPECT_EQ(read->seal_height(), ledger_.replica->view().height());
  EXPECT_EQ(read->owner.listen, "north:1");
  Grown other = grown_;
  other.owner.listen = "elsewhere:1";
  EXPECT_NE(number_of(encode(other)), number_of(bytes));
}

TEST_F(GrownTest, WhatDoesNotFitTogetherIsRefusedWithItsReason) {
  Grown changed = grown_;
  changed.headers.pop_back();
  refused(changed, "three headers");
  changed = grown_;
  std::swap(changed.headers[0], changed.headers[1]);
  refused(changed, "does not follow");
  changed = grown_;
  changed.headers[2].commit.signatures[0].signature[5] ^= 1;
  refused(changed, "signature");
  changed = grown_;
  changed.successors.validators.pop_back();
  refused(changed, "names others");
  changed = grown_;
  changed.validators = changed.successors;
  refused(changed, "one key");
  changed = grown_;
  changed.founding = testing::Founder(ledger_.clock.now(), 9).founding();
  refused(changed, "of another ledger");
  changed = grown_;
  changed.founding = "nothing";
  refused(changed, "founding document");
}

TEST_F(GrownTest, BytesThatAreNoneOfItAreRefused) {
  const Bytes bytes = encode(grown_);
  EXPECT_FALSE(decode_grown(""));
  EXPECT_FALSE(decode_grown(ByteView(bytes).substr(0, bytes.size() - 1)));
  EXPECT_FALSE(decode_grown(bytes + Bytes("\xf8\x07\x01", 3)));  // an unknown field
  Bytes newer = bytes;
  ASSERT_EQ(newer[1], 1);
  newer[1] = 2;
  const auto read = decode_grown(newer);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::newer_format);
}

}  // namespace
}  // namespace careledger::ordering
