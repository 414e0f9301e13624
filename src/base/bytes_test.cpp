#include "base/bytes.h"

#include <gtest/gtest.h>

namespace careledger {
namespace {

TEST(Bytes, HexRoundTripsAndRefusesWhatIsNotHex) {
  EXPECT_EQ(to_hex(Bytes("\x00\xffZ", 3)), "00ff5a");
  EXPECT_EQ(from_hex("00FF5a"), Bytes("\x00\xffZ", 3));
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
}

// RFC 4648 section 10.
TEST(Bytes, Base64AgreesWithRfc4648) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : cases) {
    EXPECT_EQ(to_base64(plain), coded);
    EXPECT_EQ(from_base64(coded), plain);
  }
}

TEST(Bytes, Base64IsStrict) {
  EXPECT_FALSE(from_base64("Zg"));       // padding missing
  EXPECT_FALSE(from_base64("Zh=="));     // stray bits
  EXPECT_FALSE(from_base64("Zg==\n"));   // white space
  EXPECT_FALSE(from_base64url("Zg=="));  // padding in the unpadded form
  EXPECT_EQ(from_base64url("_-8"), Bytes("\xff\xef"));
}

TEST(Bytes, IntegersAreBigEndianAndReadBack) {
  Bytes out;
  append_u32(out, 0x01020304);
  append_u64(out, 5);
  EXPECT_EQ(to_hex(out), "010203040000000000000005");
  ByteView in = out;
  EXPECT_EQ(take_u32(in), 0x01020304u);
  EXPECT_EQ(take_u64(in), 5u);
  EXPECT_FALSE(take_u16(in));
}

TEST(Bytes, AFieldWithALengthBeyondTheEndIsRefused) {
  const Bytes out("\0\0\0\5abcd", 8);
  ByteView in = out;
  EXPECT_FALSE(take_field(in));
  EXPECT_EQ(in.size(), 8u);
}

}  // namespace
}  // namespace careledger
