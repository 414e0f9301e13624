// Messages on an ABCI socket: an unsigned varint with the length, then so many bytes of protobuf
// (https://docs.cometbft.com/v0.38/spec/abci/abci++_client_server#tsp).
//
// Not thread-safe: one reader a direction of a connection.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/result.h"

namespace careledger::ordering::abci {

// Longest message taken. The engine's own limit is 2 GiB; a block and a chunk of a snapshot stay far below this.
inline constexpr std::size_t kFrameBytesMax = 64u << 20;

Bytes frame(ByteView message);

class FrameReader {
 public:
  explicit FrameReader(std::size_t frame_bytes_max = kFrameBytesMax) : frame_bytes_max_(frame_bytes_max) {}

  void put(ByteView received) { buffer_.append(received); }
  // The next whole message, nullopt while more bytes are needed. malformed: a length of more than ten bytes or 64 bits; too_large. After
  // an error nothing on this connection can be believed: close it. A length alone reserves no memory.
  Result<std::optional<Bytes>> next();

 private:
  const std::size_t frame_bytes_max_;
  Bytes buffer_;
  std::size_t begin_ = 0;  // of what was not given out
};

}  // namespace careledger::ordering::abci
