#include "crypto/password.h"

#include <gtest/gtest.h>

#include "crypto/test_table.h"

namespace careledger::crypto {
namespace {

constexpr PasswordCost kCheap{1, 64};
const Bytes kSalt(16, 's');

TEST(Password, AgreesWithTheVectorsOfLibsodium) {
  const auto rows = read_table("argon2id_libsodium.tsv");
  ASSERT_EQ(rows.size(), 3u);
  for (const TestRow& row : rows) {
    const Bytes expected = row.bytes("key");
    const PasswordCost cost{row.number("passes"), row.number("memory_kib")};
    const auto key = key_from_passphrase(row.bytes("passphrase"), row.bytes("salt"), cost, expected.size());
    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(to_hex(key->view()), to_hex(expected));
  }
}

TEST(Password, DependsOnEachInput) {
  const Bytes key = Bytes(key_from_passphrase("passphrase", kSalt, kCheap, 32)->view());
  EXPECT_EQ(key_from_passphrase("passphrase", kSalt, kCheap, 32)->view(), key);
  EXPECT_NE(key_from_passphrase("passphrasf", kSalt, kCheap, 32)->view(), key);
  EXPECT_NE(key_from_passphrase("passphrase", Bytes(16, 't'), kCheap, 32)->view(), key);
  EXPECT_NE(key_from_passphrase("passphrase", kSalt, {2, 64}, 32)->view(), key);
  EXPECT_NE(key_from_passphrase("passphrase", kSalt, {1, 65}, 32)->view(), key);
}

TEST(Password, RefusesACostBelowTheAlgorithmsLeast) {
  EXPECT_EQ(key_from_passphrase("passphrase", kSalt, {0, 64}, 32).error().kind, ErrorKind::invalid);
  EXPECT_EQ(key_from_passphrase("passphrase", kSalt, {1, 7}, 32).error().kind, ErrorKind::invalid);
}

TEST(Password, ReportsMoreMemoryThanThereIs) {
  EXPECT_EQ(key_from_passphrase("passphrase", kSalt, {1, 0xffffffff}, 32).error().kind, ErrorKind::storage);
}

}  // namespace
}  // namespace careledger::crypto
