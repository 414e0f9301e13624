// One hosted organisation: its keys, its records, its audit, its endpoint, opened together and closed in order.
//
// Thread-safety: as of its parts; open, serve and stop belong to one thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "apps/admin_api.h"
#include "apps/alerts.h"
#include "apps/config.h"
#include "apps/exchange_parts.h"
#include "apps/layout.h"
#include "apps/ledger.h"
#include "apps/serve_config.h"
#include "edge/auth/token.h"
#include "edge/fhir/handler.h"
#include "edge/http/router.h"
#include "edge/http/server.h"
#include "edge/http/worker_pool.h"
#include "storage/reserve.h"
#include "vault/audit.h"
#include "vault/keystore_signer.h"
#include "vault/vault.h"

namespace careledger::apps {

class Organisation {
 public:
  struct Parts {  // of the whole node; borrowed
    Ledger& ledger;
    vault::Keystore& ledger_keys;
    std::shared_ptr<storage::Room> room;
    Alerts& alerts;
    Clock& clock;
    Entropy& entropy;
  };
  // Opens keystore, vault and audit map and starts anchoring and heads.
  static Result<std::unique_ptr<Organisation>> open(const Layout& layout, const OrganisationConfig& config, const vault::Seal& seal,
                                                    const Parts& parts);
  ~Organisation();

  struct Surroundings {  // what all endpoints of the process share; borrowed until stop_serving()
    edge::http::IoThreads& io;
    edge::http::WorkerPool& workers;
    edge::ops::Metrics& metrics;
    edge::ops::Log& log;
    const ServeConfig& config;
    edge::exchange::Addresses addresses;  // of the organisations that may be asked for records
    GrowthSteps growth;
  };
  Result<void> serve(const Surroundings& around);
  // Of one that serves, when its ledger is a network's now: what a member does besides, and its endpoint answers on this port too, of which
  // the other members know. Any thread, once. unavailable: the port is taken.
  Result<void> serve_as_member(std::uint16_t port);
  void stop_serving();  // idempotent; no request is in a handler afterwards once the workers have stopped too
  void stop();          // anchoring and heads; what waits stays in the outbox

  const OrganisationConfig& config() const { return config_; }
  std::string origin() const;  // the newest; empty while it does not serve
  vault::Keystore& keys() { return *keys_; }
  vault::Vault& vault() { return *vault_; }
  vault::AuditMap& audit() { return *audit_; }
  vault::CommandSigner& signer() { return *signer_; }

 private:
  Organisation(Layout layout, OrganisationConfig config, const Parts& parts);
  Result<void> open_parts(const Layout& layout, const vault::Seal& seal);
  Result<void> compare_with(const ordering::Witness& witness) const;
  Result<void> compare_records() const;
  Result<void> make_exchange(const Surroundings& around);
  Result<void> make_fhir(const Surroundings& around);
  Result<void> answer_on(std::uint16_t port);
  void tell_of_erasures();
  void watch_rotation();
  std::vector<edge::ops::Check> checks();

  Layout layout_;
  OrganisationConfig config_;
  Ledger& ledger_;
  vault::Keystore& ledger_keys_;
  std::shared_ptr<storage::Room> room_;
  Alerts& alerts_;
  Clock& clock_;
  Entropy& entropy_;
  std::unique_ptr<vault::Keystore> keys_;
  std::unique_ptr<vault::Vault> vault_;
  std::unique_ptr<vault::AuditMap> audit_;
  std::unique_ptr<vault::RecordedWrites> writes_;
  std::unique_ptr<vault::KeystoreSigner> signer_;
  std::unique_ptr<edge::auth::Authenticator> authenticator_;
  std::unique_ptr<edge::auth::FailedLogins> logins_;
  bool started_ = false;  // as the audit map says
  std::unique_ptr<ExchangeParts> exchange_;
  std::unique_ptr<edge::fhir::FhirHandler> fhir_;
  std::unique_ptr<AdminApi> admin_;
  std::unique_ptr<edge::http::Offload> admin_offload_;
  std::unique_ptr<edge::http::Router> router_;
  std::unique_ptr<edge::ops::Telemetry> telemetry_;
  std::optional<Surroundings> around_;  // while it serves
  mutable std::mutex serving_;          // of what follows
  bool stopping_ = false;
  std::vector<std::unique_ptr<edge::http::Server>> servers_;  // each of a port
};

}  // namespace careledger::apps
