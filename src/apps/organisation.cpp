#include "apps/organisation.h"

#include "apps/admin_acts.h"
#include "apps/backup.h"
#include "apps/gauges.h"
#include "apps/ledger_check.h"
#include "apps/life_record.h"
#include "apps/rotation.h"
#include "edge/fhir/outcome.h"
#include "vault/rewrap.h"

namespace careledger::apps {
namespace {

// Organisations of one process share its certificate.
const std::string& trusted_of(const ServeConfig& config) {
  return config.members_file.empty() ? config.certificate_file : config.members_file;
}

}  // namespace

using vault::Purpose;

Organisation::Organisation(Layout layout, OrganisationConfig config, const Parts& parts)
    : layout_(std::move(layout)),
      config_(std::move(config)),
      ledger_(parts.ledger),
      ledger_keys_(parts.ledger_keys),
      room_(parts.room),
      alerts_(parts.alerts),
      clock_(parts.clock),
      entropy_(parts.entropy) {}

Organisation::~Organisation() {
  stop_serving();
  stop();
}

Result<std::unique_ptr<Organisation>> Organisation::open(const Layout& layout, const OrganisationConfig& config, const vault::Seal& seal,
                                                         const Parts& parts) {
  auto organisation = std::unique_ptr<Organisation>(new Organisation(layout, config, parts));
  CARELEDGER_CHECK(organisation->open_parts(layout, seal));
  return organisation;
}

Result<void> Organisation::open_parts(const Layout& layout, const vault::Seal& seal) {
  CARELEDGER_TRY(keys_, vault::Keystore::open(layout.organisation_keystore(config_.slug), seal, clock_, entropy_));
  CARELEDGER_CHECK(vault::finish_rewrap({layout.vault(config_.slug), layout.audit(config_.slug)}, *keys_, entropy_));
  CARELEDGER_CHECK(adopt_keys(*keys_, ledger_.replica().view(), config_.id));
  CARELEDGER_TRY(std::shared_ptr<const ordering::BatchSigner> envelopes, vault::batch_signer(*keys_, ledger_.replica(), config_.id));
  ledger_.ordering().host(config_.id, std::move(envelopes));
  CARELEDGER_TRY(signer_, vault::KeystoreSigner::make(*keys_, ledger_.replica(), config_.id, clock_));

  const auto alert = [this](const std::string& what) { alerts_.raise(config_.slug, what); };
  vault::VaultOptions records;
  records.folder = layout.vault(config_.slug);
  records.organisation = config_.id;
  records.room = room_;
  records.on_alert = alert;
  CARELEDGER_TRY(vault_, vault::Vault::open(records, *keys_, clock_, entropy_));
  vault::AuditOptions accesses;
  accesses.folder = layout.audit(config_.slug);
  accesses.organisation = config_.id;
  accesses.room = room_;
  accesses.on_full = [room = room_] { return room->give_out(); };
  accesses.on_alert = alert;
  CARELEDGER_TRY(const auto head, access_head(ledger_, config_.id));
  accesses.entries_min = head ? head->size() : 0;
  CARELEDGER_TRY(audit_, vault::AuditMap::open(accesses, *keys_, system_files(), clock_, entropy_));
  CARELEDGER_CHECK(compare_records());
  CARELEDGER_TRY(writes_, vault::RecordedWrites::open(*vault_, *audit_));
  logins_ = std::make_unique<edge::auth::FailedLogins>(*audit_, clock_);
  CARELEDGER_TRY(crypto::SigningKey cosign, keys_->signing(Purpose::cosign));
  CARELEDGER_TRY(std::shared_ptr<ordering::Witness> witness,
                 ordering::Witness::open(system_files(), layout.witness(config_.slug), config_.slug, std::move(cosign), clock_));
  CARELEDGER_CHECK(compare_with(*witness));
  ledger_.checkpoints().add(std::move(witness));
  if (ledger_.at_rest()) return {};
  vault_->start_anchoring(ledger_.ordering(), *signer_);
  audit_->start_heads(ledger_.ordering(), *signer_);
  return {};
}

// Whoever puts an older ledger in the place of a newer one must hear of it before anything is written on top.
Result<void> Organisation::compare_with(const ordering::Witness& witness) const {
  const auto remembered = witness.remembered();
  const std::uint64_t size = ledger_.replica().view().log_size();
  if (!remembered || remembered->size <= size) return {};
  return fail(ErrorKind::corrupt, "the witness of " + config_.name + " remembers " + std::to_string(remembered->size) +
                                      " commands and the ledger in " + layout_.ledger() + " holds " + std::to_string(size) +
                                      ": an older copy was put in the place of a newer one. Restore the newest backup whole; if there is "
                                      "none, docs/operations.md says what going on with this one means");
}

// A write is recorded once it is durable, so no crash leaves a map that knows of more versions than the vault holds. On an older vault the
// numbers of the lost versions would be given to others.
Result<void> Organisation::compare_records() const {
  const std::uint64_t recorded = audit_->newest_written();
  const std::uint64_t held = vault_->figures().newest;
  if (recorded <= held) return {};
  return fail(ErrorKind::corrupt, "the audit map of " + config_.name + " knows of " + std::to_string(recorded) +
                                      " record versions and the vault in " + layout_.vault(config_.slug) + " holds " +
                                      std::to_string(held) +
                                      ": an older copy of the vault was put in the place of a newer one. Restore the newest backup whole; "
                                      "if there is none, docs/operations.md says what going on with this one means");
}

Result<void> Organisation::make_exchange(const Surroundings& around) {
  CARELEDGER_TRY(exchange_, ExchangeParts::make({layout_, config_, ledger_, *keys_, *vault_, *audit_, *signer_, *logins_, around.workers,
                                                 clock_, entropy_, around.addresses, trusted_of(around.config),
                                                 [this](const std::string& what) { alerts_.raise(config_.slug, what); }}));
  return {};
}

Result<void> Organisation::make_fhir(const Surroundings& around) {
  CARELEDGER_TRY(const crypto::SigningKey token, keys_->signing(Purpose::access_token));
  authenticator_ = std::make_unique<edge::auth::Authenticator>(config_.id, std::vector{token.public_key()}, clock_);
  edge::fhir::FhirConfig config;
  config.organisation = config_.id;
  config.name = config_.name;
  config.version = CARELEDGER_VERSION;
  // In a network nobody waits for others, as a lost quorum must not stop a hospital; nor while a ledger becomes one.
  config.waits_for_anchor = [&ledger = ledger_] { return !ledger.sealed() && ledger.embedded(); };
  CARELEDGER_TRY(config.page_key, keys_->symmetric(Purpose::page_token));
  config.on_alert = [this](const std::string& what) { alerts_.raise(config_.slug, what); };
  fhir_ = std::make_unique<edge::fhir::FhirHandler>(edge::fhir::FhirParts{*vault_, *audit_, *writes_, *authenticator_, *logins_, clock_,
                                                                          entropy_, around.workers, &exchange_->operations()},
                                                    std::move(config));
  return {};
}

// What a crash, or a ledger that took no commands, left unsaid. The node serves all the same.
void Organisation::tell_of_erasures() {
  if (const auto told = apps::tell_of_erasures({config_.id, ledger_, *vault_, *signer_, {}}); !told)
    alerts_.raise(config_.slug, "the ledger could not be told of an erasure: " + told.error().message);
}

// In a network the command of a rotation that was cut off may get into a block while this node signs with the keys before.
void Organisation::watch_rotation() {
  if (ledger_.embedded() || !keys_->holds(Purpose::command, vault::kNextKey)) return;
  const replica::View view = ledger_.replica().view();
  if (is_overtaken(*keys_, view, config_.id).value_or(false))
    return alerts_.raise(config_.slug,
                         "a rotation of its keys that was cut off has taken effect: start this node again, which takes the new ones");
  const Height height{view.height().value + 1};
  ledger_.ordering().when_provable(height, [this, height] {  // also when it ends
    if (ledger_.replica().view().height() >= height) watch_rotation();
  });
}

std::vector<edge::ops::Check> Organisation::checks() {
  const auto ledger = [this]() -> Result<void> {
    if (ledger_.failed()) return fail(ErrorKind::unavailable, "the ledger takes no commands; look at its disk and restart the node");
    if (ledger_.sealed())
      return fail(ErrorKind::unavailable,
                  "this ledger has grown into a network, and this node is no member of it yet: give network grow again, or start the node "
                  "anew if that had ended; records are kept, and anchored later");
    if (!ledger_.ordering().has_quorum())
      return fail(ErrorKind::unavailable, "the network has no quorum, or the engine does not run: records are kept, and anchored later");
    return {};
  };
  const auto disk = [this] { return room_->admit(); };
  return {{"ledger", ledger}, {"disk", disk}};
}

Result<void> Organisation::serve(const Surroundings& around) {
  CARELEDGER_TRY(const vault::SealInfo seal, vault::Keystore::describe(layout_.organisation_keystore(config_.slug)));
  CARELEDGER_CHECK(record_start(*audit_, layout_, seal.method, around.config));
  started_ = true;
  if (!ledger_.at_rest()) {
    tell_of_erasures();
    watch_rotation();
  }
  CARELEDGER_CHECK(make_exchange(around));
  CARELEDGER_CHECK(make_fhir(around));
  router_ = std::make_unique<edge::http::Router>();
  router_->add({}, "/fhir/*", *fhir_);
  admin_ = std::make_unique<AdminApi>(
      AdminParts{config_.id, config_.name, ledger_, *vault_, *audit_, *authenticator_, *logins_,
                 [this](BackupPart part, const BackupFolders& to) { return back_up_part(*this, ledger_, layout_, to, part); },
                 exchange_->promises(), *signer_, TimestampPlace{*keys_, layout_.timestamp(config_.slug), config_.name, clock_, entropy_},
                 GrowthPlace{layout_, ledger_keys_, clock_, around.growth}});
  admin_offload_ = std::make_unique<edge::http::Offload>(
      *admin_, around.workers, [this](const edge::http::Request& request) { return admin_->waits_for_nothing(request); });
  router_->add({}, "/admin/v1/*", *admin_offload_);
  exchange_->add_routes(*router_);
  add_gauges(around.metrics, config_.slug, layout_.organisation(config_.slug), *vault_, *audit_);
  edge::ops::add_routes(*router_, around.metrics, around.log, checks());
  telemetry_ = std::make_unique<edge::ops::Telemetry>(around.metrics, around.log, config_.slug, around.config.access_log);
  around_.emplace(around);
  return answer_on(around.config.any_port ? std::uint16_t{0} : config_.port);
}

Result<void> Organisation::serve_as_member(std::uint16_t port) {
  watch_rotation();
  if (around_->config.any_port || servers_.front()->port() == port) return {};
  return answer_on(port);
}

Result<void> Organisation::answer_on(std::uint16_t port) {
  const Surroundings& around = *around_;
  edge::http::ServerConfig server;
  server.address = around.config.address;
  server.port = port;
  server.certificate_file = around.config.certificate_file;
  server.key_file = around.config.key_file;
  server.cors_origins = around.config.cors_origins;
  server.limits = around.config.limits;
  server.refusal = {"/fhir", edge::fhir::refusal_without_handler};
  CARELEDGER_TRY(auto started, edge::http::Server::start(around.io, server, *router_, telemetry_.get()));
  const std::lock_guard lock(serving_);
  if (stopping_) return fail(ErrorKind::unavailable, "this node is being stopped");
  servers_.push_back(std::move(started));
  return {};
}

std::string Organisation::origin() const {
  const std::lock_guard lock(serving_);
  return servers_.empty() ? std::string() : servers_.back()->origin();
}

void Organisation::stop_serving() {
  {
    const std::lock_guard lock(serving_);
    stopping_ = true;
  }
  for (const auto& server : servers_) server->stop(std::chrono::seconds(5));  // none is added any more
  if (exchange_) exchange_->stop();
}

void Organisation::stop() {
  // A disk that takes nothing more must not keep the node from stopping.
  if (std::exchange(started_, false)) static_cast<void>(record_stop(*audit_));
  if (vault_) vault_->stop_anchoring();
  if (audit_) audit_->stop_heads();
}

}  // namespace careledger::apps
