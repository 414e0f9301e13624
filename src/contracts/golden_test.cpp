// The formats are permanent: these bytes were written by the first version, and every later one must make and read the same.
#include <gtest/gtest.h>

#include "contracts/consent/consent.h"
#include "contracts/records/records.h"
#include "contracts/relationship/relationship.h"
#include "contracts/test_ledger.h"
#include "crypto/hash.h"

namespace careledger::contracts {
namespace {

using kernel::test_id;

kernel::Founding founding() {
  kernel::Founding founding;
  founding.set_format(1);
  founding.set_name("golden");
  founding.set_created_ms(1'800'000'000'000);
  *founding.mutable_founder() = kernel::single_key(kernel::test_key(1).public_key());
  kernel::add_key(*founding.mutable_founder(), kernel::KeyRole::batch, kernel::test_key(2).public_key());
  founding.set_founder_nonce(Bytes(32, 'n'));
  founding.set_epoch_ms(1000);
  founding.set_protocol(1);
  return founding;
}

TEST(Golden, IdsStayWhatTheyWere) {
  const auto authority = kernel::single_key(kernel::test_key(1).public_key());
  const auto account = kernel::account_id(authority, Bytes(32, 'n'));
  EXPECT_EQ(to_hex(kernel::encode(authority)), "08011228080110011a208a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c2001");
  EXPECT_EQ(account.hex(), "ccb195f3cb72376eb651879d93eb8008bde2f69bf0ae980bd8327bad749531da");
  EXPECT_EQ(kernel::ledger_id(kernel::encode(founding())).hex(), "8f579aa2d429f2a764bcbde5668d9d4ab48baa0e3e88d8a9a73ca3be524f5384");
  EXPECT_EQ(relationship::relationship_id(account, test_id<AccountId>(2)).hex(),
            "ba04322074ed7b9fcac8740193c0486a7cafa9c0ceedb2b9b77e7935179c39a4");
  EXPECT_EQ(registry::holder_id(account, Bytes(32, 'h')).hex(), "956443e619494ef877c3502843326412898ea55897059b39e6c4049a314ec70b");
  EXPECT_EQ(records::exception_id(account, test_id<Digest>(3)).hex(), "29d7766e16d021551e0460f1d7fb3a846dd11cb3013f1d722d99527e4b9e62d4");
}

TEST(Golden, ASignedGrantStaysWhatItWas) {
  const auto key = kernel::test_key(1);
  const auto order = build::grant(test_id<RelationshipId>(3), 1, test_id<Digest>(4), 21'000);
  const auto command =
      kernel::sign_command({test_id<LedgerId>(1), test_id<AccountId>(2), 7, {1'800'000'000'000}, order.contract}, order.payload, {1, &key});
  EXPECT_EQ(to_hex(command.command()),
            "0a2001010101010101010101010101010101010101010101010101010101010101011220020202020202020202020202020202020202020202020202020202"
            "020202020218072080a0f1c2b1342803324c0a4a0a20030303030303030303030303030303030303030303030303030303030303030310011a200404040404"
            "0404040404040404040404040404040404040404040404040404042088a401");
  EXPECT_EQ(
      to_hex(command.signatures(0).signature()),
      "1c0102513ce9c937d0c26fb6f9574894bf67b633535c7e95cde5d44a9fe253a743e9ca6c1dd0df80be0fb34935bf23747b00693764ec19189d7265088f5f5b01");
  EXPECT_EQ(kernel::digest_of(command).hex(), "4702fae7a4d2c451b0c0dea201b2d43913de14383958563b9bfb38306a9ca394");
  EXPECT_EQ(kernel::receive_bytes(kernel::encode(command)).verdict, kernel::KernelCode::ok);
}

// Every row of a small history, keys and values: one hash. The codes' numbers and names go with it.
TEST(Golden, AHistoryLeavesTheRowsItLeft) {
  TestLedger ledger;
  const auto hospital = ledger.admit(1);
  const auto patient = ledger.propose(hospital, 2, true);
  const auto id = relationship::relationship_id(hospital, patient);
  ASSERT_TRUE(ledger.run(patient, build::grant(id, 1, test_id<Digest>(9), 30'000)).ok());
  ASSERT_TRUE(ledger.run(patient, build::grant(id, 2, test_id<Digest>(9), 0)).ok());
  ASSERT_TRUE(ledger.run(patient, build::revoke(id, 1)).ok());
  ASSERT_TRUE(ledger.run(hospital, build::merge(id, test_id<Digest>(5))).ok());
  ASSERT_TRUE(ledger.run(hospital, build::erase(test_id<Digest>(6))).ok());
  ASSERT_TRUE(ledger.run(hospital, build::head(test_id<Digest>(7), test_id<Digest>(8), 3)).ok());
  ASSERT_TRUE(ledger.run(hospital, build::rotate(TestLedger::authority(3))).ok());
  Bytes rows;
  for (const auto& [key, value] : ledger.rows().rows()) {
    append_field(rows, key.view());
    append_field(rows, value);
  }
  EXPECT_EQ(crypto::sha256(rows).hex(), "9c429bd22c83f5d31478faa49e5b9880f47c83bc611634227df1cd4f53e6fe41");
}

TEST(Golden, CodesKeepTheirNumbers) {
  Bytes codes;
  const auto list = [&](std::uint16_t contract, std::span<const kernel::CodeName> names) {
    for (const auto& code : names) codes += std::to_string(contract) + "." + std::to_string(code.number) + " " + Bytes(code.name) + "\n";
  };
  list(0, kernel::kKernelCodes);
  for (const auto& contract : all()) list(contract.id.value, contract.codes);
  EXPECT_EQ(crypto::sha256(codes).hex(), "16978da9bf72435be8eff0532469e79e799206565def9c92a6cc5f68afa43e5d")
      << "numbers and names are never reused; new codes go to the end:\n"
      << codes;
}

}  // namespace
}  // namespace careledger::contracts
