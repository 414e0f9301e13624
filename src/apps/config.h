// careledger.json: what a node knows about itself before any key is opened. No secret stands in it.
//
// Written whole by `init`, read by everything else. Unknown members, other types and newer formats are refused; older ones are for
// `careledger upgrade` (upgrade.h). Its format is the format of the whole folder.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/ids.h"
#include "base/result.h"

namespace careledger::codec::json {
class Value;
}

namespace careledger::apps {

inline constexpr std::int64_t kConfigFormat = 2;
inline constexpr std::uint32_t kReserveMibDefault = 64;
inline constexpr std::size_t kOrganisationsMax = 64;

struct OrganisationConfig {
  std::string name;  // as on the ledger: "North Hospital"
  std::string slug;  // names the folder: "north-hospital"
  std::string kind;  // "hospital", "laboratory", "regulator"…
  OrganisationId id;
  Digest clinician;        // holder id of the first accredited practitioner: who tokens of role clinician speak for by default
  std::uint16_t port = 0;  // 0: the system chooses one at each start
};

// A node of a consortium knows the others from their descriptions. Whom it lets in is read anew whenever somebody knocks; where it dials
// them, at the next start.
struct PeerConfig {
  std::string name;  // of the organisation
  OrganisationId id;
  std::string node;       // 40 hex digits: by which its engine is known
  std::string listen;     // "host:port" of its engine
  std::string api;        // "https://host:port" of its endpoint
  BlockTime described{};  // when it said so: what is older is not believed any more
};
struct NetworkConfig {
  std::string listen;  // "host:port" of this node's engine
  std::vector<PeerConfig> peers;
};

struct Config {
  std::string name;  // of the ledger
  LedgerId ledger;
  std::vector<OrganisationConfig> organisations;
  std::vector<std::uint16_t> rpc_ports;            // two: a light client wants a witness
  std::uint32_t reserve_mib = kReserveMibDefault;  // of disk, held back for revocations and audit: 1 to 65,536

  std::optional<NetworkConfig> network{};  // of a consortium's node

  // By name or slug; nullptr when there is none.
  const OrganisationConfig* find(const std::string& organisation) const;
};

Result<Config> read_config(Files& files, const std::string& path);
// 1 to kConfigFormat. malformed; newer_format names both numbers.
Result<std::int64_t> format_of(const codec::json::Value& root);
Result<void> write_config(Files& files, const std::string& path, const Config& config);
// Reads it, changes it and writes it, while no other process or thread does the same: of two commands at once neither is lost. What
// `change` refuses is not written. The new one.
Result<Config> change_config(Files& files, const std::string& path, const std::function<Result<void>(Config&)>& change);

// "host:port": a name of lower-case letters, digits, dots and dashes, an IPv4 address, or an IPv6 address in brackets; port 1 to 65,535.
bool is_endpoint(std::string_view text);

// Lower-case letters, digits and single dashes; empty when the name has none of them.
std::string slug_of(const std::string& name);
// Number of an organisation's kind in the registry; invalid, listing the kinds.
Result<std::uint32_t> kind_number(const std::string& kind);
std::string kind_name(std::uint32_t number);  // the number as text when it has no name

}  // namespace careledger::apps
