#include "apps/member_trial.h"

#include "apps/network/member.h"
#include "apps/network/member_folder.h"
#include "base/files.h"
#include "edge/http/readiness.h"
#include "ordering/abci/engine_version.h"
#include "ordering/abci/unix_socket.h"
#include "replica/snapshot.h"
#include "storage/reserve.h"

namespace careledger::apps {
namespace {

namespace abci = ordering::abci;

constexpr std::uint64_t kEngineBytes = 64u << 20;  // that an engine's first blocks, logs and databases never fill

edge::http::ListenPlace place_of(std::string_view endpoint) {
  const std::size_t colon = endpoint.rfind(':');
  std::string_view host = endpoint.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return {std::string(host), network::port_of(std::string(endpoint))};
}

Result<void> try_engine(const ServingNode& node) {
  const std::string socket = abci::EnginePaths(node.layout.engine()).application;
  if (!abci::is_socket_name(socket))
    return fail(ErrorKind::invalid, socket + " is longer than the name of a socket may be: move the folder to a shorter path");
  if (system_files().exists(node.layout.engine()))
    return fail(ErrorKind::conflict, node.layout.engine() + " is there already, of something else: move it away");
  CARELEDGER_TRY(const std::string program, network::find_engine(node.engine));
  return abci::check_engine_version(program);
}

// As the others will ask: with TLS where `api` says so, by the name that stands in it.
Result<void> try_certificate(const ServingNode& node, const MemberPlan& plan) {
  const ServeConfig& config = node.config;
  if (!plan.api.starts_with("https://")) {
    if (config.certificate_file.empty()) return {};
    return fail(ErrorKind::invalid, "this node serves with a certificate, and --api names an address without one (http)");
  }
  if (config.certificate_file.empty())
    return fail(ErrorKind::invalid,
                "this node serves without a certificate, which " + plan.api + " needs: start it with --certificate and --certificate-key");
  const edge::http::ListenPlace place = place_of(std::string_view(plan.api).substr(std::string_view("https://").size()));
  CARELEDGER_CHECK(edge::http::check_certificate(config.certificate_file, config.key_file, place.host, node.now));
  return edge::http::check_trusted(config.members_file.empty() ? config.certificate_file : config.members_file);
}

Result<void> try_places(const ServingNode& node, const MemberPlan& plan) {
  std::vector<edge::http::ListenPlace> places{place_of(plan.listen)};
  if (const std::uint16_t port = network::port_of(plan.api); port != node.port) places.push_back({node.config.address, port});
  return edge::http::try_listening(places);
}

Result<void> remove_trial(const std::string& file) {
  for (const std::string& one : {file, file + ".new"}) {
    if (system_files().exists(one)) CARELEDGER_CHECK(system_files().remove(one));
  }
  return {};
}

Result<void> try_folder(const Layout& layout, std::size_t pieces) {
  const std::string file = layout.grown() + ".try";
  CARELEDGER_CHECK(remove_trial(file));  // of a node that was killed meanwhile
  const auto written = system_files().replace(file, "whether this folder can be written\n");
  const auto removed = remove_trial(file);
  CARELEDGER_CHECK(written);
  CARELEDGER_CHECK(removed);
  CARELEDGER_TRY(const std::uint64_t free, storage::free_bytes(layout.folder));
  const std::uint64_t wanted = growth_bytes(pieces);
  if (free >= wanted) return {};
  return fail(ErrorKind::storage, "the disk of " + layout.folder + " has " + std::to_string(free >> 20) + " MiB, and this takes up to " +
                                      std::to_string(wanted >> 20) + " MiB");
}

Result<void> try_all(const ServingNode& node, const MemberPlan& plan) {
  CARELEDGER_CHECK(try_engine(node));
  CARELEDGER_CHECK(try_certificate(node, plan));
  CARELEDGER_CHECK(try_folder(node.layout, plan.pieces));
  return try_places(node, plan);  // last: it is the likeliest to change
}

}  // namespace

std::uint64_t growth_bytes(std::size_t pieces) { return kEngineBytes + std::uint64_t{pieces} * replica::kSnapshotChunkBytesMax; }

Result<void> try_member(const ServingNode& node, const MemberPlan& plan) {
  if (const auto tried = try_all(node, plan); !tried)
    return fail(ErrorKind::precondition, "nothing was sealed, since this node could not be the network's member: " + tried.error().message);
  return {};
}

}  // namespace careledger::apps
