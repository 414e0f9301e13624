#include "contracts/registry/registry.h"

#include <gtest/gtest.h>

#include "contracts/test_ledger.h"

namespace careledger::contracts::registry {
namespace {

using kernel::test_id;

class Registry : public testing::Test {
 protected:
  Digest accredit(std::uint32_t days) {
    EXPECT_TRUE(
        ledger_.run(hospital_, build::accredit(test_id<Digest>(7), HolderKind::practitioner, Role::physician, today() + days)).ok());
    return holder_id(hospital_, test_id<Digest>(7).view());
  }
  std::uint32_t today() const { return day_of(ledger_.time()); }
  bool accredited(const Digest& holder) const { return is_accredited(ledger_.state(), hospital_, holder, ledger_.time()); }

  TestLedger ledger_;
  AccountId hospital_ = ledger_.admit(1);
};

TEST_F(Registry, AnOrganisationsRowSaysWhatItIs) {
  const auto row = *ledger_.state().get(kOrganisations, hospital_);
  EXPECT_EQ(row.name(), "organisation");
  EXPECT_EQ(row.kind(), number_of(OrganisationKind::hospital));
  EXPECT_EQ(row.status(), number_of(OrganisationStatus::active));
  EXPECT_EQ(row.sealing_key().size(), 32u);
  EXPECT_EQ(row.admitted_ms(), TestLedger::kStartMs + 1);
  EXPECT_EQ(ledger_.state().get(kernel::kAccounts, hospital_)->kind(), number_of(kernel::AccountKind::organisation));
}

TEST_F(Registry, NamesAreOneLineOfText) {
  const auto admit = [&](const std::string& name) {
    const build::NewOrganisation organisation{TestLedger::authority(9), test_id<Digest>(9), name, OrganisationKind::clinic, {}};
    return ledger_.run(ledger_.founder(), build::admit(organisation));
  };
  EXPECT_EQ(admit(""), kernel::code_of(kernel::KernelCode::payload_malformed));
  EXPECT_EQ(admit("two\nlines"), kernel::code_of(kernel::KernelCode::payload_malformed));
  EXPECT_EQ(admit(std::string(201, 'x')), kernel::code_of(kernel::KernelCode::payload_malformed));
  EXPECT_TRUE(admit("Klinik für Alle").ok());
}

TEST_F(Registry, ALicenceHoldsUntilItsDayBegins) {
  const auto holder = accredit(2);
  EXPECT_TRUE(accredited(holder));
  EXPECT_TRUE(is_accredited(ledger_.state(), hospital_, holder, {(today() + 2) * kDayMs - 1}));
  EXPECT_FALSE(is_accredited(ledger_.state(), hospital_, holder, {(today() + 2) * kDayMs}));
  ledger_.pass_days(5);
  EXPECT_FALSE(accredited(holder));
  ASSERT_TRUE(ledger_.run(hospital_, build::renew(holder, today() + 1)).ok());
  EXPECT_TRUE(accredited(holder));
}

TEST_F(Registry, AnAccreditationIsOfOneOrganisation) {
  const auto holder = accredit(2);
  const auto other = ledger_.admit(2);
  EXPECT_FALSE(is_accredited(ledger_.state(), other, holder, ledger_.time()));
  EXPECT_FALSE(is_accredited(ledger_.state(), test_id<AccountId>(9), holder, ledger_.time()));
  EXPECT_FALSE(is_accredited(ledger_.state(), hospital_, test_id<Digest>(9), ledger_.time()));
}

TEST_F(Registry, RevokedIsFinalAndSuspensionIsNot) {
  const auto holder = accredit(2);
  ASSERT_TRUE(ledger_.run(ledger_.founder(), build::suspend(hospital_)).ok());
  EXPECT_FALSE(accredited(holder));
  ASSERT_TRUE(ledger_.run(ledger_.founder(), build::reinstate(hospital_)).ok());
  EXPECT_TRUE(accredited(holder));
  ASSERT_TRUE(ledger_.run(hospital_, build::revoke_accreditation(holder)).ok());
  EXPECT_FALSE(accredited(holder));
  EXPECT_EQ(ledger_.run(hospital_, build::renew(holder, today() + 9)), code(build::kRegistry, Codes::accreditation_revoked));
}

TEST_F(Registry, ARevokedKeyEndsAtTheBlocksTimeAndStaysInHistory) {
  auto authority = TestLedger::authority(1);
  kernel::add_key(authority, kernel::KeyRole::command, test_id<crypto::PublicKey>(3));
  ASSERT_TRUE(ledger_.run(hospital_, build::rotate(authority)).ok());
  const auto at = ledger_.time();
  ASSERT_TRUE(ledger_.run(hospital_, build::revoke_key(2)).ok());
  const auto account = *ledger_.state().get(kernel::kAccounts, hospital_);
  EXPECT_EQ(account.authority_version(), 3u);
  EXPECT_EQ(account.authority().keys(1).valid_to_ms(), at.value);
  const auto before = *kernel::authority_at(ledger_.state(), hospital_, Height{ledger_.height().value - 2});
  EXPECT_EQ(before.keys(1).valid_to_ms(), 0);
}

TEST_F(Registry, AKeyThatNeverHeldIsForgotten) {
  auto authority = TestLedger::authority(1);
  kernel::add_key(authority, kernel::KeyRole::command, test_id<crypto::PublicKey>(3));
  authority.mutable_keys(1)->set_valid_from_ms(ledger_.time().value + 1'000'000);
  ASSERT_TRUE(ledger_.run(hospital_, build::rotate(authority)).ok());
  ASSERT_TRUE(ledger_.run(hospital_, build::revoke_key(2)).ok());
  EXPECT_EQ(ledger_.state().get(kernel::kAccounts, hospital_)->authority().keys_size(), 1);
}

TEST_F(Registry, ASealingKeyIsReplaced) {
  ASSERT_TRUE(ledger_.run(hospital_, build::set_sealing_key(test_id<crypto::SealingKey>(8))).ok());
  EXPECT_EQ(ledger_.state().get(kOrganisations, hospital_)->sealing_key(), test_id<Digest>(8).view());
}

}  // namespace
}  // namespace careledger::contracts::registry
