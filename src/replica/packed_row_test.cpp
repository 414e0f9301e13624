#include "replica/packed_row.h"

#include <gtest/gtest.h>

#include "replica/replica.pb.h"

namespace careledger::replica {
namespace {

Bytes row(std::size_t batches) {
  BlockRow out;
  out.set_time_ms(1);
  for (std::size_t i = 0; i < batches; ++i) out.add_batches("batch " + std::to_string(i));
  return out.SerializeAsString();
}

TEST(PackedRow, ALargeOneComesBackFromFewerBytes) {
  const Bytes message = row(10'000);
  const Bytes stored = pack_row(message);
  EXPECT_LT(stored.size(), message.size() / 2);
  EXPECT_EQ(unpack_row(stored).value(), message);
}

TEST(PackedRow, ASmallOneAndOneThatDoesNotShrinkStandAsTheyAre) {
  EXPECT_EQ(pack_row(row(3)), row(3));
  EXPECT_EQ(unpack_row(row(3)).value(), row(3));
  EXPECT_EQ(unpack_row("").value(), "");
  BlockRow random;
  std::uint32_t state = 1;
  for (Bytes& bytes = *random.add_batches(); bytes.size() < 5000;) bytes += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  const Bytes message = random.SerializeAsString();
  EXPECT_EQ(pack_row(message), message);
  EXPECT_EQ(unpack_row(message).value(), message);
}

TEST(PackedRow, CutAnywhereOrEditedItIsCorruptOrAnother) {
  const Bytes message = row(1'000);
  const Bytes stored = pack_row(message);
  for (std::size_t size = 1; size < stored.size(); ++size) {
    const auto cut = unpack_row(ByteView(stored).substr(0, size));
    ASSERT_FALSE(cut) << size;
    EXPECT_EQ(cut.error().kind, ErrorKind::corrupt);
  }
  Bytes endless = stored;  // a frame that says it holds more than any row
  endless[5] = '\xE0';     // RFC 8878, 3.1.1.1.1: a content size of eight bytes, and no window before it
  endless.replace(6, 8, Bytes(8, '\x7F'));
  EXPECT_FALSE(unpack_row(endless));
}

}  // namespace
}  // namespace careledger::replica
