// Everything of one organisation by which others reach it, and it them: releases, retrievals, wallets, the ledger for all.
//
// Thread-safety: as of its parts; make, add_routes and stop belong to one thread.
#pragma once

#include <memory>

#include "apps/config.h"
#include "apps/layout.h"
#include "apps/ledger.h"
#include "edge/exchange/http_courier.h"
#include "edge/exchange/operations.h"
#include "edge/exchange/release_api.h"
#include "edge/http/router.h"
#include "edge/ledger_api/ledger_api.h"
#include "edge/patient/patient_api.h"

namespace careledger::apps {

class ExchangeParts {
 public:
  struct Home {  // borrowed
    const Layout& layout;
    const OrganisationConfig& config;
    Ledger& ledger;
    vault::Keystore& keys;
    vault::Vault& vault;
    vault::AuditMap& audit;
    vault::CommandSigner& signer;
    edge::auth::FailedLogins& logins;
    edge::http::WorkerPool& workers;
    Clock& clock;
    Entropy& entropy;
    edge::exchange::Addresses addresses;
    std::string trust_file;  // PEM: how other organisations' certificates are judged
    std::function<void(const std::string&)> on_alert;
  };
  static Result<std::unique_ptr<ExchangeParts>> make(Home home);

  void add_routes(edge::http::Router& router);
  edge::fhir::Operations& operations() { return operations_; }
  void stop();  // what waits for others ends, what waits for the epoch stays in the vault; idempotent
  const exchange::PromiseBook& promises() const { return *promises_; }
  vault::Relationships& relationships() { return relationships_; }

 private:
  ExchangeParts(Home home, std::unique_ptr<exchange::PromiseBook> promises);

  Home home_;
  vault::Relationships relationships_;
  std::unique_ptr<exchange::PromiseBook> promises_;
  vault::QuietOutbox quiet_;
  edge::exchange::HttpCourier courier_;
  exchange::Custodian custodian_;
  exchange::Requester requester_;
  edge::exchange::Operations operations_;
  edge::exchange::ReleaseApi releases_;
  edge::ledger_api::LedgerApi ledger_api_;
  edge::patient::PatientApi patient_api_;
  edge::http::Offload patient_offload_;
};

}  // namespace careledger::apps
