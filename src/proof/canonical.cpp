#include "proof/canonical.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>

#include "base/assert.h"

namespace careledger::proof {

Bytes canonical_bytes(const google::protobuf::Message& message) {
  Bytes out;
  google::protobuf::io::StringOutputStream stream(&out);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  CARELEDGER_ASSERT(message.SerializeToCodedStream(&coded));
  coded.Trim();
  return out;
}

// An unknown field would survive re-serialising, but after the known ones of its message: equality alone would let one at the end
// through, so unknown fields are dropped first and then missed.
Result<void> parse_canonical(ByteView bytes, google::protobuf::Message& out, const char* what, std::size_t limit) {
  if (bytes.size() > limit) return fail(ErrorKind::too_large, std::string(what) + ": too large");
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  input.SetRecursionLimit(32);
  if (!out.ParseFromCodedStream(&input) || !input.ConsumedEntireMessage()) {
    return fail(ErrorKind::malformed, std::string(what) + ": not a valid message");
  }
  out.DiscardUnknownFields();
  if (canonical_bytes(out) != bytes) return fail(ErrorKind::malformed, std::string(what) + ": not in canonical form");
  return {};
}

}  // namespace careledger::proof
