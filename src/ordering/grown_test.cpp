#include "ordering/grown.h"

#include <gtest/gtest.h>

#include <future>

#include "ordering/growth.h"
#include "ordering/test_growth.h"

namespace careledger::ordering {
namespace {

// What an owner hands over, of a ledger that has really grown.
class GrownTest : public ::testing::Test {
 protected:
  GrownTest() {
    replica_ = founder_.open(replica::memory_ledger_store());
    auto ordering = std::move(*local::start(*replica_, validator_.clone(), clock_, local::Config{.epoch_ms = 1}));
    ordering->host(founder_.id(), founder_.signer());
    std::promise<void> admitted;
    ordering->submit(founder_.id(), founder_.admit(1, "North", clock_.now()), Lane::urgent,
                     [&admitted](const Answer&) { admitted.set_value(); });
    admitted.get_future().wait();
    std::promise<void> grew;
    ordering->put_alone(
        founder_.id(),
        [this](const local::Newest& newest) {
          const auto grow = growing_.command(testing::Founder::admitted(1), newest, clock_.now());
          return Result<Bytes>(founder_.sign(2, contracts::build::grow(grow), clock_.now()));
        },
        [&grew](const Result<kernel::Receipt>&) { grew.set_value(); });
    grew.get_future().wait();
    const std::uint64_t seal = ordering->height().value;
    grown_.founding = founder_.founding();
    for (std::uint64_t height = seal - 2; height <= seal; ++height) grown_.headers.push_back(*ordering->header({height}));
    grown_.validators = *ordering->validators({seal});
    grown_.successors = voters(replica_->view());
    grown_.snapshot = "snapshot";
    grown_.descriptions = {"one", "two"};
    grown_.owner = {id_cast<OrganisationId>(testing::Founder::admitted(1)),
                    "North",
                    growing_.keys()[0].public_key(),
                    "north:1",
                    "https://north:2",
                    clock_.now()};
    ordering->stop();
  }

  void refused(const Grown& changed, const std::string& why) {
    const auto read = decode_grown(encode(changed));
    ASSERT_FALSE(read) << why;
    EXPECT_NE(read.error().message.find(why), std::string::npos) << read.error().message;
  }

  ManualClock clock_;
  SeededEntropy entropy_{1};
  crypto::SigningKey validator_ = crypto::SigningKey::generate(entropy_);
  testing::Founder founder_{clock_.now()};
  testing::Growing growing_{founder_.ledger()};
  std::unique_ptr<replica::Replica> replica_;
  Grown grown_;
};

TEST_F(GrownTest, WhatIsHandedOverReadsBackTheSame) {
  const Bytes bytes = encode(grown_);
  const auto read = decode_grown(bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode(*read), bytes);
  EXPECT_EQ(read->seal_height(), replica_->view().height());
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
  changed.founding = testing::Founder(clock_.now(), 9).founding();
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
