#include "proof/canonical.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>

#include "base/assert.h"

namespace careledger::proof {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Recursion as deep as the message, which parsing has bounded.
bool has_unknown_fields(const Message& message) {
  const auto& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) return true;
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (field->is_repeated()) {
      for (int at = 0; at < reflection.FieldSize(message, field); ++at)
        if (has_unknown_fields(reflection.GetRepeatedMessage(message, field, at))) return true;
    } else if (reflection.HasField(message, field) && has_unknown_fields(reflection.GetMessage(message, field))) {
      return true;
    }
  }
  return false;
}

}  // namespace

Bytes canonical_bytes(const Message& message) {
  Bytes out(message.ByteSizeLong(), '\0');
  google::protobuf::io::ArrayOutputStream stream(out.data(), static_cast<int>(out.size()));
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeWithCachedSizes(&coded);
  CARELEDGER_ASSERT(!coded.HadError() && static_cast<std::size_t>(coded.ByteCount()) == out.size());
  return out;
}

// An unknown field would survive re-serialising, but after the known ones of its message: equality alone would let one at the end
// through, so unknown fields are looked for first.
Result<void> parse_canonical(ByteView bytes, Message& out, const char* what, std::size_t limit) {
  if (bytes.size() > limit) return fail(ErrorKind::too_large, std::string(what) + ": too large");
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  input.SetRecursionLimit(32);
  if (!out.ParseFromCodedStream(&input) || !input.ConsumedEntireMessage()) {
    return fail(ErrorKind::malformed, std::string(what) + ": not a valid message");
  }
  if (has_unknown_fields(out) || canonical_bytes(out) != bytes)
    return fail(ErrorKind::malformed, std::string(what) + ": not in canonical form");
  return {};
}

}  // namespace careledger::proof
