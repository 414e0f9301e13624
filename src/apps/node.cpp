#include "apps/node.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "apps/founding.h"
#include "apps/network/member_folder.h"
#include "apps/network/peer_book.h"
#include "codec/json/json.h"
#include "contracts/build.h"
#include "contracts/rules.h"

namespace careledger::apps {

Result<std::unique_ptr<FileLock>> lock_folder(const Layout& layout) {
  return FileLock::take(layout.lock(), "another careledger process works on " + layout.folder + "; stop it first");
}

struct Node::KnownAddresses {
  std::mutex mutex;
  std::map<OrganisationId, std::string> origins;  // of this process
  std::optional<network::PeerBook> peers;         // of a network: where the others are
};

edge::exchange::Addresses Node::partners() const {
  return [known = known_addresses_](const OrganisationId& organisation) -> std::optional<std::string> {
    const network::PeerBook* book = nullptr;  // once it is there it stays
    {
      const std::lock_guard lock(known->mutex);
      if (const auto found = known->origins.find(organisation); found != known->origins.end()) return found->second;
      if (known->peers) book = &*known->peers;
    }
    if (book == nullptr) return std::nullopt;
    const std::vector<PeerConfig> peers = book->peers();
    const auto peer = std::ranges::find(peers, organisation, &PeerConfig::id);
    return peer == peers.end() ? std::nullopt : std::optional(peer->api);
  };
}

Node::Node(Layout layout, Clock& clock) : layout_(std::move(layout)), clock_(clock), known_addresses_(std::make_shared<KnownAddresses>()) {}

Node::~Node() { stop(); }

Result<std::unique_ptr<Node>> Node::open(const Layout& layout, const SealChoice& choice, Clock& clock, Entropy& entropy,
                                         const network::EngineChoice& chosen) {
  return open(layout, choice, clock, entropy, [&](Node& node, Bytes founding) -> Result<std::unique_ptr<Ledger>> {
    node.engine_ = chosen;
    if (!node.config_.network && chosen.retention.blocks > 0)
      return fail(ErrorKind::invalid,
                  "this ledger is embedded: its blocks prove themselves, and all are kept (--keep-blocks is of networks)");
    if (!node.config_.network || chosen.program.empty()) return Ledger::open(layout, std::move(founding), *node.keys_, clock, node.room_);
    const Engine engine = node.engine_of(*node.config_.network, node.config_.organisations.front().id);
    return Ledger::open(layout, std::move(founding), *node.keys_, clock, node.room_, &engine);
  });
}

Engine Node::engine_of(const NetworkConfig& network, const OrganisationId& own) const {
  // A member that takes no records writes nothing by which it would notice that its disk is full.
  return {network, own, engine_, [alerts = alerts_.get()](const std::string& what) { alerts->raise("engine", what); },
          [room = room_] { room->look(); }};
}

Result<std::unique_ptr<Node>> Node::open_at_rest(const Layout& layout, const SealChoice& choice, Clock& clock, Entropy& entropy) {
  return open(layout, choice, clock, entropy, [&](Node& node, Bytes founding) {
    return Ledger::open_at_rest(layout, std::move(founding), *node.keys_, clock, node.room_);
  });
}

Result<std::unique_ptr<Node>> Node::open(const Layout& layout, const SealChoice& choice, Clock& clock, Entropy& entropy,
                                         const OpenLedger& open_ledger) {
  auto node = std::unique_ptr<Node>(new Node(layout, clock));
  CARELEDGER_TRY(node->config_, read_config(system_files(), layout.config()));
  CARELEDGER_TRY(node->lock_, lock_folder(layout));  // before the marks are looked at: whoever makes one holds it
  if (system_files().exists(layout.restoring()))
    return fail(ErrorKind::precondition, layout.folder + " is being restored: run careledger restore again, which goes on where it was");
  if (system_files().exists(layout.recovering()))
    return fail(ErrorKind::precondition, "the ledger of " + layout.folder +
                                             " is not recovered yet: run careledger network recover again, which goes on where it was, and "
                                             "do what it says");
  node->room_ = std::make_shared<storage::Room>(layout.folder, std::uint64_t{node->config_.reserve_mib} << 20);
  node->room_->on_change([alerts = node->alerts_.get()](const std::string& what) { alerts->raise("disk", what); });
  node->room_->look();
  CARELEDGER_TRY(const vault::Seal seal, open_seal(layout, choice, false, entropy));
  CARELEDGER_TRY(node->keys_, vault::Keystore::open(layout.keystore(), seal, clock, entropy));
  CARELEDGER_TRY(Bytes founding, own_founding(layout, node->config_.ledger));
  CARELEDGER_TRY(node->ledger_, open_ledger(*node, std::move(founding)));
  CARELEDGER_CHECK(node->check_admitted());
  for (const OrganisationConfig& organisation : node->config_.organisations) {
    CARELEDGER_TRY(auto opened, node->open_organisation(organisation, seal, entropy));
    node->organisations_.push_back(std::move(opened));
  }
  return node;
}

Result<std::unique_ptr<Organisation>> Node::open_organisation(const OrganisationConfig& config, const vault::Seal& seal, Entropy& entropy) {
  return Organisation::open(layout_, config, seal, {*ledger_, *keys_, room_, *alerts_, clock_, entropy});
}

Result<void> Node::check_admitted() const {
  const replica::View view = ledger_->replica().view();
  if (ledger_->embedded() || view.state().has(kernel::kAccounts, config_.organisations.front().id)) return {};
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return fail(ErrorKind::conflict, "as far as the ledger is here, " + config_.organisations.front().name +
                                       " was not admitted to it: careledger network join waits for that");
}

// A network begins without an authority that accredits: each member does it at its first start, as soon as there is a block.
void Node::accredit_first_clinicians() {
  namespace build = contracts::build;
  if (ledger_->embedded() || ledger_->at_rest()) return;
  for (const auto& one : organisations_) {
    Organisation* organisation = one.get();
    ledger_->ordering().when_provable({1}, [this, organisation] {
      const OrganisationConfig& config = organisation->config();
      if (ledger_->replica().view().state().has(contracts::registry::kAccreditations, config.clinician)) return;
      const auto order = build::accredit(network::first_clinician_nonce(config.id), contracts::registry::HolderKind::practitioner,
                                         contracts::registry::Role::physician, contracts::day_of(clock_.now()) + kLicenceDays);
      auto command = organisation->signer().sign(order.contract, order.payload);
      if (!command) return alerts_->raise(config.slug, "the first clinician could not be accredited: " + command.error().message);
      ledger_->ordering().submit(config.id, std::move(*command), ordering::Lane::owed,
                                 [alerts = alerts_.get(), slug = config.slug](const ordering::Answer& answer) {
                                   if (answer.outcome == ordering::Outcome::final && answer.receipt->code.ok()) return;
                                   alerts->raise(slug, "the first clinician is not accredited yet: the next start tries again");
                                 });
    });
  }
}

Result<void> Node::serve(const ServeConfig& config) {
  serve_config_ = config;
  CARELEDGER_TRY(log_, edge::ops::Log::open(config.log, clock_));
  metrics_ = std::make_unique<edge::ops::Metrics>();
  workers_ = std::make_unique<edge::http::WorkerPool>(config.worker_threads, config.worker_queue);
  io_ = std::make_unique<edge::http::IoThreads>(config.io_threads, clock_);
  if (config_.network) know_peers(*config_.network);
  std::vector<std::string> sources{"disk", "engine"};
  for (const auto& organisation : organisations_) sources.push_back(organisation->config().slug);
  alerts_->listen(log_.get(), metrics_.get(), sources);
  show_figures();
  for (const auto& organisation : organisations_) {
    CARELEDGER_CHECK(organisation->serve({*io_, *workers_, *metrics_, *log_, serve_config_, partners(), growth_steps()}));
    const std::lock_guard lock(known_addresses_->mutex);
    known_addresses_->origins[organisation->config().id] = organisation->origin();
  }
  accredit_first_clinicians();
  CARELEDGER_CHECK(serve_rpc());
  for (const auto& organisation : organisations_)
    log_->info("serving", {{"organisation", organisation->config().name}, {"fhir", organisation->origin() + "/fhir"}});
  const std::lock_guard lock(addresses_mutex_);
  CARELEDGER_CHECK(write_addresses());
  serving_ = true;
  return {};
}

GrowthSteps Node::growth_steps() {
  return {[this] { return check_serving(); }, [this](const MemberPlan& plan) { return try_member(plan); },
          [this] { return become_member(); }};
}

// An endpoint answers before the others do. Who found it by the addresses of this start comes after the lock.
Result<void> Node::check_serving() {
  const std::lock_guard lock(addresses_mutex_);
  if (serving_) return {};
  return fail(ErrorKind::unavailable, "this node is still starting: give the same order again in a moment");
}

Result<void> Node::try_member(const MemberPlan& plan) {
  if (engine_.program.empty())
    return fail(ErrorKind::unsupported,
                "nothing was sealed, since no node serves that could be the network's member: start it (careledger serve) with what a "
                "member needs, and give the same order beside it");
  const std::uint16_t port = network::port_of(organisations_.front()->origin());
  return apps::try_member({layout_, serve_config_, engine_.program, port, clock_.now()}, plan);
}

void Node::know_peers(const NetworkConfig& network) {
  const std::lock_guard lock(known_addresses_->mutex);
  known_addresses_->peers.emplace(layout_.config(), network.peers);
}

// What `careledger serve` would be after a new start, without one: nothing that is read through is closed.
Result<void> Node::become_member() {
  if (engine_.program.empty()) return fail(ErrorKind::unsupported, "this process answers one command and does not serve");
  CARELEDGER_TRY(const Config config, read_config(system_files(), layout_.config()));
  if (!config.network) return fail(ErrorKind::corrupt, layout_.config() + " names no network, although the ledger has grown into one");
  const OrganisationConfig& own = config.organisations.front();
  CARELEDGER_CHECK(ledger_->become_member(layout_, *keys_, clock_, engine_of(*config.network, own.id)));
  know_peers(*config.network);
  CARELEDGER_CHECK(organisations_.front()->serve_as_member(own.port));
  log_->info("serving as a member", {{"organisation", own.name}, {"fhir", organisations_.front()->origin() + "/fhir"}});
  const std::lock_guard lock(addresses_mutex_);
  return write_addresses();
}

void Node::show_figures() {
  metrics_->gauge("careledger_ledger_height", "Height of the newest durable block.",
                  [this] { return static_cast<double>(ledger_->ordering().height().value); });
  metrics_->gauge("careledger_has_quorum", "0 while the network makes no blocks: records wait for their anchors.",
                  [this] { return ledger_->ordering().has_quorum() ? 1.0 : 0.0; });
  metrics_->gauge("careledger_engine_answers",
                  "1 while the engine of this node answers, by the newest look at it; 0 for an embedded ledger.",
                  [this] { return ledger_->engine_answers() ? 1.0 : 0.0; });
  metrics_->gauge("careledger_validators_signing", "Validators whose vote stands in one of the newest 100 blocks; 0: an embedded ledger.",
                  [this] {
                    if (ledger_->embedded()) return 0.0;
                    return static_cast<double>(network::count_signing(ledger_->replica().view(), ledger_->ordering().attendance()));
                  });
  metrics_->gauge("careledger_validators", "Members with a vote, by the newest block; 0: an embedded ledger.", [this] {
    if (ledger_->embedded()) return 0.0;
    return static_cast<double>(ledger_->replica().view().state().scan(kernel::kValidators, Limit{kOrganisationsMax}).size());
  });
  metrics_->gauge("careledger_disk_free_bytes", "What the node may still write on its disk, beside the reserve.",
                  [this] { return static_cast<double>(room_->state().free_bytes); });
  metrics_->gauge("careledger_disk_reserve_held", "1 while the reserve for revocations and audit is untouched.",
                  [this] { return room_->state().reserve_held ? 1.0 : 0.0; });
  metrics_->gauge("careledger_accepting_records", "0 while new records are refused because the disk is full.",
                  [this] { return room_->state().accepting ? 1.0 : 0.0; });
}

// Two addresses: a light client wants a primary and a witness.
Result<void> Node::serve_rpc() {
  edge::rpc::Node chain;
  chain.ordering = &ledger_->ordering();
  chain.replica = &ledger_->replica();
  chain.rules = [ledger = ledger_.get()](Height height) { return ledger->rules_at(height); };
  chain.version = CARELEDGER_VERSION;
  rpc_ = std::make_unique<edge::rpc::Rpc>(chain);
  for (const std::uint16_t port : config_.rpc_ports) {
    edge::http::ServerConfig server;
    server.address = serve_config_.address;
    server.port = serve_config_.any_port ? std::uint16_t{0} : port;
    server.certificate_file = serve_config_.certificate_file;
    server.key_file = serve_config_.key_file;
    CARELEDGER_TRY(auto started, edge::http::Server::start(*io_, server, *rpc_));
    rpc_servers_.push_back(std::move(started));
  }
  return {};
}

Bytes Node::addresses() const {
  namespace json = codec::json;
  json::Document document;
  json::Value list = document.array();
  for (const auto& organisation : organisations_) {
    json::Value value = document.object();
    document.set(value, "name", document.string(organisation->config().name));
    document.set(value, "fhir", document.string(organisation->origin() + "/fhir"));
    document.append(list, value);
  }
  json::Value rpc = document.array();
  for (const std::string& origin : rpc_origins()) document.append(rpc, document.string(origin));
  json::Value root = document.object();
  document.set(root, "organisations", list);
  document.set(root, "rpc", rpc);
  if (!serve_config_.certificate_file.empty()) document.set(root, "certificate", document.string(serve_config_.certificate_file));
  return json::compact(root) + "\n";
}

// For commands beside this node, and for whoever waits for it to be ready.
Result<void> Node::write_addresses() const {
  CARELEDGER_CHECK(system_files().replace(layout_.running(), addresses()));
  return serve_config_.ready_file.empty() ? Result<void>() : system_files().replace(serve_config_.ready_file, addresses());
}

Organisation* Node::find(const std::string& name) {
  for (const auto& organisation : organisations_)
    if (organisation->config().name == name || organisation->config().slug == name) return organisation.get();
  return nullptr;
}

std::vector<std::string> Node::rpc_origins() const {
  std::vector<std::string> origins;
  for (const auto& server : rpc_servers_) origins.push_back(server->origin());
  return origins;
}

void Node::stop() {
  if (log_ && !stopped_) log_->info("stopping");
  for (const auto& server : rpc_servers_) server->stop(std::chrono::seconds(1));
  for (const auto& organisation : organisations_) organisation->stop_serving();
  if (workers_) workers_->stop();
  for (const auto& organisation : organisations_) organisation->stop();
  if (ledger_) ledger_->stop();
  alerts_->listen(nullptr, nullptr);
  if (log_ && !std::exchange(stopped_, true)) log_->info("stopped");
  if (lock_ && system_files().exists(layout_.running())) static_cast<void>(system_files().remove(layout_.running()));
}

}  // namespace careledger::apps
