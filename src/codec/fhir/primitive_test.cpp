#include "codec/fhir/primitive.h"

#include <gtest/gtest.h>
#include <vector>

namespace careledger::codec::fhir {
namespace {

struct Row {
  Primitive type;
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

TEST(FhirPrimitive, Formats) {
  const Row rows[] = {
      {Primitive::integer, {"0", "-1", "2147483647", "-2147483648"}, {"-0", "2147483648", "-2147483649", "1.0", "1e2", "99999999999"}},
      {Primitive::positive_int, {"1", "2147483647"}, {"0", "-1", "2147483648"}},
      {Primitive::unsigned_int, {"0", "7"}, {"-1", "-0"}},
      {Primitive::decimal, {"0", "-0.0", "1.50e2", "123456789012345678901234567890123456789012345678"}, {}},
      {Primitive::string, {"x", " ", "a\tb\r\nc", "ü😀"}, {"", std::string("a\0b", 3), "a\x1f", std::string(1024 * 1024 + 1, 'x')}},
      {Primitive::code, {"a", "a b", "a b-c"}, {"", " a", "a ", "a  b", "a\t b", "a\n"}},
      {Primitive::id, {"a", "A-b.1", std::string(64, 'x')}, {"", "a_b", "a/b", std::string(65, 'x'), "ü"}},
      {Primitive::uri, {"http://x", "urn:oid:1", "x", "ü"}, {"", "a b", "a\n"}},
      {Primitive::oid,
       {"urn:oid:1.2.840.0", "urn:oid:2.16"},
       {"1.2", "urn:oid:3.1", "urn:oid:1", "urn:oid:1.", "urn:oid:1.02", "urn:oid:1..2", "urn:oid:"}},
      {Primitive::uuid,
       {"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"},
       {"urn:uuid:C757873D-ec9a-4326-a141-556f43239520", "c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:1"}},
      {Primitive::date,
       {"2018", "1973-06", "1905-08-23", "2020-02-29", "2000-02-29"},
       {"0000", "18", "2018-00", "2018-13", "2019-02-29", "1900-02-29", "2018-1-1", "2018-01-01T00:00:00Z", "2018-", "2018-01-"}},
      {Primitive::date_time,
       {"2018", "1973-06", "1905-08-23", "2015-02-07T13:28:17-05:00", "2017-01-01T00:00:00.000Z", "2016-12-31T23:59:60Z",
        "2020-01-01T00:00:00+14:00"},
       {"2015-02-07T13:28", "2015-02-07T13:28:17", "2015-02-07T24:00:00Z", "2015-02-07T13:60:00Z", "2015-02-07T13:28:61Z",
        "2015-02T13:28:17Z", "2015-02-07T13:28:17.Z", "2015-02-07T13:28:17+14:01", "2015-02-07 13:28:17Z", "2015-02-07T13:28:17z",
        "2015-02-07T13:28:17Zx"}},
      {Primitive::instant, {"2015-02-07T13:28:17.239+02:00", "2017-01-01T00:00:00Z"}, {"2015", "2015-02-07", "2015-02-07T13:28:17"}},
      {Primitive::time, {"00:00:00", "23:59:59.999"}, {"24:00:00", "12:00", "12:00:00Z", "1:00:00"}},
      {Primitive::base64_binary, {"AAAA", "AA==", "AAA=", "AA AA\nAAAA", "ab+/"}, {"", " ", "A", "AAA", "A===", "AA=A", "AA-_", "===="}},
      {Primitive::xhtml, {"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>", " \n<div/>"}, {"", "x", "<p>x</p>"}},
  };
  for (const Row& row : rows) {
    for (const std::string& text : row.good) EXPECT_TRUE(is_valid(row.type, text)) << name_of(row.type) << ' ' << text.substr(0, 80);
    for (const std::string& text : row.bad) EXPECT_FALSE(is_valid(row.type, text)) << name_of(row.type) << ' ' << text.substr(0, 80);
  }
}

// Milliseconds were computed with GNU date.
TEST(FhirPrimitive, DatesAreIntervals) {
  EXPECT_EQ(interval_of("1970"), (Interval{0, 31'536'000'000}));
  EXPECT_EQ(interval_of("2020-02"), (Interval{1'580'515'200'000, 1'583'020'800'000}));
  EXPECT_EQ(interval_of("2020-12"), (Interval{1'606'780'800'000, 1'609'459'200'000}));
  EXPECT_EQ(interval_of("1905-08-23"), (Interval{-2'031'004'800'000, -2'030'918'400'000}));
  EXPECT_EQ(interval_of("2015-02-07T13:28:17-05:00"), (Interval{1'423'333'697'000, 1'423'333'698'000}));
  EXPECT_EQ(interval_of("2015-02-07T13:28:17.239+02:00"), (Interval{1'423'308'497'239, 1'423'308'497'240}));
  EXPECT_EQ(interval_of("1969-12-31T23:59:59.5Z"), (Interval{-500, -400}));
  EXPECT_EQ(interval_of("0001-01-01"), (Interval{-62'135'596'800'000, -62'135'510'400'000}));
  EXPECT_EQ(interval_of("2015-02-30"), std::nullopt);
  EXPECT_EQ(interval_of(""), std::nullopt);
}

}  // namespace
}  // namespace careledger::codec::fhir
