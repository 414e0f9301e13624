#include "base/printable.h"

#include <gtest/gtest.h>

namespace careledger {
namespace {

TEST(Printable, LeavesTextOfAllLanguagesAsItIs) {
  for (const std::string_view text : {"", "North Hospital", "Z\u00fcrich \u00a0", "\u05d0\u05d1", "\u6f22\u5b57", "\U0001F3E5"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, NothingMovesTheCursorOrTurnsTheOrder) {
  EXPECT_EQ(printable("a\x1b[2Jb\r\n\x7f"), "a?[2Jb???");
  EXPECT_EQ(printable("a\xc2\x9b"
                      "2Jb\xc2\x80\xc2\x9f"),
            "a?2Jb??");  // CSI and the ends of C1
  for (const std::string_view mark : {"\u061c", "\u200e", "\u200f", "\u2028", "\u202a", "\u202e", "\u2066", "\u2069", "\ufeff"})
    EXPECT_EQ(printable("a" + std::string(mark) + "b"), "a?b");
}

TEST(Printable, WhatIsNoUtf8IsShownByteByByte) {
  EXPECT_EQ(printable("a\x9b"
                      "b"),
            "a?b");                                 // C1 of a terminal that reads single bytes
  EXPECT_EQ(printable("\xc0\x9b"), "??");           // written too long
  EXPECT_EQ(printable("\xe0\x82\x9b"), "?");        // C1, written too long
  EXPECT_EQ(printable("\xed\xa0\x80"), "?");        // a surrogate
  EXPECT_EQ(printable("\xe2\x82"), "??");           // cut
  EXPECT_EQ(printable("\xf4\x90\x80\x80z"), "?z");  // above the last code point
}

}  // namespace
}  // namespace careledger
