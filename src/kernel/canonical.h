// Canonical protobuf (proof/canonical.h) in the kernel's terms: a payload is canonical or it is not, and nobody asks why.
#pragma once

#include <google/protobuf/message.h>

#include <optional>

#include "proof/canonical.h"

namespace careledger::kernel {

// Gives `message` its value from canonical bytes; false leaves it in any state.
inline bool parse_canonical(ByteView bytes, google::protobuf::Message& message) {
  return proof::parse_canonical(bytes, message, "message").has_value();
}

template <class M>
std::optional<M> decode_canonical(ByteView bytes) {
  std::optional<M> message(std::in_place);
  if (!parse_canonical(bytes, *message)) message.reset();
  return message;
}

// Canonical bytes of a message that we made.
inline Bytes encode(const google::protobuf::Message& message) { return proof::canonical_bytes(message); }

}  // namespace careledger::kernel
