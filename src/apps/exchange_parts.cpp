#include "apps/exchange_parts.h"

#include "apps/admin_api.h"

namespace careledger::apps {
Result<std::unique_ptr<ExchangeParts>> ExchangeParts::make(Home home) {
  CARELEDGER_TRY(auto promises,
                 exchange::PromiseBook::open(home.layout.promises(home.config.slug), home.keys, system_files(), home.entropy));
  if (promises->torn_bytes() > 0) {
    home.on_alert("the file of kept promises ended in " + std::to_string(promises->torn_bytes()) +
                  " bytes of an append that was broken off; they were put aside in promises.torn");
  }
  return std::unique_ptr<ExchangeParts>(new ExchangeParts(std::move(home), std::move(promises)));
}

ExchangeParts::ExchangeParts(Home home, std::unique_ptr<exchange::PromiseBook> promises)
    : home_(std::move(home)),
      relationships_(home_.vault),
      promises_(std::move(promises)),
      quiet_(
          {home_.config.id, relationships_, home_.ledger.ordering(), home_.signer, home_.clock, home_.ledger.epoch_ms(), home_.on_alert}),
      courier_({home_.config.id, home_.keys, home_.addresses, home_.trust_file, home_.clock, home_.entropy}),
      custodian_({home_.config.id, home_.ledger.replica(), home_.ledger.ordering(), home_.keys, home_.vault, home_.audit, relationships_,
                  home_.clock, home_.entropy, [this](UniqueFunction<void()> work) { return home_.workers.post(std::move(work)); }}),
      requester_({home_.config.id, home_.ledger.replica(), home_.ledger.ordering(), home_.keys, home_.vault, home_.audit, relationships_,
                  *promises_, courier_, home_.clock, home_.entropy}),
      operations_({home_.config.id, requester_, home_.ledger.replica(), home_.ledger.ordering(), home_.ledger.epoch_ms(), quiet_,
                   home_.clock, home_.keys, home_.vault, home_.audit, relationships_, home_.entropy}),
      releases_({custodian_, home_.ledger.replica(), home_.audit, home_.logins, home_.clock, home_.workers}),
      ledger_api_({home_.config.id, home_.config.name, home_.ledger.replica(), home_.ledger.ordering(), quiet_,
                   [this] { return trust_text(home_.ledger); },
                   [this](std::uint64_t from) { return home_.ledger.checkpoints().since(home_.ledger.replica().view(), from); },
                   home_.ledger.epoch_ms(), home_.clock}),
      patient_api_({home_.config.id, home_.config.name, home_.ledger.replica(), home_.ledger.ordering(), home_.audit, relationships_,
                    home_.logins, home_.clock, home_.workers, home_.ledger.checkpoints().log_key(),
                    [this](const replica::View& view, proof::Bundle& bundle) { return complete(home_.ledger, view, bundle); }}),
      patient_offload_(patient_api_, home_.workers) {
  quiet_.start();
}

void ExchangeParts::stop() {
  quiet_.stop();  // first: operations may be waiting for it
  operations_.stop();
  ledger_api_.stop();
}

void ExchangeParts::add_routes(edge::http::Router& router) {
  router.add({edge::http::Method::post}, std::string(edge::exchange::kReleasePath), releases_);
  router.add({}, "/ledger/v1/*", ledger_api_);
  router.add({}, "/patient/v1/*", patient_offload_);
}

}  // namespace careledger::apps
