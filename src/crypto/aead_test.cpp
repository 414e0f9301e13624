#include "crypto/aead.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <thread>

#include "crypto/test_table.h"

namespace careledger::crypto {
namespace {

const Bytes kNonce(kAeadNonceSize, 'n');

Secret test_key() { return Secret::copy_of("0123456789abcdef0123456789abcdef"); }

TEST(Aead, AgreesWithWycheproof) {
  const auto rows = read_table("aes256gcm_wycheproof.tsv");
  ASSERT_EQ(rows.size(), 66u);
  for (const TestRow& row : rows) {
    const Secret key = Secret::copy_of(row.bytes("key"));
    const auto plain = aead_open(key, row.bytes("nonce"), row.bytes("associated"), row.bytes("sealed"));
    ASSERT_EQ(plain.has_value(), row.text("result") == "valid") << row.text("number");
    if (!plain) continue;
    EXPECT_EQ(to_hex(*plain), row.text("plain")) << row.text("number");
    EXPECT_EQ(to_hex(aead_seal(key, row.bytes("nonce"), row.bytes("associated"), *plain)), row.text("sealed")) << row.text("number");
  }
}

RC_GTEST_PROP(Aead, OpensWhatItSealed, (const Bytes& associated, const Bytes& plain)) {
  const Secret key = test_key();
  const Bytes sealed = aead_seal(key, kNonce, associated, plain);
  RC_ASSERT(sealed.size() == plain.size() + kAeadTagSize);
  RC_ASSERT(aead_open(key, kNonce, associated, sealed) == plain);
  RC_ASSERT(aead_open_secret(key, kNonce, associated, sealed)->view() == plain);
}

TEST(Aead, RefusesEveryFlippedBitAndEveryCut) {
  const Secret key = test_key();
  const Bytes sealed = aead_seal(key, kNonce, "associated", "a short record");
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes bad = sealed;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(aead_open(key, kNonce, "associated", bad).error().kind, ErrorKind::corrupt) << bit;
    EXPECT_FALSE(aead_open_secret(key, kNonce, "associated", bad).has_value()) << bit;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(aead_open(key, kNonce, "associated", sealed.substr(0, size)).has_value()) << size;
  }
}

TEST(Aead, RefusesAnotherKeyNonceOrAssociatedData) {
  const Bytes sealed = aead_seal(test_key(), kNonce, "associated", "plain");
  EXPECT_FALSE(aead_open(Secret(kAeadKeySize), kNonce, "associated", sealed).has_value());
  EXPECT_FALSE(aead_open(test_key(), Bytes(kAeadNonceSize, 'm'), "associated", sealed).has_value());
  EXPECT_FALSE(aead_open(test_key(), kNonce, "associate", sealed).has_value());
  EXPECT_TRUE(aead_open(test_key(), kNonce, "associated", sealed).has_value());
}

TEST(Aead, IsSafeFromManyThreads) {
  const Secret key = test_key();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&key, t] {
      for (int i = 0; i < 500; ++i) {
        const Bytes plain = std::to_string(t * 1000 + i);
        ASSERT_EQ(aead_open(key, kNonce, "", aead_seal(key, kNonce, "", plain)), plain);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// NIST SP 800-38A, F.5.5: CTR-AES256.Encrypt.
struct Ctr {
  Secret key = Secret::copy_of(*from_hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"));
  Bytes iv = *from_hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
  Bytes plain = *from_hex(
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
  Bytes cipher = *from_hex(
      "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6");
};

TEST(Aes256Ctr, GivesTheCiphertextOfNist) {
  const Ctr v;
  Bytes data = v.plain;
  aes256_ctr_xor(v.key, v.iv, 0, data.data(), data.size());
  EXPECT_EQ(to_hex(data), to_hex(v.cipher));
}

TEST(Aes256Ctr, StartsAtAnyByteOfTheStream) {
  const Ctr v;
  for (std::size_t start = 0; start <= v.plain.size(); ++start) {
    Bytes data = v.plain.substr(start);
    aes256_ctr_xor(v.key, v.iv, start, data.data(), data.size());
    EXPECT_EQ(data, v.cipher.substr(start)) << start;
  }
}

TEST(Aes256Ctr, CarriesThroughTheWholeCounter) {
  const Ctr v;
  const Bytes last(16, '\xff');
  Bytes across(32, '\0');
  aes256_ctr_xor(v.key, last, 0, across.data(), across.size());
  Bytes second(16, '\0');
  aes256_ctr_xor(v.key, last, 16, second.data(), second.size());
  Bytes first_of_zero(16, '\0');
  aes256_ctr_xor(v.key, Bytes(16, '\0'), 0, first_of_zero.data(), first_of_zero.size());
  EXPECT_EQ(second, across.substr(16));
  EXPECT_EQ(second, first_of_zero);
}

}  // namespace
}  // namespace careledger::crypto
