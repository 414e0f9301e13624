#include "apps/network/description.h"

#include <gtest/gtest.h>

#include "apps/config.h"
#include "contracts/governance/governance.h"
#include "kernel/tables.h"
#include "kernel/test_keys.h"

namespace careledger::apps::network {
namespace {

constexpr BlockTime kNow{1'800'000'000'000};
constexpr std::int64_t kDay = 86'400'000;

Description sample() {
  Description out;
  out.network = "Region";
  out.epoch_ms = 1000;
  *out.member.mutable_authority() = kernel::single_key(kernel::test_key(1).public_key());
  out.member.set_nonce(Bytes(32, 'n'));
  out.member.set_name("North Hospital");
  out.member.set_kind(1);
  out.member.set_sealing_key(Bytes(32, 's'));
  out.member.set_weight(10);
  out.validator = kernel::test_key(2).public_key();
  out.node = kernel::test_key(3).public_key();
  out.listen = "north.example:26656";
  out.api = "https://north.example:8443";
  out.described = kNow;
  out.expires = {kNow.value + 30 * kDay};
  return out;
}

Bytes written(const Description& description) {
  const auto command = kernel::test_key(1), validator = kernel::test_key(2), node = kernel::test_key(3);
  return write_description(description, {command, validator, node});
}
// What reading it says: empty when it holds.
std::string said(const Description& description, BlockTime now = kNow) {
  const auto read = read_description(written(description), now);
  return read ? "" : read.error().message;
}

TEST(Descriptions, ReadAsTheyWereWritten) {
  const auto read = read_description(written(sample()), kNow);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(written(*read), written(sample()));
}

TEST(Descriptions, HoldForAWhileFromATimeThatHasCome) {
  EXPECT_NE(said(sample(), {kNow.value + 31 * kDay}).find("expired"), std::string::npos);
  EXPECT_TRUE(read_description(written(sample()), std::nullopt)) << "for its addresses alone, however old";
  EXPECT_NE(said(sample(), {kNow.value - 600'000}).find("has not come yet"), std::string::npos);
  EXPECT_EQ(said(sample(), {kNow.value - 60'000}), "") << "clocks differ a little";
  Description forever = sample();
  forever.expires = {kNow.value + 400 * kDay};
  EXPECT_NE(said(forever).find("365 days"), std::string::npos);
  Description never = sample();
  never.expires = never.described;
  EXPECT_NE(said(never), "");
}

TEST(Descriptions, NameNothingThatIsNotWhatItLooksLike) {
  for (const char* name : {"North\nSouth: account 00", "\x1b[2JNorth", "N\u202eorth", "---"}) {
    Description odd = sample();
    odd.member.set_name(name);
    EXPECT_NE(said(odd).find("\"name\""), std::string::npos) << name;
  }
  Description odd = sample();
  odd.member.set_group("a\tb");
  EXPECT_NE(said(odd).find("\"group\""), std::string::npos);
}

TEST(Descriptions, NameEndpointsThatAnEngineTakes) {
  for (const char* good : {"a.example:1", "127.0.0.1:26656", "[::1]:65535"}) EXPECT_TRUE(is_endpoint(good)) << good;
  for (const char* bad :
       {"", ":1", "a", "a:", "a:0", "a:65536", "a:01", "a:b:1", "[::1:1", "A.example:1", "a b:1", "x@a:1", "a:1,b:2", "a:+1"})
    EXPECT_FALSE(is_endpoint(bad)) << bad;
  Description plain = sample();
  for (const char* heard : {"http://north.example:8080", "http://127.example.com:8080", "http://10.0.0.1:8080", "http://[::2]:8080"}) {
    plain.api = heard;
    EXPECT_NE(said(plain).find("\"api\""), std::string::npos) << "others would hear " << heard;
  }
  for (const char* unheard : {"http://127.0.1.1:8080", "http://[::1]:8080", "http://localhost:8080"}) {
    plain.api = unheard;
    EXPECT_EQ(said(plain), "") << unheard;
  }
}

TEST(Descriptions, OfOneWhoWantsToJoinSayWhichLedgerAndProveItByTheValidatorsKey) {
  const LedgerId ledger = *LedgerId::from(Bytes(32, 'l')), other = *LedgerId::from(Bytes(32, 'o'));
  const auto applying = [](const LedgerId& named, const LedgerId& proven) {
    Description out = sample();
    const Bytes claim = contracts::governance::rotation_bytes(proven, kernel::account_id(out.member), out.validator.view());
    out.application = {named, kernel::test_key(2).sign(claim), {}};
    out.application->consent = kernel::test_key(1).sign(contracts::governance::admission_bytes(proven, admission_of(out)));
    return out;
  };
  const auto read = read_description(written(applying(ledger, ledger)), kNow);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_TRUE(read->application);
  EXPECT_EQ(read->application->ledger, ledger);
  EXPECT_EQ(written(*read), written(applying(ledger, ledger)));
  EXPECT_NE(said(applying(ledger, other)).find("wants to join that ledger"), std::string::npos);
  Description heavier = applying(ledger, ledger);
  heavier.member.set_weight(11);  // than what its command key asked for
  EXPECT_NE(said(heavier).find("wants to join that ledger"), std::string::npos);
  Bytes half = written(applying(ledger, ledger));
  const std::size_t at = half.find("\"proof\"");
  half.replace(at, 7, "\"group\"");  // twice then, and no proof
  EXPECT_FALSE(read_description(half, kNow));
}

TEST(Descriptions, AreSignedByEveryKeyThatTheyName) {
  const auto command = kernel::test_key(1), validator = kernel::test_key(2), node = kernel::test_key(3), other = kernel::test_key(9);
  for (const DescriptionKeys& keys : {DescriptionKeys{other, validator, node}, {command, other, node}, {command, validator, other}}) {
    const auto read = read_description(write_description(sample(), keys), kNow);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::unauthenticated);
  }
}

}  // namespace
}  // namespace careledger::apps::network
