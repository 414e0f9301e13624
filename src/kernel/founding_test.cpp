#include <gtest/gtest.h>

#include <algorithm>

#include "kernel/authority.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "kernel/test_keys.h"

namespace careledger::kernel {
namespace {

FoundingMember member(std::uint8_t number, std::uint64_t weight = 10) {
  FoundingMember out;
  *out.mutable_authority() = single_key(test_key(number).public_key());
  out.set_nonce(Bytes(32, static_cast<char>(number)));
  out.set_name("Member " + std::to_string(number));
  out.set_kind(1);
  out.set_sealing_key(Bytes(32, 's'));
  out.set_weight(weight);
  if (weight > 0) out.set_validator_key(test_key(static_cast<std::uint8_t>(100 + number)).public_key().bytes());
  return out;
}

Founding together(std::vector<FoundingMember> members) {
  std::ranges::sort(members, {}, [](const FoundingMember& one) { return account_id(one); });
  Founding founding;
  founding.set_format(kFoundedTogether);
  founding.set_name("Region");
  founding.set_created_ms(1'800'000'000'000);
  founding.set_epoch_ms(1000);
  founding.set_protocol(1);
  for (auto& one : members) *founding.add_members() = std::move(one);
  return founding;
}

TEST(Founding, OfFourIsSoundAndGivesAccountsWithoutAFounder) {
  const Founding founding = together({member(1), member(2), member(3), member(4), member(5, 0)});
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
  EXPECT_FALSE(is_sound(together({member(1), member(2), member(3)})));
  EXPECT_FALSE(is_sound(together({member(1), member(2), member(3), member(4, 0)})));
  Founding founding = together({member(1), member(2), member(3), member(4)});
  founding.mutable_members()->SwapElements(0, 1);
  EXPECT_FALSE(is_sound(founding));
}

TEST(Founding, LetsNoGroupHaveAThird) {
  EXPECT_FALSE(is_sound(together({member(1), member(2), member(3), member(4, 20)})));  // 20 of 50
  EXPECT_FALSE(is_sound(together({member(1, 10), member(2, 10), member(3, 5), member(4, 5)}))) << "exactly a third";
  EXPECT_TRUE(is_sound(together({member(1, 9), member(2, 9), member(3, 5), member(4, 5)})));
  auto three = member(3);
  auto four = member(4);
  three.set_group("Trust");
  four.set_group("Trust");
  EXPECT_FALSE(is_sound(together({member(1), member(2), three, four, member(5)})));                       // 20 of 50
  EXPECT_TRUE(is_sound(together({member(1), member(2), three, four, member(5), member(6), member(7)})));  // 20 of 70
}

TEST(Founding, RefusesOneKeyOrNameOfTwoAndHalfAValidator) {
  auto twin = member(4);
  twin.set_validator_key(member(1).validator_key());
  EXPECT_FALSE(is_sound(together({member(1), member(2), member(3), twin, member(5)})));
  auto namesake = member(4);
  namesake.set_name("Member 1");
  EXPECT_FALSE(is_sound(together({member(1), member(2), member(3), namesake, member(5)})));
  auto keyless = member(4);
  keyless.clear_validator_key();
  EXPECT_FALSE(is_sound(together({member(1), member(2), member(3), keyless, member(5)})));
  auto follower = member(6, 0);
  follower.set_validator_key(Bytes(32, 'k'));
  EXPECT_FALSE(is_sound(together({member(1), member(2), member(3), member(4), follower})));
}

TEST(Founding, TakesNoNameThatIsNotWhatItLooksLike) {
  for (const char* name : {"", "a\nb", "\x1b[2J", "N\u202eorth"}) {
    auto odd = member(4);
    odd.set_name(name);
    EXPECT_FALSE(is_sound(together({member(1), member(2), member(3), odd}))) << name;
  }
  auto odd = member(4);
  odd.set_group("a\tb");
  EXPECT_FALSE(is_sound(together({member(1), member(2), member(3), odd})));
}

TEST(Founding, IsOfOneFormatOrTheOther) {
  Founding both = together({member(1), member(2), member(3), member(4)});
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
