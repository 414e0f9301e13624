#include "crypto/sign.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/test_table.h"

namespace careledger::crypto {
namespace {

struct Case {
  PublicKey key;
  Bytes message;
  Signature signature;
  SignedItem item() const { return {key, message, signature}; }
};

Case case_of(const TestRow& row) {
  return {PublicKey::from(row.bytes("key")).value(), row.bytes("message"), Signature::from(row.bytes("signature")).value()};
}

std::vector<SignedItem> items_of(const std::vector<Case>& cases) {
  std::vector<SignedItem> items;
  for (const Case& one : cases) items.push_back(one.item());
  return items;
}

bool has_flag(const TestRow& row, const std::string& flag) {
  return ("," + row.text("flags") + ",").find("," + flag + ",") != std::string::npos;
}

bool verify(const Case& one) { return crypto::verify(one.key, one.message, one.signature); }

SigningKey key_from_hex(const char* seed) { return SigningKey::from_seed(Secret::copy_of(*from_hex(seed))).value(); }

TEST(Sign, GivesTheSignaturesOfRfc8032) {  // section 7.1, tests 1 to 3
  const SigningKey first = key_from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  EXPECT_EQ(first.public_key().hex(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(to_hex(first.sign("").view()),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a"
            "100b");
  const SigningKey second = key_from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  EXPECT_EQ(to_hex(second.sign("\x72").view()),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb"
            "0c00");
  const SigningKey third = key_from_hex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
  EXPECT_EQ(to_hex(third.sign("\xaf\x82").view()),
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1e"
            "c40a");
}

TEST(Verify, FollowsZip215OnEveryEdgeCase) {
  const auto rows = read_table("ed25519_cctv.tsv");
  ASSERT_EQ(rows.size(), 612u);
  std::size_t accepted = 0;
  for (const TestRow& row : rows) {
    // Points of low order, points in non-canonical form and residues of low order are all accepted. A challenge hashed over other
    // bytes than those that came is not, unless the key is of low order: then the cofactor cancels the challenge.
    const bool expected = !has_flag(row, "reencoded_k") || has_flag(row, "low_order_A");
    EXPECT_EQ(verify(case_of(row)), expected) << row.text("number") << " " << row.text("flags");
    accepted += expected ? 1 : 0;
  }
  EXPECT_EQ(accepted, 552u);
}

TEST(Verify, AgreesWithWycheproof) {
  const auto rows = read_table("ed25519_wycheproof.tsv");
  ASSERT_EQ(rows.size(), 93u);
  std::size_t sizes_refused = 0;
  for (const TestRow& row : rows) {
    const bool expected = row.text("result") == "valid";
    if (row.bytes("signature").size() != 64) {  // never becomes a Signature
      EXPECT_FALSE(Signature::from(row.bytes("signature")).has_value() || expected);
      ++sizes_refused;
      continue;
    }
    EXPECT_EQ(verify(case_of(row)), expected) << row.text("number");
  }
  EXPECT_GT(sizes_refused, 0u);
}

std::vector<Case> edge_cases() {
  std::vector<Case> cases;
  for (const TestRow& row : read_table("ed25519_cctv.tsv")) cases.push_back(case_of(row));
  return cases;
}

// Two of each, because a batch of one is not a batch.
TEST(VerifyBatch, AgreesWithVerifyOnEachEdgeCaseAlone) {
  for (const Case& one : edge_cases()) {
    const std::vector<bool> expected(2, verify(one));
    EXPECT_EQ(verify_batch(items_of({one, one})), expected) << one.key.hex();
  }
}

TEST(VerifyBatch, AgreesWithVerifyOnEachEdgeCaseAmongGoodOnes) {
  SeededEntropy entropy(3);
  const SigningKey key = SigningKey::generate(entropy);
  const Case good{key.public_key(), "good", key.sign("good")};
  for (const Case& one : edge_cases()) {
    EXPECT_EQ(verify_batch(items_of({good, one, good})), (std::vector<bool>{true, verify(one), true})) << one.key.hex();
  }
}

TEST(VerifyBatch, AgreesWithVerifyOnAllEdgeCasesTogether) {
  const auto cases = edge_cases();
  std::vector<Case> accepted;
  std::vector<bool> expected;
  for (const Case& one : cases) {
    expected.push_back(verify(one));
    if (expected.back()) accepted.push_back(one);
  }
  EXPECT_EQ(verify_batch(items_of(cases)), expected);
  EXPECT_EQ(verify_batch(items_of(accepted)), std::vector<bool>(accepted.size(), true));
}

TEST(VerifyBatch, OfNothingIsNothing) { EXPECT_TRUE(verify_batch({}).empty()); }

std::vector<Case> good_cases(std::size_t count) {
  SeededEntropy entropy(4);
  std::vector<SigningKey> keys;
  for (int i = 0; i < 8; ++i) keys.push_back(SigningKey::generate(entropy));
  std::vector<Case> cases;
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes message = u64_bytes(i);
    cases.push_back({keys[i % 8].public_key(), message, keys[i % 8].sign(message)});
  }
  return cases;
}

TEST(VerifyBatch, FindsTheBadOneAtEachPlaceOfEachSize) {
  for (const std::size_t size : {1u, 2u, 23u, 24u, 25u, 49u, 95u, 96u, 97u}) {
    auto cases = good_cases(size);
    EXPECT_EQ(verify_batch(items_of(cases)), std::vector<bool>(size, true));
    for (const std::size_t bad : {std::size_t{0}, size / 2, size - 1}) {
      cases[bad].signature.value[3] ^= 1;
      std::vector<bool> expected(size, true);
      expected[bad] = false;
      EXPECT_EQ(verify_batch(items_of(cases)), expected) << size << " " << bad;
      cases[bad].signature.value[3] ^= 1;
    }
  }
}

TEST(VerifyBatch, FindsTheBadOnesInSeveralChunks) {
  auto cases = good_cases(2100);
  std::vector<bool> expected(cases.size(), true);
  for (const std::size_t bad : {0u, 1023u, 2048u, 2099u}) {
    cases[bad].signature.value[40] ^= 1;
    expected[bad] = false;
  }
  EXPECT_EQ(verify_batch(items_of(cases)), expected);
}

RC_GTEST_PROP(Sign, MakesSignaturesThatHoldForThatKeyAndMessageAlone, (std::uint64_t seed, const Bytes& message)) {
  SeededEntropy entropy(seed);
  const SigningKey key = SigningKey::generate(entropy);
  const SigningKey other = SigningKey::generate(entropy);
  const Signature signature = key.clone().sign(message);
  RC_ASSERT(crypto::verify(key.public_key(), message, signature));
  RC_ASSERT(!crypto::verify(other.public_key(), message, signature));
  RC_ASSERT(!crypto::verify(key.public_key(), message + "x", signature));
  RC_ASSERT(SigningKey::from_seed(key.seed())->public_key() == key.public_key());
}

TEST(Verify, RefusesEveryFlippedBitOfASignature) {
  SeededEntropy entropy(5);
  const SigningKey key = SigningKey::generate(entropy);
  const Case good{key.public_key(), "message", key.sign("message")};
  ASSERT_TRUE(verify(good));
  for (std::size_t bit = 0; bit < 512; ++bit) {
    Case bad = good;
    bad.signature.value[bit / 8] = static_cast<char>(bad.signature.value[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(verify(bad)) << bit;
  }
}

TEST(SigningKey, WantsThirtyTwoBytes) {
  for (const std::size_t size : {0u, 31u, 33u, 64u}) EXPECT_EQ(SigningKey::from_seed(Secret(size)).error().kind, ErrorKind::malformed);
}

}  // namespace
}  // namespace careledger::crypto
