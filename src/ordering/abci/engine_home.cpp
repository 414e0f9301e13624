#include "ordering/abci/engine_home.h"

#include "crypto/secret_text.h"
#include "crypto/secret_writer.h"
#include "ordering/abci/unix_socket.h"
#include "ordering/chain_json.h"

namespace careledger::ordering::abci {
namespace {

namespace json = codec::json;

using chain_json::Object;

constexpr std::string_view kPrivateKeyType = "tendermint/PrivKeyEd25519";
constexpr std::size_t kPrivateKeySize = 64;  // seed ‖ public key
constexpr std::int64_t kNanosAnHour = 3'600'000'000'000;

std::string toml_string(const std::string& text) {  // TOML's basic string, for names, addresses and paths
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) out += "\\u00" + to_hex(Bytes(1, c));
    else out += c;
  }
  return out + "\"";
}

// It trusts headers for as long as misdeeds of validators count.
std::string state_sync_toml(const SnapshotStart& start) {
  std::string servers;
  for (const std::string& server : start.servers) servers += (servers.empty() ? "" : ",") + server;
  return "\n[statesync]\nenable = true\nrpc_servers = " + toml_string(servers) + "\ntrust_height = " + std::to_string(start.height.value) +
         "\ntrust_hash = " + toml_string(start.hash.hex()) + "\ntrust_period = \"" + std::to_string(kEvidence.nanoseconds / kNanosAnHour) +
         "h0m0s\"\ndiscovery_time = \"5s\"\n";
}

std::string joined(const std::vector<Peer>& peers) {
  std::string out;
  for (const Peer& peer : peers) out += (out.empty() ? "" : ",") + peer.id + "@" + peer.address;
  return out;
}

// What differs from the engine's own choice, and why: docs/decisions.md, "settings of the engine".
std::string config_toml(const EnginePaths& paths, const EngineSettings& settings) {
  const std::string many_bytes = "33554432";
  return "proxy_app = " + toml_string("unix://" + paths.application) + "\nmoniker = " + toml_string(settings.moniker) +
         "\nabci = \"socket\"\ndb_backend = \"goleveldb\"\nlog_level = \"error\"\nlog_format = \"json\"\nfilter_peers = true\n" +
         "priv_validator_laddr = " + toml_string("unix://" + paths.signer) + "\n\n[rpc]\nladdr = " + toml_string("unix://" + paths.rpc) +
         "\nmax_body_bytes = 4000000\nmax_open_connections = 64\n\n[p2p]\nladdr = " + toml_string("tcp://" + settings.listen) +
         "\npersistent_peers = " + toml_string(joined(settings.peers)) +
         "\npersistent_peers_max_dial_period = \"2s\"\npex = false\naddr_book_strict = false\nallow_duplicate_ip = true\n" +
         "flush_throttle_timeout = \"2ms\"\nmax_packet_msg_payload_size = 10240\nsend_rate = " + many_bytes +
         "\nrecv_rate = " + many_bytes +
         "\n\n[mempool]\nrecheck = true\nsize = 20000\ncache_size = 100000\nmax_txs_bytes = 268435456\n\n[consensus]\n" +
         "timeout_propose = \"500ms\"\ntimeout_prevote = \"300ms\"\ntimeout_precommit = \"50ms\"\ntimeout_commit = \"0s\"\n" +
         "skip_timeout_commit = true\ncreate_empty_blocks = false\ncreate_empty_blocks_interval = \"" +
         std::to_string(settings.empty_block_s) +
         "s\"\npeer_gossip_sleep_duration = \"2ms\"\n\n[storage]\ndiscard_abci_responses = true\n\n[tx_index]\nindexer = \"null\"\n" +
         (settings.start ? state_sync_toml(*settings.start) : "");
}

// The engine reads this key from a plain file; here it does not leave locked memory.
crypto::Secret node_key_json(const crypto::SigningKey& key) {
  crypto::SecretWriter pair(kPrivateKeySize);
  pair.put(key.seed().view());
  pair.put(key.public_key().view());
  const crypto::Secret value = crypto::secret_to_base64(std::move(pair).take());
  const std::string before = R"({"priv_key":{"type":")" + std::string(kPrivateKeyType) + R"(","value":")";
  const std::string after = R"("}})";
  crypto::SecretWriter text(before.size() + value.size() + after.size());
  for (const ByteView part : {ByteView(before), value.view(), ByteView(after)}) text.put(part);
  return std::move(text).take();
}

}  // namespace

std::string node_id(const crypto::PublicKey& key) { return to_hex(proof::address_of(key)); }

Bytes encode(const Genesis& genesis) {
  json::Document document;
  json::Value validators = document.array();
  for (const GenesisValidator& one : genesis.validators)
    document.append(validators, chain_json::genesis_validator_json(document, one.key, one.power, one.name));
  const json::Value params = chain_json::consensus_params_json(document, genesis.limits, genesis.app_version, genesis.evidence);
  Object object(document);
  if (!genesis.app_state.empty()) object.text("app_state", to_hex(genesis.app_state));
  return json::compact(object.text("genesis_time", proof::to_rfc3339(proof::time_from(genesis.time)))
                           .text("chain_id", genesis.chain_id)
                           .quoted("initial_height", genesis.initial_height)
                           .add("consensus_params", params)
                           .add("validators", validators)
                           .hex("app_hash", genesis.app_hash)
                           .done());
}

Result<void> check_sockets(const std::string& folder) {
  const EnginePaths paths(folder);
  if (is_socket_name(paths.application) && is_socket_name(paths.signer) && is_socket_name(paths.rpc)) return {};
  return fail(ErrorKind::invalid, folder + " is too long a path: with the names of sockets in it no more than " +
                                      std::to_string(kSocketNameMax) + " bytes are possible; choose a folder with a shorter path");
}

Result<void> prepare(Files& files, const std::string& folder, const Genesis& genesis, const crypto::SigningKey& node_key,
                     const EngineSettings& settings) {
  CARELEDGER_CHECK(files.make_folder(folder + "/config"));
  CARELEDGER_CHECK(files.make_folder(folder + "/data"));
  CARELEDGER_CHECK(files.replace(folder + "/config/config.toml", config_toml(EnginePaths(folder), settings)));
  CARELEDGER_CHECK(files.replace(folder + "/config/genesis.json", encode(genesis)));
  return files.replace(folder + "/config/node_key.json", node_key_json(node_key).view());
}

}  // namespace careledger::ordering::abci
