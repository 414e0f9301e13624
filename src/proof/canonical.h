// Canonical protobuf: the bytes parse, hold no unknown field, and serialise to themselves again. So two readers never see one message
// in two encodings, and no byte of it is without meaning. Thread-safety: pure functions.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace google::protobuf {
class Message;
}

namespace careledger::proof {

// Serialises deterministically: fields in the order of their numbers.
Bytes canonical_bytes(const google::protobuf::Message& message);

// Fills `out`. malformed (naming `what`) unless `bytes` are canonical; too_large above `limit` bytes. On failure `out` holds anything.
Result<void> parse_canonical(ByteView bytes, google::protobuf::Message& out, const char* what, std::size_t limit = 8u << 20);

template <class Message>
Result<Message> from_canonical(ByteView bytes, const char* what, std::size_t limit = 8u << 20) {
  Message message;
  CARELEDGER_CHECK(parse_canonical(bytes, message, what, limit));
  return message;
}

}  // namespace careledger::proof
