// The methods themselves, free of HTTP and JSON-RPC. Inside rpc/ only.
#pragma once

#include <optional>

#include "edge/rpc/rpc.h"
#include "ordering/chain_json.h"

namespace careledger::edge::rpc {

using ordering::chain_json::consensus_params_json;
using ordering::chain_json::Document;
using ordering::chain_json::genesis_validator_json;
using ordering::chain_json::Object;
using ordering::chain_json::public_key_json;
using ordering::chain_json::to_json;
using ordering::chain_json::upper_hex;
using ordering::chain_json::Value;

// What a caller gave, by name; strings and numbers alike, as text. Absent is nullopt.
class Arguments {
 public:
  void set(std::string name, std::string value) { values_.insert_or_assign(std::move(name), std::move(value)); }
  std::optional<std::string> find(std::string_view name) const;
  Result<std::optional<std::int64_t>> integer(std::string_view name) const;  // invalid
  Result<Bytes> bytes(std::string_view name) const;                          // hex, with or without 0x; invalid
  bool truth(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

// The names of a method's parameters in their order (for positional calls); nullopt: no such method.
std::optional<std::vector<std::string_view>> parameters_of(std::string_view method);

// The result as a value of `document`. not_found: no such method; other errors carry CometBFT's words, which its clients match.
Result<Value> call(const Node& node, std::string_view method, const Arguments& arguments, Document& document);

Result<Value> abci_query(const Node& node, const Arguments& arguments, Document& document);

}  // namespace careledger::edge::rpc
