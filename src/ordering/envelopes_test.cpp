#include "ordering/envelopes.h"

#include <gtest/gtest.h>

#include "ordering/test_founder.h"

namespace careledger::ordering {
namespace {

constexpr BlockTime kNow{1'700'000'000'000};

class EnvelopesTest : public ::testing::Test {
 protected:
  EnvelopesTest() { maker_.host(founder_.id(), founder_.signer()); }
  local::Pending admit(std::uint64_t number) {
    local::Pending pending;
    pending.organisation = founder_.id();
    pending.bytes = founder_.admit(number, "name of number " + std::to_string(number), kNow);
    return pending;
  }
  std::vector<local::Pending> admits(std::uint64_t from, std::uint64_t until) {
    std::vector<local::Pending> some;
    for (std::uint64_t number = from; number < until; ++number) some.push_back(admit(number));
    return some;
  }
  std::vector<Bytes> bytes(std::uint64_t from, std::uint64_t until) {
    std::vector<Bytes> out;
    for (local::Pending& pending : admits(from, until)) out.push_back(std::move(pending.bytes));
    return out;
  }

  testing::Founder founder_{kNow};
  EnvelopeMaker maker_{kernel::kBatchSizeMax};
};

// Commands go into it as the bytes that they are: the message that readers know is the same.
TEST_F(EnvelopesTest, AnEnvelopeIsTheEncodedBatchOfItsCommands) {
  Sealed first = maker_.seal(admits(1, 4));
  Sealed second = maker_.seal(admits(4, 5));
  ASSERT_EQ(first.envelopes.size(), 1u);
  ASSERT_EQ(second.envelopes.size(), 1u);
  EXPECT_EQ(first.envelopes[0].bytes, founder_.envelope(bytes(1, 4), 1));
  EXPECT_EQ(second.envelopes[0].bytes, founder_.envelope(bytes(4, 5), 2));
  const auto received = kernel::receive_batch(first.envelopes[0].bytes);
  ASSERT_TRUE(received);
  ASSERT_EQ(received->commands.size(), 3u);
  for (const kernel::ReceivedCommand& command : received->commands) EXPECT_EQ(command.verdict, kernel::KernelCode::ok);
}

TEST_F(EnvelopesTest, NoEnvelopeIsLargerThanWanted) {
  EnvelopeMaker small(1000);
  small.host(founder_.id(), founder_.signer());
  const Sealed sealed = small.seal(admits(1, 10));
  EXPECT_GT(sealed.envelopes.size(), 1u);
  std::size_t commands = 0;
  for (const Envelope& envelope : sealed.envelopes) {
    EXPECT_LE(envelope.bytes.size(), 1000u + 200u);  // the envelope's own
    commands += envelope.commands.size();
  }
  EXPECT_EQ(commands, 9u);
}

TEST_F(EnvelopesTest, WhatNobodySignsForComesBack) {
  std::vector<local::Pending> some = admits(1, 3);
  some[0].organisation.value.fill(0);
  const Sealed sealed = maker_.seal(std::move(some));
  ASSERT_EQ(sealed.not_hosted.size(), 1u);
  EXPECT_EQ(sealed.not_hosted[0].bytes, bytes(1, 2)[0]);
  ASSERT_EQ(sealed.envelopes.size(), 1u);
  EXPECT_EQ(sealed.envelopes[0].bytes, founder_.envelope(bytes(2, 3), 1));
}

}  // namespace
}  // namespace careledger::ordering
