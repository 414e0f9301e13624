#include "codec/fhir/instant.h"

#include <gtest/gtest.h>

namespace careledger::codec::fhir {
namespace {

TEST(Instant, ReadsWhatItWrites) {
  const BlockTime time{1'795'253'400'500};
  EXPECT_EQ(format_instant(time), "2026-11-21T09:30:00.500Z");
  EXPECT_EQ(parse_instant("2026-11-21T09:30:00.500Z"), time);
  EXPECT_EQ(parse_instant("2026-11-21T10:30:00.5+01:00"), time);
  EXPECT_EQ(parse_instant("2026-11-21T04:00:00.5009-05:30"), time);
  EXPECT_EQ(format_instant({-1}), "1969-12-31T23:59:59.999Z");
}

TEST(Instant, RefusesWhatIsNoInstant) {
  for (const char* text : {"", "2026-11-21", "2026-11-21T09:30Z", "2026-11-21T09:30:00", "2026-02-29T00:00:00Z", "2026-11-21T24:00:00Z",
                           "2026-11-21T09:30:60Z", "2026-11-21T09:30:00.Z", "2026-11-21T09:30:00+15:00", "2026-11-21T09:30:00Zx",
                           "2026-11-21t09:30:00Z", "0000-01-01T00:00:00Z"})
    EXPECT_FALSE(parse_instant(text)) << text;
}

TEST(Instant, StaysInTheYearsThatFourDigitsCanSayInEveryZone) {
  EXPECT_EQ(format_instant(parse_instant("9999-12-31T23:59:59Z").value()), "9999-12-31T23:59:59.000Z");
  EXPECT_EQ(format_instant(parse_instant("0001-01-01T00:00:00Z").value()), "0001-01-01T00:00:00.000Z");
  EXPECT_FALSE(parse_instant("9999-12-31T23:59:59-14:00"));
  EXPECT_FALSE(parse_instant("0001-01-01T00:00:00+14:00"));
}

TEST(Instant, ADayIsItsFirstMoment) {
  EXPECT_EQ(parse_day("2026-11-21"), parse_instant("2026-11-21T00:00:00Z"));
  for (const char* text : {"", "2026-11-2", "2026-02-29", "21.11.2026", "2026-11-21T00:00:00Z", "2026-11-21 "})
    EXPECT_FALSE(parse_day(text)) << text;
}

}  // namespace
}  // namespace careledger::codec::fhir
