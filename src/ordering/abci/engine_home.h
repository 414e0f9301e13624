// The folder that an engine runs in: its configuration, its genesis and the key by which other nodes know it. Nobody edits these files:
// they are written again at every start from what the node was told.
//
//   FOLDER/config/config.toml, genesis.json, node_key.json   FOLDER/data: the engine's own
//   FOLDER/application.sock, signer.sock, rpc.sock: where application, signer and RPC meet the engine
//
// Thread-safety: values; functions of files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "crypto/sign.h"
#include "ordering/chain_json.h"
#include "proof/chain.h"

namespace careledger::ordering::abci {

// As long as light clients trust a header.
inline constexpr chain_json::EvidenceRules kEvidence{1'000'000, std::int64_t{14} * 86'400 * 1'000'000'000, 64 * 1024};

struct GenesisValidator {
  std::string name;
  crypto::PublicKey key;
  std::int64_t power = 0;
};

// What all founders of a chain must have alike, byte for byte.
struct Genesis {
  std::string chain_id;
  BlockTime time;  // of the first block
  std::int64_t initial_height = 1;
  std::uint64_t app_version = 1;
  proof::BlockLimits limits;  // max_bytes 1 to 2 MiB: larger blocks stall a loaded network
  chain_json::EvidenceRules evidence = kEvidence;
  std::vector<GenesisValidator> validators;
  Bytes app_hash;        // of the state that the chain begins with
  Bytes app_state = {};  // what names that state when it is no founding's: the hash of a snapshot
};
Bytes encode(const Genesis& genesis);  // as the engine reads it

struct Peer {
  std::string id;       // 40 hex digits: the address of its node key
  std::string address;  // "host:port"
};
std::string node_id(const crypto::PublicKey& key);

// For an engine whose ledger begins with a snapshot instead of the first block.
struct SnapshotStart {
  std::vector<std::string> servers;  // "https://host:port": RPC of two nodes at least, from which it reads headers
  Height height;                     // of a header that people vouch for
  Digest hash;                       // and its hash
};

struct EngineSettings {
  std::string moniker = "careledger";
  std::string listen = "0.0.0.0:26656";  // for other nodes
  std::vector<Peer> peers{};             // whom it dials; whom alone it talks to says ApplicationConfig::is_peer
  std::uint32_t empty_block_s = 10;      // longest time without a block: block time must not stand still
  std::optional<SnapshotStart> start{};  // while the ledger is empty
};

struct EnginePaths {
  explicit EnginePaths(const std::string& folder)
      : application(folder + "/application.sock"),
        signer(folder + "/signer.sock"),
        rpc(folder + "/rpc.sock"),
        log(folder + "/engine.log") {}
  std::string application, signer, rpc, log;
};

// invalid: sockets in this folder would have names that are too long for the system.
Result<void> check_sockets(const std::string& folder);

// Makes or brings up to date everything but FOLDER/data. The folder's mode is 0700.
Result<void> prepare(Files& files, const std::string& folder, const Genesis& genesis, const crypto::SigningKey& node_key,
                     const EngineSettings& settings);

}  // namespace careledger::ordering::abci
