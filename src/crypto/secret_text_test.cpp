#include "crypto/secret_text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "crypto/secret_file.h"
#include "crypto/secret_writer.h"

namespace careledger::crypto {
namespace {

RC_GTEST_PROP(SecretText, IsTheSameTextAsForBytesThatAreNoSecret, (const Bytes& bytes)) {
  const Secret secret = Secret::copy_of(bytes);
  const Secret hex = secret_to_hex(secret);
  RC_ASSERT(hex.view() == to_hex(bytes));
  RC_ASSERT(secret_to_base64(secret).view() == to_base64(bytes));
  RC_ASSERT(secret_from_hex(hex.view())->view() == bytes);
}

RC_GTEST_PROP(SecretText, ReadsTheHexadecimalThatBytesAreReadFrom, (const Bytes& text)) {
  const auto bytes = from_hex(text);
  const auto secret = secret_from_hex(text);
  RC_ASSERT(bytes.has_value() == secret.has_value());
  if (bytes) RC_ASSERT(secret->view() == *bytes);
}

TEST(SecretText, RefusesHexadecimalOfOddLengthOrWithOtherCharacters) {
  EXPECT_EQ(secret_from_hex("00fFaB")->view(), Bytes("\x00\xff\xab", 3));
  for (const char* bad : {"0", "000", "0g", "g0", "00 ", " 00", "0x00", "00:11"}) EXPECT_FALSE(secret_from_hex(bad)) << bad;
}

TEST(SecretWriter, PutsThePartsTogether) {
  SecretWriter writer(7);
  for (const ByteView part : {"a", "", "key", "end"}) writer.put(part);
  EXPECT_EQ(std::move(writer).take().view(), "akeyend");
}

class SecretFile : public ::testing::Test {
 protected:
  std::string path = testing::TempDir() + "careledger-secret-" + std::to_string(::getpid());
  void TearDown() override { std::remove(path.c_str()); }
  void write(ByteView bytes) const { std::ofstream(path, std::ios::binary) << bytes; }
};

TEST_F(SecretFile, IsReadWholeUpToItsLimit) {
  for (const std::size_t size : {0u, 1u, 32u, 4096u}) {
    write(Bytes(size, 'k'));
    const auto secret = read_secret_file(path, 4096);
    ASSERT_TRUE(secret) << secret.error().message;
    EXPECT_EQ(secret->view(), Bytes(size, 'k'));
  }
  write(Bytes(33, 'k'));
  EXPECT_EQ(read_secret_file(path, 32).error().kind, ErrorKind::too_large);
  EXPECT_EQ(read_secret_file(path + ".none", 32).error().kind, ErrorKind::not_found);
  EXPECT_EQ(read_secret_file(testing::TempDir(), 32).error().kind, ErrorKind::storage);
}

// What a pipe holds is read once: line after line, and what follows stays for others.
TEST_F(SecretFile, ALineIsTakenFromAPipeAndNothingBehindIt) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const ByteView text = "first line\n\nrest";
  ASSERT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::close(ends[1]);
  EXPECT_EQ(read_secret_line(ends[0], 10)->view(), "first line");
  EXPECT_EQ(read_secret_line(ends[0], 10)->view(), "");
  char next = 0;
  ASSERT_EQ(::read(ends[0], &next, 1), 1);
  EXPECT_EQ(next, 'r');
  EXPECT_EQ(read_secret_line(ends[0], 10)->view(), "est") << "the end ends a line as well";
  EXPECT_EQ(read_secret_line(ends[0], 10)->view(), "");
  ::close(ends[0]);
}

TEST_F(SecretFile, ALineThatIsTooLongIsRefused) {
  write("0123456789\n");
  std::FILE* file = std::fopen(path.c_str(), "rb");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(read_secret_line(::fileno(file), 9).error().kind, ErrorKind::too_large);
  std::fclose(file);
}

}  // namespace
}  // namespace careledger::crypto
