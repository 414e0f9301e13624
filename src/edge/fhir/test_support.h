// A FHIR interface over a vault and an audit map in memory, asked without a socket. For tests of edge/fhir.
#pragma once

#include <gtest/gtest.h>

#include <future>

#include "codec/json/json.h"
#include "edge/fhir/handler.h"
#include "edge/http/test_support.h"
#include "vault/keystore.h"
#include "vault/test_ledger.h"

namespace careledger::edge::fhir {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

class FhirTest : public ::testing::Test {
 protected:
  http::testing::TestClock clock;
  Entropy& entropy = system_entropy();
  OrganisationId organisation = system_entropy().take_id<OrganisationId>();
  crypto::SigningKey token_key = crypto::SigningKey::generate(system_entropy());
  auth::Authenticator authenticator{organisation, {token_key.public_key()}, clock};
  std::unique_ptr<vault::Keystore> keys = vault::Keystore::in_memory(clock, entropy);
  vault::TestLedger ledger;
  vault::TestSigner signer;
  std::unique_ptr<vault::Vault> vault;
  std::unique_ptr<vault::AuditMap> audit;
  std::unique_ptr<vault::RecordedWrites> writes;
  std::unique_ptr<auth::FailedLogins> logins;
  std::unique_ptr<http::WorkerPool> pool = std::make_unique<http::WorkerPool>(2, 256);
  std::unique_ptr<FhirHandler> handler;
  Operations* operations = nullptr;
  FhirConfig config;

  void SetUp() override {
    vault::VaultOptions options;
    options.organisation = organisation;
    auto opened = vault::Vault::open(options, *keys, clock, entropy);
    ASSERT_TRUE(opened) << opened.error().message;
    vault = std::move(*opened);
    open_audit({});
    logins = std::make_unique<auth::FailedLogins>(*audit, clock);
    vault->start_anchoring(ledger, signer);
    config.organisation = organisation;
    config.name = "North";
    config.base_url = "https://north.example/fhir";
    make_handler();
  }
  void open_audit(vault::AuditOptions audit_options) {
    audit_options.organisation = organisation;
    writes.reset();
    auto map = vault::AuditMap::open(audit_options, *keys, system_files(), clock, entropy);
    ASSERT_TRUE(map) << map.error().message;
    audit = std::move(*map);
    auto recorded_writes = vault::RecordedWrites::open(*vault, *audit);
    ASSERT_TRUE(recorded_writes) << recorded_writes.error().message;
    writes = std::move(*recorded_writes);
  }
  void make_handler() {
    FhirConfig copy;
    copy.organisation = config.organisation;
    copy.name = config.name;
    copy.base_url = config.base_url;
    copy.waits_for_anchor = config.waits_for_anchor;
    copy.check_references = config.check_references;
    copy.entries_max = config.entries_max;
    copy.counted_max = config.counted_max;
    copy.answer_bytes_max = config.answer_bytes_max;
    handler = std::make_unique<FhirHandler>(FhirParts{*vault, *audit, *writes, authenticator, *logins, clock, entropy, *pool, operations},
                                            std::move(copy));
  }
  void TearDown() override {
    pool->stop();
    vault->stop_anchoring();
    audit.reset();
    handler.reset();
    writes.reset();
    vault.reset();
  }

  auth::Principal principal(auth::Role role, const std::string& patient = {}) const {
    auth::Principal out;
    out.organisation = organisation;
    out.actor = role == auth::Role::patient ? "Patient/" + patient : "Practitioner/17";
    out.role = role;
    out.purpose = role == auth::Role::patient ? "PATRQT" : "TREAT";
    out.compartment = patient;
    return out;
  }
  std::string bearer(const auth::Principal& bearing) {
    const auto token = auth::issue_token(token_key, bearing, std::chrono::seconds(600), clock, entropy);
    EXPECT_TRUE(token) << token.error().message;
    return "Bearer " + token.value_or("");
  }

  // A request with the token of a clinician, or of `who` while it is set; with none when its actor is empty.
  std::optional<auth::Principal> who;
  http::Response ask(http::Method method, const std::string& target, const std::string& body = {}, const HeaderList& headers = {}) {
    http::Request request;
    request.method = method;
    request.target = target;
    const auto read = http::read_target(target, 256, request);
    EXPECT_TRUE(read) << target;
    request.authority = "north.example";
    const auth::Principal asker = who.value_or(principal(auth::Role::clinician));
    if (!asker.actor.empty()) request.headers.add("Authorization", bearer(asker));
    if (!body.empty()) request.headers.add("Content-Type", "application/fhir+json");
    for (const auto& [name, value] : headers) request.headers.set(name, value);
    request.body = body;
    return send(std::move(request));
  }
  http::Response send(http::Request request) {
    std::promise<http::Response> promise;
    handler->handle(std::move(request), [&promise](http::Response response) { promise.set_value(std::move(response)); });
    auto answer = promise.get_future();
    return answer.get();
  }
  http::Response get(const std::string& path, const HeaderList& headers = {}) {
    return ask(http::Method::get, "/fhir/" + path, {}, headers);
  }
  http::Response post(const std::string& path, const std::string& body, const HeaderList& headers = {}) {
    return ask(http::Method::post, "/fhir" + (path.empty() ? "" : "/" + path), body, headers);
  }
  http::Response put(const std::string& path, const std::string& body, const HeaderList& headers = {}) {
    return ask(http::Method::put, "/fhir/" + path, body, headers);
  }
  http::Response remove(const std::string& path, const HeaderList& headers = {}) {
    return ask(http::Method::remove, "/fhir/" + path, {}, headers);
  }

  static codec::json::Document json(const http::Response& response) {
    auto document = codec::json::parse(response.content());
    EXPECT_TRUE(document) << document.error().message << " in " << response.content().substr(0, 400);
    return document ? std::move(*document) : codec::json::Document();
  }
  // "code expression" of each issue.
  static std::vector<std::string> issues(const http::Response& response) {
    const auto document = json(response);
    EXPECT_EQ(document.root().string_at("resourceType"), "OperationOutcome") << response.content();
    std::vector<std::string> out;
    for (const auto& issue : document.root().items_at("issue")) {
      std::string line(issue.string_at("code"));
      for (const auto& expression : issue.items_at("expression")) line.append(" ").append(expression.text());
      out.push_back(std::move(line));
    }
    return out;
  }
  static std::string id_of(const http::Response& response) { return std::string(json(response).root().string_at("id")); }
  std::vector<vault::OpenedEntry> recorded() {
    auto all = audit->entries(0, 100'000);
    EXPECT_TRUE(all);
    return all ? std::move(*all) : std::vector<vault::OpenedEntry>();
  }
};

}  // namespace careledger::edge::fhir
