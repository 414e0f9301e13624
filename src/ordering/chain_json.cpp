#include "ordering/chain_json.h"

namespace careledger::ordering::chain_json {

namespace {

Value to_json(Document& document, const proof::BlockId& id) {
  Object parts(document);
  parts.number("total", id.parts.total).hex("hash", id.parts.hash);
  return Object(document).hex("hash", id.hash).add("parts", parts.done()).done();
}

Value to_json(Document& document, const proof::CommitSig& signature) {
  return Object(document)
      .number("block_id_flag", static_cast<std::int64_t>(signature.flag))
      .hex("validator_address", signature.validator_address)
      .text("timestamp", proof::to_rfc3339(signature.timestamp))
      .base64("signature", signature.signature)
      .done();
}

}  // namespace

std::string upper_hex(ByteView bytes) {
  auto out = to_hex(bytes);
  for (char& c : out) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

Object& Object::add(std::string_view key, Value value) {
  document_.set(value_, key, value);
  return *this;
}
Object& Object::text(std::string_view key, std::string_view text) { return add(key, document_.string(text)); }
Object& Object::number(std::string_view key, std::int64_t number) { return add(key, document_.number(number)); }
Object& Object::quoted(std::string_view key, std::int64_t number) { return text(key, std::to_string(number)); }
Object& Object::hex(std::string_view key, ByteView bytes) { return text(key, upper_hex(bytes)); }
Object& Object::base64(std::string_view key, ByteView bytes) {
  return bytes.empty() ? add(key, document_.null()) : text(key, to_base64(bytes));
}
Object& Object::truth(std::string_view key, bool truth) { return add(key, document_.boolean(truth)); }

Value to_json(Document& document, const proof::Header& header) {
  Object version(document);
  version.quoted("block", static_cast<std::int64_t>(header.block_version));
  if (header.app_version != 0) version.quoted("app", static_cast<std::int64_t>(header.app_version));
  return Object(document)
      .add("version", version.done())
      .text("chain_id", header.chain_id)
      .quoted("height", header.height)
      .text("time", proof::to_rfc3339(header.time))
      .add("last_block_id", to_json(document, header.last_block_id))
      .hex("last_commit_hash", header.last_commit_hash)
      .hex("data_hash", header.data_hash)
      .hex("validators_hash", header.validators_hash)
      .hex("next_validators_hash", header.next_validators_hash)
      .hex("consensus_hash", header.consensus_hash)
      .hex("app_hash", header.app_hash)
      .hex("last_results_hash", header.last_results_hash)
      .hex("evidence_hash", header.evidence_hash)
      .hex("proposer_address", header.proposer_address)
      .done();
}

Value to_json(Document& document, const proof::Commit& commit) {
  auto signatures = document.array();
  for (const auto& signature : commit.signatures) document.append(signatures, to_json(document, signature));
  return Object(document)
      .quoted("height", commit.height)
      .number("round", commit.round)
      .add("block_id", to_json(document, commit.block_id))
      .add("signatures", signatures)
      .done();
}

Value public_key_json(Document& document, const crypto::PublicKey& key) {
  return Object(document).text("type", "tendermint/PubKeyEd25519").base64("value", key.view()).done();
}

Value to_json(Document& document, const proof::Validator& validator) {
  return Object(document)
      .hex("address", validator.address())
      .add("pub_key", public_key_json(document, validator.key))
      .quoted("voting_power", validator.power)
      .quoted("proposer_priority", validator.priority)
      .done();
}

Value genesis_validator_json(Document& document, const crypto::PublicKey& key, std::int64_t power, std::string_view name) {
  return Object(document)
      .hex("address", proof::address_of(key))
      .add("pub_key", public_key_json(document, key))
      .quoted("power", power)
      .text("name", name)
      .done();
}

Value consensus_params_json(Document& document, const proof::BlockLimits& limits, std::uint64_t app_version,
                            const EvidenceRules& evidence) {
  auto key_types = document.array();
  document.append(key_types, document.string("ed25519"));
  return Object(document)
      .add("block", Object(document).quoted("max_bytes", limits.max_bytes).quoted("max_gas", limits.max_gas).done())
      .add("evidence", Object(document)
                           .quoted("max_age_num_blocks", evidence.blocks)
                           .quoted("max_age_duration", evidence.nanoseconds)
                           .quoted("max_bytes", evidence.bytes)
                           .done())
      .add("validator", Object(document).add("pub_key_types", key_types).done())
      .add("version", Object(document).quoted("app", static_cast<std::int64_t>(app_version)).done())
      .add("abci", Object(document).quoted("vote_extensions_enable_height", 0).done())
      .done();
}

}  // namespace careledger::ordering::chain_json
