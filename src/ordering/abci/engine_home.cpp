#include "ordering/abci/engine_home.h"

#include "codec/json/json.h"

namespace careledger::ordering::abci {
namespace {

namespace json = codec::json;

constexpr std::string_view kKeyType = "tendermint/PubKeyEd25519";
constexpr std::string_view kPrivateKeyType = "tendermint/PrivKeyEd25519";
constexpr std::int64_t kEvidenceBlocks = 1'000'000;
constexpr std::int64_t kEvidenceNs = std::int64_t{14} * 86'400 * 1'000'000'000;  // as long as light clients trust a header
constexpr std::int64_t kEvidenceBytes = 64 * 1024;

std::string upper_hex(ByteView bytes) {
  std::string hex = to_hex(bytes);
  for (char& c : hex) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  return hex;
}

// An object whose members keep the order in which they were named. 64-bit numbers are strings, as the engine's JSON has them.
class Object {
 public:
  explicit Object(json::Document& document) : document_(document), value_(document.object()) {}
  Object& text(std::string_view key, std::string_view text) { return add(key, document_.string(text)); }
  Object& number(std::string_view key, std::int64_t number) { return text(key, std::to_string(number)); }
  Object& add(std::string_view key, json::Value value) {
    document_.set(value_, key, value);
    return *this;
  }
  json::Value done() const { return value_; }

 private:
  json::Document& document_;
  json::Value value_;
};

json::Value key_json(json::Document& document, std::string_view type, ByteView bytes) {
  return Object(document).text("type", type).text("value", to_base64(bytes)).done();
}

json::Value validator_json(json::Document& document, const GenesisValidator& validator) {
  return Object(document)
      .text("address", upper_hex(proof::address_of(validator.key)))
      .add("pub_key", key_json(document, kKeyType, validator.key.view()))
      .number("power", validator.power)
      .text("name", validator.name)
      .done();
}

json::Value params_json(json::Document& document, const Genesis& genesis) {
  json::Value key_types = document.array();
  document.append(key_types, document.string("ed25519"));
  Object block(document), evidence(document), validator(document), version(document), extensions(document);
  block.number("max_bytes", genesis.limits.max_bytes).number("max_gas", genesis.limits.max_gas);
  evidence.number("max_age_num_blocks", kEvidenceBlocks).number("max_age_duration", kEvidenceNs).number("max_bytes", kEvidenceBytes);
  validator.add("pub_key_types", key_types);
  version.number("app", static_cast<std::int64_t>(genesis.app_version));
  extensions.number("vote_extensions_enable_height", 0);
  return Object(document)
      .add("block", block.done())
      .add("evidence", evidence.done())
      .add("validator", validator.done())
      .add("version", version.done())
      .add("abci", extensions.done())
      .done();
}

std::string quoted(const std::string& text) {  // TOML's basic string, for names, addresses and paths
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string joined(const std::vector<Peer>& peers) {
  std::string out;
  for (const Peer& peer : peers) out += (out.empty() ? "" : ",") + peer.id + "@" + peer.address;
  return out;
}

// What differs from the engine's own choice, and why: docs/decisions.md, "settings of the engine".
std::string config_toml(const EnginePaths& paths, const EngineSettings& settings) {
  const std::string many_bytes = "33554432";
  return "proxy_app = " + quoted("unix://" + paths.application) + "\nmoniker = " + quoted(settings.moniker) +
         "\nabci = \"socket\"\ndb_backend = \"goleveldb\"\nlog_level = \"error\"\nlog_format = \"json\"\nfilter_peers = true\n" +
         "priv_validator_laddr = " + quoted("unix://" + paths.signer) + "\n\n[rpc]\nladdr = " + quoted("unix://" + paths.rpc) +
         "\nmax_body_bytes = 4000000\nmax_open_connections = 64\n\n[p2p]\nladdr = " + quoted("tcp://" + settings.listen) +
         "\npersistent_peers = " + quoted(joined(settings.peers)) +
         "\npersistent_peers_max_dial_period = \"2s\"\npex = false\naddr_book_strict = false\nallow_duplicate_ip = true\n" +
         "flush_throttle_timeout = \"2ms\"\nmax_packet_msg_payload_size = 10240\nsend_rate = " + many_bytes +
         "\nrecv_rate = " + many_bytes +
         "\n\n[mempool]\nrecheck = false\nsize = 20000\ncache_size = 100000\nmax_txs_bytes = 268435456\n\n[consensus]\n" +
         "timeout_propose = \"1s\"\ntimeout_prevote = \"300ms\"\ntimeout_precommit = \"300ms\"\ntimeout_commit = \"0s\"\n" +
         "skip_timeout_commit = true\ncreate_empty_blocks = false\ncreate_empty_blocks_interval = \"" +
         std::to_string(settings.empty_block_s) +
         "s\"\npeer_gossip_sleep_duration = \"2ms\"\n\n[storage]\ndiscard_abci_responses = true\n\n[tx_index]\nindexer = \"null\"\n";
}

}  // namespace

std::string node_id(const crypto::PublicKey& key) { return to_hex(proof::address_of(key)); }

Bytes encode(const Genesis& genesis) {
  json::Document document;
  json::Value validators = document.array();
  for (const GenesisValidator& one : genesis.validators) document.append(validators, validator_json(document, one));
  return json::compact(Object(document)
                           .text("genesis_time", proof::to_rfc3339(proof::time_from(genesis.time)))
                           .text("chain_id", genesis.chain_id)
                           .number("initial_height", genesis.initial_height)
                           .add("consensus_params", params_json(document, genesis))
                           .add("validators", validators)
                           .text("app_hash", upper_hex(genesis.app_hash))
                           .done());
}

Result<void> prepare(Files& files, const std::string& folder, const Genesis& genesis, const crypto::SigningKey& node_key,
                     const EngineSettings& settings) {
  json::Document document;
  const Bytes key =
      json::compact(Object(document)
                        .add("priv_key", key_json(document, kPrivateKeyType, Bytes(node_key.seed().view()) + node_key.public_key().bytes()))
                        .done());
  CARELEDGER_CHECK(files.make_folder(folder + "/config"));
  CARELEDGER_CHECK(files.make_folder(folder + "/data"));
  CARELEDGER_CHECK(files.replace(folder + "/config/config.toml", config_toml(EnginePaths(folder), settings)));
  CARELEDGER_CHECK(files.replace(folder + "/config/genesis.json", encode(genesis)));
  return files.replace(folder + "/config/node_key.json", key);
}

}  // namespace careledger::ordering::abci
