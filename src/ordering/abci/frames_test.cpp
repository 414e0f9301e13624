#include "ordering/abci/frames.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <vector>

namespace careledger::ordering::abci {
namespace {

TEST(Frames, ALengthIsAnUnsignedVarint) {
  EXPECT_EQ(frame(Bytes(1, 'x')), Bytes("\x01x"));
  EXPECT_EQ(frame(Bytes(300, 'x')).substr(0, 2), Bytes("\xac\x02"));  // the example of protobuf's documentation
}

RC_GTEST_PROP(Frames, WhateverPiecesTheyArriveInTheSameMessagesComeOut, (std::vector<Bytes> messages)) {
  Bytes stream;
  for (const Bytes& message : messages) stream += frame(message);
  FrameReader reader;
  std::vector<Bytes> found;
  for (std::size_t at = 0; at < stream.size();) {
    const auto count = *rc::gen::inRange<std::size_t>(1, 40);
    reader.put(ByteView(stream).substr(at, count));
    at += count;
    for (auto next = reader.next(); next && *next; next = reader.next()) found.push_back(**next);
  }
  RC_ASSERT(found == messages);
}

TEST(Frames, ALengthOverTheLimitIsRefusedBeforeTheBytesCome) {
  FrameReader reader(1000);
  reader.put("\xe9\x07");  // 1001
  EXPECT_EQ(reader.next().error().kind, ErrorKind::too_large);
  FrameReader whole(1000);
  whole.put(frame(Bytes(1000, 'x')));
  EXPECT_EQ((*whole.next())->size(), 1000u);
}

TEST(Frames, ALengthThatIsNo64BitNumberIsRefused) {
  for (const Bytes& bytes : {Bytes(10, '\xff'), Bytes(9, '\xff') + "\x02", Bytes(11, '\x80')}) {
    FrameReader reader;
    reader.put(bytes);
    EXPECT_EQ(reader.next().error().kind, ErrorKind::malformed) << to_hex(bytes);
  }
  FrameReader huge;
  huge.put(Bytes(9, '\xff') + "\x01");  // 2^64 - 1
  EXPECT_EQ(huge.next().error().kind, ErrorKind::too_large);
}

}  // namespace
}  // namespace careledger::ordering::abci
