// Large rows of the ledger's store are packed by Zstandard (RFC 8878) before they are written, one by one: so the journal, which is not
// compressed, holds fewer bytes, and the tables too. Small ones stand as they are, and so do all that older programs wrote.
//
// Thread-safety: safe from any thread.
#pragma once

#include "base/bytes.h"
#include "base/result.h"

namespace careledger::replica {

Bytes pack_row(Bytes message);              // of an encoded protobuf message; never longer than that
Result<Bytes> unpack_row(ByteView stored);  // the message; corrupt

template <class Message>
bool parse_row(Message& message, ByteView stored) {
  const auto bytes = unpack_row(stored);
  return bytes && message.ParseFromString(*bytes);
}

}  // namespace careledger::replica
