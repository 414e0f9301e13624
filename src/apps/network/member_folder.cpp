#include "apps/network/member_folder.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "codec/fhir/instant.h"
#include "contracts/registry/registry.h"
#include "crypto/hash.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "ordering/abci/engine_home.h"
#include "ordering/abci/signer.h"

namespace careledger::apps::network {
namespace {

std::string plural(std::uint64_t count, const std::string& what) { return std::to_string(count) + " " + what + (count == 1 ? "" : "s"); }

OrganisationConfig organisation_config(const Description& own) {
  OrganisationConfig organisation;
  organisation.name = own.member.name();
  organisation.slug = slug_of(own.member.name());
  organisation.kind = kind_name(own.member.kind());
  organisation.id = kernel::account_id(own.member);
  organisation.clinician = contracts::registry::holder_id(organisation.id, first_clinician_nonce(organisation.id).view());
  organisation.port = port_of(own.api);
  return organisation;
}

}  // namespace

Result<void> make_signed_steps(const Layout& layout, const std::string& chain) {
  Files& files = system_files();
  if (files.exists(layout.signed_steps())) {
    CARELEDGER_TRY(const bool ours, ordering::abci::Signer::is_of(files, layout.signed_steps(), chain));
    if (ours) return {};
    CARELEDGER_CHECK(files.remove(layout.signed_steps()));
  }
  return ordering::abci::Signer::create(files, layout.signed_steps(), chain);
}

Result<std::vector<DescriptionFile>> read_files(const std::vector<std::string>& paths) {
  std::vector<DescriptionFile> files;
  for (const std::string& path : paths) {
    CARELEDGER_TRY(Bytes text, system_files().read_all(path, kDescriptionBytesMax));
    files.push_back({path, std::move(text)});
  }
  return files;
}

Result<Description> read_description(const DescriptionFile& file, std::optional<BlockTime> now) {
  auto read = read_description(file.text, now);
  if (read) return read;
  const std::string what = file.path + ": " + read.error().message;
  if (read.error().kind != ErrorKind::malformed) return fail(read.error().kind, what);
  return fail(ErrorKind::malformed, what + "; it is no description, or not as it was written: ask for it again");
}

std::vector<std::uint16_t> rpc_ports_from(std::uint16_t first) {
  return {first, first == 0 ? std::uint16_t{0} : static_cast<std::uint16_t>(first + 1)};
}

Result<void> check_apart(const std::vector<Description>& descriptions) {
  std::map<std::string, std::string> whose;
  for (const Description& one : descriptions) {
    const std::string& name = one.member.name();
    for (const auto& [what, value] : {std::pair("one validator key", one.validator.hex()),
                                      {"one engine key", one.node.hex()},
                                      {"the engine's address", one.listen},
                                      {"the endpoint", one.api}}) {
      const auto [other, fresh] = whose.emplace(value, name);
      if (fresh) continue;
      if (other->second == name)
        return fail(ErrorKind::conflict, "two descriptions of " + name + " are among the files: take its newest alone");
      return fail(ErrorKind::conflict, other->second + " and " + name + " share " + what + ", " + value +
                                           ": each needs its own; whoever copied a folder describes itself in an empty one");
    }
  }
  return {};
}

Result<Bytes> own_description(const Layout& layout) {
  auto text = system_files().read_all(layout.description(), kDescriptionBytesMax);
  if (text) return text;
  return fail(text.error().kind, layout.description() + " is not there: describe this organisation first (careledger network describe)");
}

std::uint16_t port_of(const std::string& api) {
  std::uint16_t port = 0;
  std::from_chars(api.data() + api.rfind(':') + 1, api.data() + api.size(), port);
  return port;
}

PeerConfig peer_of(const Description& one) {
  return {one.member.name(), kernel::account_id(one.member), ordering::abci::node_id(one.node), one.listen, one.api, one.described};
}

Config member_config(const kernel::Founding& founding, const Description& own, const std::vector<Description>& descriptions,
                     const std::vector<std::uint16_t>& rpc_ports) {
  Config config;
  config.name = founding.name();
  config.ledger = kernel::ledger_id(kernel::encode(founding));
  config.rpc_ports = rpc_ports;
  config.organisations.push_back(organisation_config(own));
  config.network.emplace().listen = own.listen;
  for (const Description& one : descriptions)
    if (one.node != own.node) config.network->peers.push_back(peer_of(one));
  std::ranges::sort(config.network->peers, {}, &PeerConfig::id);
  return config;
}

Result<Config> settle(const Layout& layout, const kernel::Founding& founding, const Config& config) {
  Files& files = system_files();
  if (files.exists(layout.config())) {
    CARELEDGER_TRY(Config before, read_config(files, layout.config()));
    if (before.ledger == config.ledger) return before;
    return fail(ErrorKind::conflict, layout.folder + " is of another ledger already, founded from other descriptions");
  }
  if (files.exists(layout.ledger()) || files.exists(layout.engine()))
    return fail(ErrorKind::conflict, layout.folder + " served before: put its careledger.json back, and change addresses there");
  CARELEDGER_CHECK(files.replace(layout.founding(), kernel::encode(founding)));
  CARELEDGER_CHECK(files.replace(layout.founding_text(), founding_text(founding)));
  CARELEDGER_CHECK(make_signed_steps(layout, kernel::chain_id(config.ledger)));
  CARELEDGER_CHECK(write_config(files, layout.config(), config));
  return config;
}

std::string founding_text(const kernel::Founding& founding) {
  std::uint64_t total = 0;
  for (const auto& member : founding.members()) total += member.weight();
  std::string out = "ledger " + kernel::ledger_id(kernel::encode(founding)).hex() + "\n";
  out += "name " + founding.name() + "\n";
  out += "created " + codec::fhir::format_instant({founding.created_ms()}) + "\n";
  out += "epoch " + std::to_string(founding.epoch_ms()) + " ms\n";
  for (const auto& member : founding.members()) {
    const std::string lead = member.name() + ": ";
    out += lead + kind_name(member.kind()) + ", " +
           (member.weight() == 0 ? "no vote" : plural(member.weight(), "vote") + " of " + std::to_string(total)) +
           (member.group().empty() ? "" : ", group " + member.group()) + "\n";
    out += lead + "account " + kernel::account_id(member).hex() + "\n";
    if (member.weight() > 0) out += lead + "validator " + to_hex(member.validator_key()) + "\n";
    out += lead + "sealing key " + to_hex(member.sealing_key()) + "\n";
  }
  return out;
}

Digest first_clinician_nonce(const OrganisationId& organisation) {
  return crypto::tagged_hash("careledger/first-clinician/1", {organisation.view()});
}

}  // namespace careledger::apps::network
