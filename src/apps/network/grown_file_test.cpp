// What a newcomer asks of the file that an embedded ledger's owner hands over, beyond what ordering/grown_test.cpp shows.
#include "apps/network/grown_file.h"

#include <gtest/gtest.h>

#include "contracts/build.h"
#include "kernel/test_keys.h"
#include "ordering/test_founder.h"

namespace careledger::apps::network {
namespace {

namespace governance = contracts::governance;

constexpr BlockTime kGrownAt{1'800'000'000'000};

class Entrants : public ::testing::Test {
 protected:
  Description described(std::uint8_t seed, const std::string& listen) const {
    const auto command = key(seed, 0), validator = key(seed, 1);
    Description out;
    out.network = "Region";
    out.epoch_ms = 1000;
    *out.member.mutable_authority() = kernel::single_key(command.public_key());
    out.member.set_nonce(Bytes(32, static_cast<char>('a' + seed)));
    out.member.set_name("Member " + std::to_string(seed));
    out.member.set_kind(1);
    out.member.set_sealing_key(Bytes(32, 's'));
    out.member.set_weight(10);
    out.validator = validator.public_key();
    out.member.set_validator_key(out.validator.bytes());
    out.node = key(seed, 2).public_key();
    out.listen = listen;
    out.api = "https://one.example:8443";
    out.described = kGrownAt;
    out.expires = {kGrownAt.value + 86'400'000};
    return out;
  }
  static crypto::SigningKey key(std::uint8_t seed, std::uint8_t which) {
    return kernel::test_key(static_cast<std::uint8_t>(3 * seed + which + 1));
  }
  // With its application, as `network describe --founding` makes it.
  Description applying(std::uint8_t seed, const std::string& listen = "one.example:26656", std::int64_t later_ms = 0) const {
    Description out = described(seed, listen);
    out.described.value += later_ms;
    out.expires.value += later_ms;
    const LedgerId ledger = founder.ledger();
    const Bytes claim = governance::rotation_bytes(ledger, kernel::account_id(out.member), out.validator.view());
    out.application = {ledger, key(seed, 1).sign(claim), {}};
    out.application->consent = key(seed, 0).sign(governance::admission_bytes(ledger, admission_of(out)));
    return out;
  }
  static Bytes text(std::uint8_t seed, const Description& one) {
    const auto command = key(seed, 0), validator = key(seed, 1), node = key(seed, 2);
    return write_description(one, {command, validator, node});
  }
  ordering::Grown grown(const std::vector<Bytes>& texts) const {
    governance::Grow grow;
    for (const std::uint8_t seed : {1, 2}) *grow.add_members() = admission_of(applying(seed));
    ordering::Grown out;
    out.batch = founder.envelope({founder.sign(1, contracts::build::grow(grow), kGrownAt)});
    out.descriptions = texts;
    return out;
  }
  void refused(const std::vector<Bytes>& texts, const std::string& why) {
    const auto read = entrants_of(grown(texts));
    ASSERT_FALSE(read) << why;
    EXPECT_NE(read.error().message.find(why), std::string::npos) << read.error().message;
  }
  ordering::testing::Founder founder{kGrownAt};
};

TEST_F(Entrants, AreThoseWhomTheLastCommandAdmitted) {
  const Bytes one = text(1, applying(1)), two = text(2, applying(2));
  const auto read = entrants_of(grown({one, two}));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->size(), 2u);
  const auto moved = entrants_of(grown({one, text(2, applying(2, "two.example:1", 60'000))}));
  ASSERT_TRUE(moved) << "described anew, with the same keys: " << moved.error().message;
  EXPECT_EQ(moved->back().listen, "two.example:1");
}

TEST_F(Entrants, AreAllOfThemAndNobodyElse) {
  const Bytes one = text(1, applying(1)), two = text(2, applying(2));
  refused({one}, "is missing");
  refused({one, one}, "not described as");
  refused({one, two, text(3, applying(3))}, "not described as");
  Description heavier = applying(2);
  heavier.member.set_weight(11);
  heavier.application->consent = key(2, 0).sign(governance::admission_bytes(founder.ledger(), admission_of(heavier)));
  refused({one, text(2, heavier)}, "Member 2 is not described as");
  Description bare = applying(2);
  bare.application.reset();
  refused({one, text(2, bare)}, "not described as");
}

TEST(SealTime, MayBeAMinuteAheadOfTheClockAndNoMore) {
  EXPECT_TRUE(check_come("it", kGrownAt, kGrownAt));
  EXPECT_TRUE(check_come("it", kGrownAt, {kGrownAt.value + 86'400'000}));
  EXPECT_TRUE(check_come("it", kGrownAt, {kGrownAt.value - 60'000}));
  const auto ahead = check_come("the last block", kGrownAt, {kGrownAt.value - 7'200'000});
  ASSERT_FALSE(ahead);
  EXPECT_EQ(ahead.error().kind, ErrorKind::precondition);
  EXPECT_NE(ahead.error().message.find("the last block is of 2027-01-15T08:00:00"), std::string::npos) << ahead.error().message;
  EXPECT_NE(ahead.error().message.find("2 hours ahead"), std::string::npos) << ahead.error().message;
  EXPECT_FALSE(check_come("it", kGrownAt, {kGrownAt.value - 60'001}));
}

}  // namespace
}  // namespace careledger::apps::network
