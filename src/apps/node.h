// The whole of one process: a ledger, embedded or in a network, the organisations it hosts, and their endpoints.
//
//   CARELEDGER_TRY(auto node, Node::open(layout, seal_choice, clock, entropy));
//   CARELEDGER_CHECK(node->serve(config));
//   … until a signal …
//   node->stop();
//
// Thread-safety: open, serve and stop belong to one thread. While it serves, an order may make an embedded ledger a network's: reads go on.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "apps/file_lock.h"
#include "apps/organisation.h"
#include "apps/seal_choice.h"
#include "edge/ops/metrics.h"
#include "edge/rpc/rpc.h"

namespace careledger::apps {

class Node {
 public:
  // unavailable: another process works on the folder. invalid: an embedded ledger's old blocks shall be dropped. Otherwise the error of the
  // part that did not open, with its path. `engine`: of a network's ledger.
  static Result<std::unique_ptr<Node>> open(const Layout& layout, const SealChoice& seal, Clock& clock, Entropy& entropy,
                                            const network::EngineChoice& engine = {});
  // The same to look at and to copy what is here: a network's ledger without its engine, and nothing is sent to it.
  static Result<std::unique_ptr<Node>> open_at_rest(const Layout& layout, const SealChoice& seal, Clock& clock, Entropy& entropy);
  ~Node();

  Result<void> serve(const ServeConfig& config);
  void stop();  // stops accepting, lets what is under way end, makes everything durable; idempotent

  const Config& config() const { return config_; }
  Ledger& ledger() { return *ledger_; }
  vault::Keystore& keys() { return *keys_; }  // the ledger's
  std::vector<std::unique_ptr<Organisation>>& organisations() { return organisations_; }
  Organisation* find(const std::string& name);
  // Opens an organisation of the ledger that the configuration need not name yet. It has to go before the node.
  Result<std::unique_ptr<Organisation>> open_organisation(const OrganisationConfig& config, const vault::Seal& seal, Entropy& entropy);
  std::vector<std::string> rpc_origins() const;
  Bytes addresses()
      const;  // as JSON in one line, what a ready file gets: {"organisations":[{"name","fhir"}…],"rpc":[…]}; of a node that serves

 private:
  Node(Layout layout, Clock& clock);
  Engine engine_of(const NetworkConfig& network, const OrganisationId& own) const;
  GrowthSteps growth_steps();
  Result<void> check_serving();
  Result<void> try_member(const MemberPlan& plan);
  Result<void> become_member();
  void know_peers(const NetworkConfig& network);
  Result<void> serve_rpc();
  void show_figures();
  Result<void> write_addresses() const;
  edge::exchange::Addresses partners() const;
  using OpenLedger = std::function<Result<std::unique_ptr<Ledger>>(Node&, Bytes founding)>;
  static Result<std::unique_ptr<Node>> open(const Layout& layout, const SealChoice& seal, Clock& clock, Entropy& entropy,
                                            const OpenLedger& open_ledger);
  Result<void> check_admitted() const;
  void accredit_first_clinicians();

  Layout layout_;
  Clock& clock_;
  Config config_;  // as it was opened
  network::EngineChoice engine_;
  ServeConfig serve_config_;
  std::mutex addresses_mutex_;  // of the files that name them, and of what follows
  bool serving_ = false;        // as a whole: serve() has ended well, and touches nothing any more
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<Alerts> alerts_ = std::make_unique<Alerts>();
  std::shared_ptr<storage::Room> room_;
  std::unique_ptr<vault::Keystore> keys_;
  std::unique_ptr<Ledger> ledger_;
  std::vector<std::unique_ptr<Organisation>> organisations_;
  std::unique_ptr<edge::ops::Log> log_;
  bool stopped_ = false;
  std::unique_ptr<edge::ops::Metrics> metrics_;
  std::unique_ptr<edge::http::WorkerPool> workers_;
  std::unique_ptr<edge::rpc::Rpc> rpc_;
  std::unique_ptr<edge::http::IoThreads> io_;
  std::vector<std::unique_ptr<edge::http::Server>> rpc_servers_;
  struct KnownAddresses;
  std::shared_ptr<KnownAddresses> known_addresses_;  // where organisations, of this process and others, are asked for records
};

// One process a data folder: a lock on DIR/lock. unavailable while another one holds it.
Result<std::unique_ptr<FileLock>> lock_folder(const Layout& layout);

}  // namespace careledger::apps
