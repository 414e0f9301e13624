#include "kernel/authority.h"

#include <gtest/gtest.h>

#include "kernel/sign.h"
#include "kernel/test_keys.h"

namespace careledger::kernel {
namespace {

ledger::Authority three_of(std::uint32_t threshold) {
  ledger::Authority authority;
  authority.set_threshold(threshold);
  for (std::uint8_t i = 1; i <= 3; ++i) add_key(authority, KeyRole::command, test_key(i).public_key());
  return authority;
}

TEST(Authority, SoundMeansItCanEverBeMet) {
  EXPECT_TRUE(is_sound(three_of(1)));
  EXPECT_TRUE(is_sound(three_of(3)));
  EXPECT_FALSE(is_sound(three_of(0)));
  EXPECT_FALSE(is_sound(three_of(4)));
  EXPECT_FALSE(is_sound(ledger::Authority()));
}

TEST(Authority, KeysOfOtherRolesDoNotCount) {
  auto authority = three_of(3);
  authority.mutable_keys(2)->set_role(static_cast<std::uint32_t>(KeyRole::batch));
  EXPECT_FALSE(is_sound(authority));
  authority.set_threshold(2);
  EXPECT_TRUE(is_sound(authority));
}

TEST(Authority, EachFieldOfAKeyIsJudged) {
  const auto sound_with = [](auto change) {
    auto authority = three_of(1);
    change(*authority.mutable_keys(1));
    return is_sound(authority);
  };
  EXPECT_TRUE(sound_with([](auto&) {}));
  EXPECT_FALSE(sound_with([](auto& key) { key.set_algorithm(2); }));
  EXPECT_FALSE(sound_with([](auto& key) { key.set_algorithm(99); }));
  EXPECT_FALSE(sound_with([](auto& key) { key.set_public_key(Bytes(31, 'k')); }));
  EXPECT_FALSE(sound_with([](auto& key) { key.set_public_key(test_key(1).public_key().bytes()); }));  // twice
  EXPECT_FALSE(sound_with([](auto& key) { key.set_number(1); }));
  EXPECT_FALSE(sound_with([](auto& key) { key.set_number(0); }));
  EXPECT_FALSE(sound_with([](auto& key) { key.set_role(0); }));
  EXPECT_TRUE(sound_with([](auto& key) { key.set_role(77); }));  // unknown roles are kept
  EXPECT_FALSE(sound_with([](auto& key) { key.set_valid_from_ms(-1); }));
  EXPECT_FALSE(sound_with([](auto& key) { key.set_valid_from_ms(5), key.set_valid_to_ms(5); }));
  EXPECT_TRUE(sound_with([](auto& key) { key.set_valid_from_ms(5), key.set_valid_to_ms(6); }));
}

TEST(Authority, HasAtMostSixteenKeys) {
  ledger::Authority authority;
  authority.set_threshold(1);
  for (std::uint8_t i = 1; i <= kAuthorityKeysMax; ++i) add_key(authority, KeyRole::command, test_key(i).public_key());
  EXPECT_TRUE(is_sound(authority));
  add_key(authority, KeyRole::command, test_key(17).public_key());
  EXPECT_FALSE(is_sound(authority));
}

KernelCode judge(const ledger::Authority& authority, const std::vector<std::pair<std::uint32_t, std::uint8_t>>& by, std::int64_t at = 100,
                 KeyRole role = KeyRole::command) {
  std::vector<KeySignature> signatures;
  for (const auto& [number, key] : by) signatures.push_back({number, crypto::Algorithm::ed25519, test_key(key).sign("bytes")});
  return judge_signatures(authority, role, {at}, "bytes", signatures, direct_verdicts());
}

TEST(Signatures, MeetTheThresholdByDifferentKeys) {
  EXPECT_EQ(judge(three_of(2), {{1, 1}, {3, 3}}), KernelCode::ok);
  EXPECT_EQ(judge(three_of(2), {{3, 3}, {1, 1}, {2, 2}}), KernelCode::ok);
  EXPECT_EQ(judge(three_of(2), {{2, 2}}), KernelCode::threshold_not_met);
  EXPECT_EQ(judge(three_of(2), {{2, 2}, {2, 2}}), KernelCode::bad_signature);
  EXPECT_EQ(judge(three_of(1), {}), KernelCode::threshold_not_met);
}

TEST(Signatures, OneThatFailsSpoilsAll) {
  EXPECT_EQ(judge(three_of(1), {{1, 1}, {2, 3}}), KernelCode::bad_signature);  // made by another key
  EXPECT_EQ(judge(three_of(1), {{1, 1}, {9, 1}}), KernelCode::bad_signature);  // no such key
}

TEST(Signatures, HoldOnlyWhileTheKeyIsValid) {
  auto authority = three_of(1);
  authority.mutable_keys(0)->set_valid_from_ms(50);
  authority.mutable_keys(0)->set_valid_to_ms(100);
  EXPECT_EQ(judge(authority, {{1, 1}}, 49), KernelCode::bad_signature);
  EXPECT_EQ(judge(authority, {{1, 1}}, 50), KernelCode::ok);
  EXPECT_EQ(judge(authority, {{1, 1}}, 99), KernelCode::ok);
  EXPECT_EQ(judge(authority, {{1, 1}}, 100), KernelCode::bad_signature);
}

TEST(Signatures, ServeOneRoleOnly) {
  auto authority = three_of(2);
  add_key(authority, KeyRole::batch, test_key(4).public_key());
  EXPECT_EQ(judge(authority, {{4, 4}}, 100, KeyRole::batch), KernelCode::ok);  // one is enough: the threshold is of commands
  EXPECT_EQ(judge(authority, {{1, 1}}, 100, KeyRole::batch), KernelCode::bad_signature);
  EXPECT_EQ(judge(authority, {{1, 1}, {4, 4}}, 100, KeyRole::command), KernelCode::bad_signature);
  EXPECT_EQ(public_key_of(authority, KeyRole::batch, {100}), test_key(4).public_key());
  EXPECT_EQ(public_key_of(authority, KeyRole::promise, {100}), std::nullopt);
}

TEST(Signatures, AreCollectedForABatch) {
  std::vector<KeySignature> signatures{{2, crypto::Algorithm::ed25519, test_key(2).sign("bytes")},
                                       {8, crypto::Algorithm::ed25519, test_key(2).sign("bytes")}};
  std::vector<crypto::SignedItem> items;
  collect_signatures(three_of(1), "bytes", signatures, items);
  ASSERT_EQ(items.size(), 1u);  // an unknown key needs no verifying
  EXPECT_EQ(items[0].key, test_key(2).public_key());
  EXPECT_EQ(items[0].message, "bytes");
}

}  // namespace
}  // namespace careledger::kernel
