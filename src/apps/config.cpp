#include "apps/config.h"

#include <unistd.h>

#include <array>
#include <limits>
#include <utility>

#include "apps/file_lock.h"
#include "apps/layout.h"
#include "apps/network/description.h"
#include "codec/fhir/instant.h"
#include "codec/json/json.h"
#include "contracts/registry/registry.h"

namespace careledger::apps {
namespace {

namespace json = codec::json;
using contracts::registry::OrganisationKind;

constexpr std::int64_t kReserveMibMax = 65'536;
constexpr std::size_t kConfigBytesMax = 1 << 20;

constexpr std::array<std::pair<const char*, OrganisationKind>, 11> kKinds{{{"hospital", OrganisationKind::hospital},
                                                                           {"clinic", OrganisationKind::clinic},
                                                                           {"pharmacy", OrganisationKind::pharmacy},
                                                                           {"laboratory", OrganisationKind::laboratory},
                                                                           {"insurer", OrganisationKind::insurer},
                                                                           {"manufacturer", OrganisationKind::manufacturer},
                                                                           {"distributor", OrganisationKind::distributor},
                                                                           {"university", OrganisationKind::university},
                                                                           {"sponsor", OrganisationKind::sponsor},
                                                                           {"researcher", OrganisationKind::researcher},
                                                                           {"regulator", OrganisationKind::regulator}}};

tl::unexpected<Error> bad(const std::string& what) { return fail(ErrorKind::malformed, what); }

template <class Id>
Result<Id> read_id(const json::Value& object, std::string_view key) {
  const auto bytes = from_hex(object.string_at(key));
  const auto id = bytes ? Id::from(*bytes) : std::nullopt;
  if (!id) return bad("\"" + std::string(key) + "\" must be 64 hex digits");
  return *id;
}

Result<std::int64_t> read_integer(const json::Value& value, std::int64_t max) {
  const std::string_view text = value.is_number() ? value.text() : std::string_view();
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string_view::npos) return bad("expected a number");
  const std::int64_t number = std::stoll(std::string(text));
  if (number > max) return bad("a number is too large");
  return number;
}

Result<std::uint16_t> read_port(const json::Value& value) {
  CARELEDGER_TRY(const std::int64_t number, read_integer(value, std::numeric_limits<std::uint16_t>::max()));
  return static_cast<std::uint16_t>(number);
}

Result<OrganisationConfig> read_organisation(const json::Value& value) {
  OrganisationConfig organisation;
  organisation.name = value.string_at("name");
  organisation.slug = value.string_at("slug");
  organisation.kind = value.string_at("kind");
  if (organisation.name.empty() || organisation.slug != slug_of(organisation.slug) || organisation.slug.empty())
    return bad("an organisation needs a name and a slug of lower-case letters, digits and dashes");
  CARELEDGER_CHECK(kind_number(organisation.kind));
  CARELEDGER_TRY(organisation.id, read_id<OrganisationId>(value, "id"));
  CARELEDGER_TRY(organisation.clinician, read_id<Digest>(value, "clinician"));
  if (const json::Value* port = value.find("port")) {
    CARELEDGER_TRY(organisation.port, read_port(*port));
  }
  if (value.size() != 6) return bad("an organisation has a member that this program does not know");
  return organisation;
}

Result<NetworkConfig> read_network(const json::Value& value) {
  NetworkConfig network;
  network.listen = value.string_at("listen");
  for (const json::Value& one : value.items_at("peers")) {
    PeerConfig peer;
    peer.name = one.string_at("name");
    CARELEDGER_TRY(peer.id, read_id<OrganisationId>(one, "id"));
    peer.node = one.string_at("node");
    peer.listen = one.string_at("listen");
    peer.api = one.string_at("api");
    const bool is_node = peer.node.size() == 40 && from_hex(peer.node).has_value() && network::is_origin(peer.api);
    const json::Value* said = one.find("described");  // earlier builds did not write it down
    const auto described = said == nullptr ? std::optional(BlockTime{0}) : codec::fhir::parse_instant(said->text());
    if (one.size() != (said == nullptr ? 5 : 6) || !is_node || !is_endpoint(peer.listen) || !described)
      return bad("a peer needs name, id, node (40 hex digits), listen (host:port), api (https://host:port), and described, an instant");
    peer.described = *described;
    network.peers.push_back(std::move(peer));
  }
  if (value.size() != 2 || !is_endpoint(network.listen)) return bad("\"network\" needs listen (host:port) and peers, and nothing else");
  return network;
}

json::Value network_json(json::Document& document, const NetworkConfig& network) {
  json::Value peers = document.array();
  for (const PeerConfig& peer : network.peers) {
    json::Value value = document.object();
    document.set(value, "name", document.string(peer.name));
    document.set(value, "id", document.string(peer.id.hex()));
    document.set(value, "node", document.string(peer.node));
    document.set(value, "listen", document.string(peer.listen));
    document.set(value, "api", document.string(peer.api));
    if (peer.described.value != 0) document.set(value, "described", document.string(codec::fhir::format_instant(peer.described)));
    document.append(peers, value);
  }
  json::Value out = document.object();
  document.set(out, "listen", document.string(network.listen));
  document.set(out, "peers", peers);
  return out;
}

Result<void> check_format(const json::Value& root) {
  CARELEDGER_TRY(const std::int64_t number, format_of(root));
  if (number < kConfigFormat)
    return fail(ErrorKind::unsupported, "the folder has the older format " + std::to_string(number) + " and this program works on format " +
                                            std::to_string(kConfigFormat) + ": back it up and run `careledger upgrade`");
  if (root.size() != (root.find("network") == nullptr ? 6 : 7))
    return bad("there is a member that this program does not know, or one is missing");
  return {};
}

}  // namespace

Result<std::int64_t> format_of(const json::Value& root) {
  const json::Value* format = root.find("format");
  if (format == nullptr) return bad("\"format\" is missing");
  CARELEDGER_TRY(const std::int64_t number, read_integer(*format, 1'000'000));
  if (number > kConfigFormat)
    return fail(ErrorKind::newer_format, "careledger.json has format " + std::to_string(number) + " and this program knows " +
                                             std::to_string(kConfigFormat) + ": it is newer; install a newer careledger");
  if (number < 1) return bad("\"format\" must be 1 or more");
  return number;
}

Layout layout_of(const std::string& folder) {
  std::string path = folder.empty() ? "." : folder;
  if (path.front() != '/') {
    std::array<char, 4096> here{};
    if (::getcwd(here.data(), here.size()) != nullptr) path = std::string(here.data()) + "/" + path;
  }
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return {path};
}

const OrganisationConfig* Config::find(const std::string& organisation) const {
  for (const OrganisationConfig& candidate : organisations)
    if (candidate.name == organisation || candidate.slug == organisation) return &candidate;
  return nullptr;
}

namespace {

Result<Config> parse_config(ByteView text) {
  CARELEDGER_TRY(const json::Document document, json::parse(text));
  const json::Value& root = document.root();
  CARELEDGER_CHECK(check_format(root));
  Config config;
  config.name = root.string_at("name");
  CARELEDGER_TRY(config.ledger, read_id<LedgerId>(root, "ledger"));
  const auto organisations = root.items_at("organisations");
  if (organisations.empty() || organisations.size() > kOrganisationsMax) return bad("1 to 64 organisations are needed");
  for (const json::Value& value : organisations) {
    CARELEDGER_TRY(OrganisationConfig organisation, read_organisation(value));
    config.organisations.push_back(std::move(organisation));
  }
  for (const json::Value& value : root.items_at("rpc")) {
    CARELEDGER_TRY(const std::uint16_t port, read_port(value));
    config.rpc_ports.push_back(port);
  }
  const json::Value* reserve = root.find("reserve_mib");
  if (reserve == nullptr) return bad("\"reserve_mib\" is missing");
  CARELEDGER_TRY(const std::int64_t reserve_mib, read_integer(*reserve, kReserveMibMax));
  if (reserve_mib < 1) return bad("\"reserve_mib\" must be 1 to 65536");
  config.reserve_mib = static_cast<std::uint32_t>(reserve_mib);
  if (const json::Value* network = root.find("network")) {
    CARELEDGER_TRY(config.network, read_network(*network));
  }
  if (config.rpc_ports.size() != 2) return bad("\"rpc\" needs two ports");
  return config;
}

}  // namespace

Result<Config> read_config(Files& files, const std::string& path) {
  const auto text = files.read_all(path, kConfigBytesMax);
  if (!text && text.error().kind == ErrorKind::not_found)
    return fail(ErrorKind::not_found, path + " is not there: make a ledger with `careledger init DIR --organisation NAME`");
  if (!text) return tl::make_unexpected(text.error());
  auto config = parse_config(*text);
  if (config || config.error().kind != ErrorKind::malformed) return config;
  return fail(ErrorKind::malformed, path + ": " + config.error().message + "; mend it, or put back the one in a backup");
}

Result<void> write_config(Files& files, const std::string& path, const Config& config) {
  json::Document document;
  json::Value root = document.object();
  document.set(root, "format", document.number(kConfigFormat));
  document.set(root, "name", document.string(config.name));
  document.set(root, "ledger", document.string(config.ledger.hex()));
  json::Value organisations = document.array();
  for (const OrganisationConfig& organisation : config.organisations) {
    json::Value value = document.object();
    document.set(value, "name", document.string(organisation.name));
    document.set(value, "slug", document.string(organisation.slug));
    document.set(value, "kind", document.string(organisation.kind));
    document.set(value, "id", document.string(organisation.id.hex()));
    document.set(value, "clinician", document.string(organisation.clinician.hex()));
    document.set(value, "port", document.number(std::int64_t{organisation.port}));
    document.append(organisations, value);
  }
  document.set(root, "organisations", organisations);
  json::Value rpc = document.array();
  for (const std::uint16_t port : config.rpc_ports) document.append(rpc, document.number(std::int64_t{port}));
  document.set(root, "rpc", rpc);
  document.set(root, "reserve_mib", document.number(std::int64_t{config.reserve_mib}));
  if (config.network) document.set(root, "network", network_json(document, *config.network));
  document.root() = root;
  return files.replace(path, json::pretty(document.root()) + "\n");
}

Result<Config> change_config(Files& files, const std::string& path, const std::function<Result<void>(Config&)>& change) {
  const auto slash = path.rfind('/');
  CARELEDGER_TRY(const auto lock, FileLock::wait_for(slash == std::string::npos ? "." : path.substr(0, slash)));
  CARELEDGER_TRY(Config config, read_config(files, path));
  CARELEDGER_CHECK(change(config));
  CARELEDGER_CHECK(write_config(files, path, config));
  return config;
}

bool is_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || text.size() > 260) return false;
  const std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string_view name = bracketed ? host.substr(1, host.size() - 2) : host;
  const std::string_view allowed = bracketed ? "0123456789abcdef:" : "abcdefghijklmnopqrstuvwxyz0123456789.-";
  if (name.empty() || name.find_first_not_of(allowed) != std::string_view::npos) return false;
  if (port.empty() || port.size() > 5 || port.front() == '0' || port.find_first_not_of("0123456789") != std::string_view::npos)
    return false;
  return std::stoul(std::string(port)) <= std::numeric_limits<std::uint16_t>::max();
}

std::string slug_of(const std::string& name) {
  std::string slug;
  for (const char c : name) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) slug.push_back(c);
    else if (c >= 'A' && c <= 'Z') slug.push_back(static_cast<char>(c - 'A' + 'a'));
    else if (!slug.empty() && slug.back() != '-') slug.push_back('-');
  }
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return slug;
}

std::string kind_name(std::uint32_t number) {
  for (const auto& [name, known] : kKinds)
    if (static_cast<std::uint32_t>(known) == number) return name;
  return std::to_string(number);
}

Result<std::uint32_t> kind_number(const std::string& kind) {
  std::string known;
  for (const auto& [name, number] : kKinds) {
    if (kind == name) return static_cast<std::uint32_t>(number);
    known += known.empty() ? name : std::string(", ") + name;
  }
  return fail(ErrorKind::invalid, "unknown kind of organisation \"" + kind + "\"; there are " + known);
}

}  // namespace careledger::apps
