#include "crypto/hash.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <thread>

#include "crypto/secret.h"
#include "crypto/test_memory.h"
#include "crypto/test_table.h"

namespace careledger::crypto {
namespace {

TEST(Sha256, GivesTheDigestsOfFips180) {
  EXPECT_EQ(sha256("").hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").hex(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(Bytes(1'000'000, 'a')).hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

RC_GTEST_PROP(Sha256, IsTheSameInOnePieceInPartsAndStreamed, (const Bytes& a, const Bytes& b, const Bytes& c)) {
  const Digest whole = sha256(a + b + c);
  RC_ASSERT(sha256({a, b, c}) == whole);
  Sha256 stream;
  stream.update(a);
  stream.update(b);
  Sha256 moved = std::move(stream);
  moved.update(c);
  RC_ASSERT(moved.finish() == whole);
}

TEST(Sha256, IsTheSameFromManyThreads) {
  std::vector<std::thread> threads;
  std::array<Digest, 4> digests;
  for (Digest& digest : digests) {
    threads.emplace_back([&digest] {
      for (int i = 0; i < 1000; ++i) digest = sha256("abc");
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Digest& digest : digests) EXPECT_EQ(digest, sha256("abc"));
}

RC_GTEST_PROP(TaggedHash, IsTheHashOfTheFieldsEachBehindItsLength, (const Bytes& tag, const Bytes& a, const Bytes& b)) {
  Bytes framed;
  for (const Bytes& field : {tag, a, b}) append_field(framed, field);
  RC_ASSERT(tagged_hash(tag, {a, b}) == sha256(framed));
}

TEST(TaggedHash, TellsApartFieldsThatJoinToTheSameBytes) {
  EXPECT_NE(tagged_hash("t/1", {"ab", "c"}), tagged_hash("t/1", {"a", "bc"}));
  EXPECT_NE(tagged_hash("t/1", {"ab"}), tagged_hash("t/1", {"ab", ""}));
  EXPECT_NE(tagged_hash("t/1", {"ab"}), tagged_hash("t/1a", {"b"}));
}

Bytes repeated(int byte, std::size_t count) { return Bytes(count, static_cast<char>(byte)); }

TEST(Hmac, GivesTheTagsOfRfc4231) {
  EXPECT_EQ(hmac_sha256(repeated(0x0b, 20), "Hi There").hex(), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac_sha256("Jefe", "what do ya want for nothing?").hex(), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256(repeated(0xaa, 20), repeated(0xdd, 50)).hex(), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(hmac_sha256(*from_hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), repeated(0xcd, 50)).hex(),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  EXPECT_EQ(hmac_sha256(repeated(0xaa, 131), "Test Using Larger Than Block-Size Key - Hash Key First").hex(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hmac_sha256(repeated(0xaa, 131),
                        "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
                        "hashed before being used by the HMAC algorithm.")
                .hex(),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(Hmac, AgreesWithWycheproof) {
  const auto rows = read_table("hmac_sha256_wycheproof.tsv");
  EXPECT_EQ(rows.size(), 87u);
  for (const TestRow& row : rows) {
    const bool equal = hmac_sha256(row.bytes("key"), row.bytes("message")).view() == row.bytes("tag");
    EXPECT_EQ(equal, row.text("result") == "valid") << row.text("number");
  }
}

TEST(Hmac, OneKeyForManyMessages) {
  const HmacSha256 keyed("Jefe");
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(keyed.mac("what do ya want for nothing?").hex(), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(keyed.mac("another"), hmac_sha256("Jefe", "another"));
}

TEST(Hmac, WhatStandsForTheKeyLiesInLockedMemory) {
  const std::size_t before = locked_bytes();
  std::vector<std::unique_ptr<HmacSha256>> keyed;
  for (int i = 0; i < 2000; ++i) keyed.push_back(std::make_unique<HmacSha256>("Jefe"));
  const bool measured = kMemoryIsOurs && memory_is_locked();
  EXPECT_TRUE(!measured || locked_bytes() >= before + keyed.size() * 128);  // two states of 64 bytes and more
}

RC_GTEST_PROP(Derivation, GivesTheSameBytesAsTheHashThatIsNoSecret, (const Bytes& key, const Bytes& a, const Bytes& b)) {
  RC_ASSERT(hmac_key(Secret::copy_of(key), a).view() == hmac_sha256(key, a).view());
  Secret digest(32);
  sha256_into(digest, {a, b});
  RC_ASSERT(digest.view() == sha256({a, b}).view());
  const Digest twice = sha256({a, digest.view()});
  sha256_into(digest, {a, digest.view()});  // over one of its parts
  RC_ASSERT(digest.view() == twice.view());
}

TEST(Hkdf, GivesTheKeysOfRfc5869) {
  EXPECT_EQ(to_hex(hkdf_sha256(repeated(0x0b, 22), *from_hex("000102030405060708090a0b0c"), *from_hex("f0f1f2f3f4f5f6f7f8f9"), 42).view()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(to_hex(hkdf_sha256(repeated(0x0b, 22), "", "", 42).view()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Hkdf, AgreesWithWycheproof) {
  const auto rows = read_table("hkdf_sha256_wycheproof.tsv");
  EXPECT_EQ(rows.size(), 83u);
  for (const TestRow& row : rows) {
    const Secret made = hkdf_sha256(row.bytes("secret"), row.bytes("salt"), row.bytes("info"), row.number("count"));
    EXPECT_EQ(to_hex(made.view()), row.text("expanded")) << row.text("number");
  }
}

}  // namespace
}  // namespace careledger::crypto
