// Headers, commits, validators and what a genesis holds, written in the JSON of the chain's format: integers of 64 bits as strings, hashes
// and addresses in upper-case hex, keys and signatures in base64, times in RFC 3339.
//
// Thread-safety: pure but for the document, which belongs to the caller.
#pragma once

#include "codec/json/json.h"
#include "proof/chain.h"

namespace careledger::ordering::chain_json {

using codec::json::Document;
using codec::json::Value;

// Builds an object member by member.
class Object {
 public:
  explicit Object(Document& document) : document_(document), value_(document.object()) {}
  Object& add(std::string_view key, Value value);
  Object& text(std::string_view key, std::string_view text);
  Object& number(std::string_view key, std::int64_t number);  // a JSON number: Go's 32 bits and less
  Object& quoted(std::string_view key, std::int64_t number);  // a string: Go's int, int64, uint64
  Object& hex(std::string_view key, ByteView bytes);          // upper case
  Object& base64(std::string_view key, ByteView bytes);       // null when empty
  Object& truth(std::string_view key, bool truth);
  Value done() { return value_; }

 private:
  Document& document_;
  Value value_;
};

std::string upper_hex(ByteView bytes);
Value to_json(Document& document, const proof::Header& header);
Value to_json(Document& document, const proof::Commit& commit);
Value to_json(Document& document, const proof::Validator& validator);
Value public_key_json(Document& document, const crypto::PublicKey& key);
Value genesis_validator_json(Document& document, const crypto::PublicKey& key, std::int64_t power, std::string_view name);

struct EvidenceRules {  // for how long a validator's misdeed counts; no header covers them
  std::int64_t blocks = 100'000;
  std::int64_t nanoseconds = 172'800'000'000'000;  // two days
  std::int64_t bytes = 1'048'576;
};
struct Rules {                // of a chain, at a height
  proof::BlockLimits limits;  // what a header's consensus hash covers
  EvidenceRules evidence{};   // whoever begins with a snapshot takes them from whom it asks
};
Value consensus_params_json(Document& document, const proof::BlockLimits& limits, std::uint64_t app_version,
                            const EvidenceRules& evidence = {});

}  // namespace careledger::ordering::chain_json
