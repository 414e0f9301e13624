#include <gtest/gtest.h>

#include "kernel/authority.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "kernel/test_members.h"

namespace careledger::kernel {
namespace {

TEST(Founding, OfFourIsSoundAndGivesAccountsWithoutAFounder) {
  const Founding founding = test_founding({test_member(1), test_member(2), test_member(3), test_member(4), test_member(5, 0)});
  ASSERT_TRUE(is_sound(founding));
  const MemoryRows nothing;
  Overlay genesis(nothing);
  write_genesis(founding, {}, genesis);
  const auto accounts = Reader(genesis).scan(kAccounts, Limit{10});
  ASSERT_EQ(accounts.size(), 5U);
  for (const auto& [key, account] : accounts) EXPECT_EQ(account.kind(), static_cast<std::uint32_t>(AccountKind::organisation));
  EXPECT_TRUE(Reader(genesis).has(kFounding, 0));
}

TEST(Founding, NeedsFourVotesAndAnOrder) {
  EXPECT_FALSE(is_sound(test_founding({test_member(1), test_member(2), test_member(3)})));
  EXPECT_FALSE(is_sound(test_founding({test_member(1), test_member(2), test_member(3), test_member(4, 0)})));
  Founding founding = test_founding({test_member(1), test_member(2), test_member(3), test_member(4)});
  founding.mutable_members()->SwapElements(0, 1);
  EXPECT_FALSE(is_sound(founding));
}

TEST(Founding, LetsNoGroupHaveAThird) {
  EXPECT_FALSE(is_sound(test_founding({test_member(1), test_member(2), test_member(3), test_member(4, 20)})));  // 20 of 50
  EXPECT_FALSE(is_sound(test_founding({test_member(1, 10), test_member(2, 10), test_member(3, 5), test_member(4, 5)})))
      << "exactly a third";
  EXPECT_TRUE(is_sound(test_founding({test_member(1, 9), test_member(2, 9), test_member(3, 5), test_member(4, 5)})));
  auto three = test_member(3);
  auto four = test_member(4);
  three.set_group("Trust");
  four.set_group("Trust");
  EXPECT_FALSE(is_sound(test_founding({test_member(1), test_member(2), three, four, test_member(5)})));  // 20 of 50
  EXPECT_TRUE(
      is_sound(test_founding({test_member(1), test_member(2), three, four, test_member(5), test_member(6), test_member(7)})));  // 20 of 70
}

TEST(Founding, RefusesOneKeyOrNameOfTwoAndHalfAValidator) {
  auto twin = test_member(4);
  twin.set_validator_key(test_member(1).validator_key());
  EXPECT_FALSE(is_sound(test_founding({test_member(1), test_member(2), test_member(3), twin, test_member(5)})));
  auto namesake = test_member(4);
  namesake.set_name("member 1");
  EXPECT_FALSE(is_sound(test_founding({test_member(1), test_member(2), test_member(3), namesake, test_member(5)})));
  auto keyless = test_member(4);
  keyless.clear_validator_key();
  EXPECT_FALSE(is_sound(test_founding({test_member(1), test_member(2), test_member(3), keyless, test_member(5)})));
  auto follower = test_member(6, 0);
  follower.set_validator_key(Bytes(32, 'k'));
  EXPECT_FALSE(is_sound(test_founding({test_member(1), test_member(2), test_member(3), test_member(4), follower})));
}

TEST(Founding, TakesNoNameThatIsNotWhatItLooksLike) {
  for (const char* name : {"", "a\nb", "\x1b[2J", "N\u202eorth"}) {
    auto odd = test_member(4);
    odd.set_name(name);
    EXPECT_FALSE(is_sound(test_founding({test_member(1), test_member(2), test_member(3), odd}))) << name;
  }
  auto odd = test_member(4);
  odd.set_group("a\tb");
  EXPECT_FALSE(is_sound(test_founding({test_member(1), test_member(2), test_member(3), odd})));
}

TEST(Founding, IsOfOneFormatOrTheOther) {
  Founding both = test_founding({test_member(1), test_member(2), test_member(3), test_member(4)});
  *both.mutable_founder() = single_key(test_key(9).public_key());
  both.set_founder_nonce(Bytes(32, 'n'));
  EXPECT_FALSE(is_sound(both));
  both.set_format(kFoundedByOne);
  EXPECT_FALSE(is_sound(both));
  both.clear_members();
  EXPECT_TRUE(is_sound(both));
}

}  // namespace
}  // namespace careledger::kernel
