#include "crypto/timestamp.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ts.h>

#include "crypto/bytes_cast.h"
#include "crypto/hash.h"
#include "crypto/openssl_owner.h"

namespace careledger::crypto {
namespace {

using Response = std::unique_ptr<TS_RESP, Freer<TS_RESP_free>>;

constexpr BlockTime kNow{1'800'000'000'000};  // 2027-01-15T08:00:00Z
constexpr std::int64_t kDay = 86'400'000;

Secret key() { return make_timestamp_key(system_entropy()); }

Response parse(const Bytes& der) {
  const unsigned char* at = in(der);
  return Response(d2i_TS_RESP(nullptr, &at, static_cast<long>(der.size())));
}

TEST(Timestamp, ATokenSaysTheDigestAndTheTime) {
  const Secret secret = key();
  const auto certificate = timestamp_certificate(secret, "North Hospital", 30, kNow);
  ASSERT_TRUE(certificate) << certificate.error().message;
  const auto authority = TimestampAuthority::open(secret, *certificate);
  ASSERT_TRUE(authority) << authority.error().message;
  const auto token = authority->stamp("a note\n", {kNow.value + 5'432});
  ASSERT_TRUE(token) << token.error().message;
  const Response response = parse(*token);
  ASSERT_TRUE(response);
  TS_TST_INFO* const info = TS_RESP_get_tst_info(response.get());
  ASSERT_NE(info, nullptr);
  const ASN1_OCTET_STRING* const digest = TS_MSG_IMPRINT_get_msg(TS_TST_INFO_get_msg_imprint(info));
  const Digest expected = sha256("a note\n");
  EXPECT_EQ(ByteView(reinterpret_cast<const char*>(ASN1_STRING_get0_data(digest)), 32), expected.view());
  const ASN1_GENERALIZEDTIME* const time = TS_TST_INFO_get_time(info);
  EXPECT_EQ(ByteView(reinterpret_cast<const char*>(ASN1_STRING_get0_data(time)), 15), "20270115080005Z");
}

TEST(Timestamp, SerialNumbersAreNeverTheSame) {
  const Secret secret = key();
  const auto authority = TimestampAuthority::open(secret, *timestamp_certificate(secret, "North Hospital", 30, kNow));
  ASSERT_TRUE(authority);
  const Response first = parse(*authority->stamp("x", kNow)), second = parse(*authority->stamp("x", kNow));
  EXPECT_NE(ASN1_INTEGER_cmp(TS_TST_INFO_get_serial(TS_RESP_get_tst_info(first.get())),
                             TS_TST_INFO_get_serial(TS_RESP_get_tst_info(second.get()))),
            0);
}

TEST(Timestamp, NothingIsStampedOutsideTheTimeOfTheCertificate) {
  const Secret secret = key();
  const auto authority = TimestampAuthority::open(secret, *timestamp_certificate(secret, "North Hospital", 30, kNow));
  ASSERT_TRUE(authority);
  EXPECT_TRUE(authority->stamp("x", {kNow.value + 30 * kDay - 1000}));
  for (const std::int64_t off : {std::int64_t{-1000}, 30 * kDay + 1000}) {
    const auto late = authority->stamp("x", {kNow.value + off});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, ErrorKind::precondition);
  }
}

TEST(Timestamp, ACertificateForAnotherKeyIsRefused) {
  const auto certificate = timestamp_certificate(key(), "North Hospital", 30, kNow);
  const auto authority = TimestampAuthority::open(key(), *certificate);
  ASSERT_FALSE(authority);
  EXPECT_EQ(authority.error().kind, ErrorKind::invalid);
  EXPECT_NE(authority.error().message.find("another key"), std::string::npos);
}

TEST(Timestamp, WhatDoesNotReadIsRefusedAndLeavesNoErrorBehind) {
  const Secret secret = key();
  const Bytes good = *timestamp_certificate(secret, "North Hospital", 30, kNow);
  Bytes many;
  for (int i = 0; i < 9; ++i) many += good;
  for (const Bytes& bad : {Bytes(), Bytes("nonsense"), good.substr(0, good.size() / 2), good + good.substr(0, good.size() / 2), many,
                           Bytes(kTimestampCertificatesMax + 1, ' ')}) {
    EXPECT_FALSE(TimestampAuthority::open(secret, bad));
    EXPECT_EQ(ERR_peek_error(), 0u);
  }
  const auto read = TimestampAuthority::open(secret, "a remark\n" + good + "another\n" + good);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->certificates(), good + good);
}

TEST(Timestamp, OnlyANumberOfTheCurveIsAKey) {
  for (const Secret& bad : {Secret(32), Secret::copy_of(Bytes(32, '\xff')), Secret::copy_of(Bytes(31, '\1')), Secret()}) {
    EXPECT_FALSE(timestamp_certificate(bad, "North Hospital", 30, kNow));
    EXPECT_FALSE(timestamp_request(bad, "North Hospital"));
    EXPECT_FALSE(TimestampAuthority::open(bad, ""));
  }
  EXPECT_TRUE(timestamp_certificate(Secret::copy_of(Bytes(31, '\0') + '\1'), "North Hospital", 30, kNow));
}

TEST(Timestamp, AnyNameOfAnOrganisationMakesACertificate) {
  for (const std::string& name : {std::string("Å"), std::string(63, 'x') + "é and more", std::string(200, 'x')}) {
    const auto certificate = timestamp_certificate(key(), name, 1, kNow);
    EXPECT_TRUE(certificate) << name;
    EXPECT_TRUE(timestamp_request(key(), name)) << name;
  }
  for (const int days : {0, -1, kTimestampDaysMax + 1}) EXPECT_FALSE(timestamp_certificate(key(), "North Hospital", days, kNow));
}

}  // namespace
}  // namespace careledger::crypto
