// An exchange over real HTTP, the door that it comes through, and the ledger for everybody.
#include <gtest/gtest.h>

#include <algorithm>

#include "codec/json/json.h"
#include "edge/exchange/http_courier.h"
#include "edge/exchange/operations.h"
#include "edge/exchange/release_api.h"
#include "edge/http/router.h"
#include "edge/http/server.h"
#include "edge/ledger_api/ledger_api.h"
#include "exchange/test_world.h"
#include "proof/log.h"

namespace careledger::edge::exchange {
namespace {

namespace build = contracts::build;
namespace json = codec::json;
using careledger::exchange::testing::World;

class ExchangeApi : public ::testing::Test {
 protected:
  void SetUp() override {
    router.add({}, std::string(kReleasePath), releases);
    router.add({}, "/ledger/v1/*", ledger);
    auto started = http::Server::start(io, {}, router);
    ASSERT_TRUE(started) << started.error().message;
    server = std::move(*started);
  }
  void TearDown() override {
    server->stop(std::chrono::seconds(1));
    pool.stop();
    ledger.stop();
  }
  HttpCourier courier_of(careledger::exchange::testing::Member& member) {
    return HttpCourier({member.id,
                        *member.keys,
                        [this](const OrganisationId& id) -> std::optional<std::string> {
                          if (id == world.north.id) return server->origin();
                          return std::nullopt;
                        },
                        {},
                        system_clock(),
                        system_entropy()});
  }
  http::Response call(const http::Request& request) {
    http::ClientConfig config;
    config.origin = server->origin();
    const auto client = http::Client::make(config);
    const auto response = (*client)->call(request);
    EXPECT_TRUE(response) << response.error().message;
    return response ? *response : http::Response{};
  }
  json::Document get(const std::string& path) {
    const http::Response response = call(http::make_request(http::Method::get, "/ledger/v1/" + path));
    EXPECT_EQ(response.status, 200) << path << " " << response.body;
    auto document = json::parse(response.body);
    EXPECT_TRUE(document);
    return document ? std::move(*document) : json::Document();
  }
  http::Request signed_release(const crypto::SigningKey& key, const OrganisationId& as, const std::string& body) {
    http::Request request = http::make_request(http::Method::post, std::string(kReleasePath), body, kSealedType);
    const std::string authority = "127.0.0.1:" + std::to_string(server->port());
    http::sign_request(request, authority, key, as.hex(), std::chrono::seconds(60), system_clock(), system_entropy());
    return request;
  }

  World world;
  http::IoThreads io{1, system_clock()};
  http::WorkerPool pool{2, 16};
  auth::FailedLogins logins{*world.north.audit, system_clock()};
  ReleaseApi releases{{*world.north.custodian, *world.chain.replica, *world.north.audit, logins, system_clock(), pool}};
  vault::QuietOutbox quiet{{world.north.id, *world.north.relationships, *world.chain.ordering, *world.north.signer, system_clock(), 1}};
  ledger_api::LedgerApi ledger{{world.north.id,
                                "North",
                                *world.chain.replica,
                                *world.chain.ordering,
                                quiet,
                                [this] { return Result<std::string>(proof::to_text(world.chain.trust())); },
                                {},
                                1,
                                system_clock()}};
  http::Router router;
  std::unique_ptr<http::Server> server;
};

TEST_F(ExchangeApi, ARecordComesOverHttpAndVerifies) {
  world.north.put("Observation", "o1", careledger::exchange::testing::lab_result("o1"));
  world.grant(world.terms());
  HttpCourier courier = courier_of(world.south);
  auto& south = world.south;
  careledger::exchange::Requester requester({south.id, *world.chain.replica, *world.chain.ordering, *south.keys, *south.records,
                                             *south.audit, *south.relationships, *south.promises, courier, system_clock(),
                                             system_entropy()});
  const auto received = requester.retrieve(world.wish());
  ASSERT_TRUE(received) << received.error().message;
  EXPECT_EQ(received->refusal, std::nullopt);
  EXPECT_EQ(received->resources.size(), 1u);
}

TEST_F(ExchangeApi, AnOrganisationWithoutAKnownAddressIsNotFound) {
  HttpCourier courier = courier_of(world.south);
  EXPECT_EQ(courier.send(world.south.id, "x").error().kind, ErrorKind::not_found);
}

TEST_F(ExchangeApi, OnlyAMembersRequestKeyOpensTheDoor) {
  const auto request_key = *world.south.keys->signing(vault::Purpose::http_signature);
  const auto other_key = *world.south.keys->signing(vault::Purpose::command);
  EXPECT_EQ(call(http::make_request(http::Method::post, std::string(kReleasePath), "x", kSealedType)).status, 401);
  EXPECT_EQ(call(signed_release(other_key, world.south.id, "x")).status, 401);
  EXPECT_EQ(call(signed_release(request_key, world.north.id, "x")).status, 401);
  EXPECT_EQ(call(signed_release(request_key, world.at_north, "x")).status, 401);
  // Through the door, but nothing that opens.
  const http::Response response = call(signed_release(request_key, world.south.id, std::string(100, 'x')));
  EXPECT_GE(response.status, 400);
  EXPECT_NE(response.status, 401);
  EXPECT_TRUE(world.seen_at_north().empty());
  const auto entries = world.north.audit->entries(0, 100);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 5u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ((*entries)[i].entry.kind, vault::AuditKind::failed_login);
  EXPECT_EQ(entries->front().entry.details, R"({"door":"exchange","credential":"none","leftOut":0})");
  EXPECT_EQ(entries->back().entry.kind, vault::AuditKind::refusal);
  EXPECT_EQ(entries->back().entry.organisation, world.south.id.hex());
}

codec::json::Document definition_of_categories() {
  const auto text = system_files().read_all(CARELEDGER_SOURCE_DIR "/definitions/careledger/CodeSystem-category.json", 1 << 20);
  return std::move(*codec::json::parse(*text));
}

class OperationsTest : public ::testing::Test {
 protected:
  Result<fhir::OperationReply> ask(bool retrieve, std::vector<fhir::OperationParameter> parameters,
                                   const std::string& actor = "Practitioner/" + Digest().hex()) {
    fhir::OperationCall call;
    call.principal.organisation = world.south.id;
    call.principal.actor = actor;
    call.patient_id = "s1";
    call.parameters = std::move(parameters);
    std::promise<Result<fhir::OperationReply>> promise;
    const auto done = [&promise](Result<fhir::OperationReply> reply) { promise.set_value(std::move(reply)); };
    if (retrieve) operations.retrieve(std::move(call), done);
    else operations.relationship(std::move(call), done);
    return promise.get_future().get();
  }
  vault::OpenedEntry last() const {
    const auto entries = world.south.audit->entries(0, 1000);
    EXPECT_TRUE(entries && !entries->empty());
    return entries->back();
  }

  World world;
  vault::QuietOutbox quiet{
      {world.south.id, *world.south.relationships, *world.chain.ordering, *world.south.signer, system_clock(), /*epoch_ms*/ 1}};
  Operations operations{{world.south.id, *world.south.requester, *world.chain.replica, *world.chain.ordering, /*epoch_ms*/ 1, quiet,
                         system_clock(), *world.south.keys, *world.south.records, *world.south.audit, *world.south.relationships,
                         system_entropy()}};
};

TEST_F(OperationsTest, WhatIsRefusedBeforeAnybodyIsAskedIsRecorded) {
  const fhir::OperationParameter from{"from", world.north.id.hex()};
  const auto nobody = ask(true, {from}, "Device/importer");
  EXPECT_EQ(nobody.error().kind, ErrorKind::forbidden);
  EXPECT_EQ(last().entry.kind, vault::AuditKind::refusal);
  EXPECT_EQ(last().entry.outcome, vault::AuditOutcome::refused);
  EXPECT_EQ(last().entry.actor, "Device/importer");
  EXPECT_EQ(last().entry.subject, world.south.audit->subject_of("s1"));
  EXPECT_EQ(ask(true, {}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(last().entry.kind, vault::AuditKind::retrieve);
  EXPECT_EQ(last().entry.outcome, vault::AuditOutcome::failed);
  EXPECT_EQ(ask(false, {}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(last().entry.kind, vault::AuditKind::update);
  EXPECT_EQ(last().entry.outcome, vault::AuditOutcome::failed);
  EXPECT_EQ(world.south.audit->size(), 3u);
}

TEST_F(OperationsTest, AMergeIntoAPatientThatThereIsNotStandsUnderNobody) {
  EXPECT_FALSE(ask(false, {{"mergeInto", "made-up"}}));
  const auto entries = world.south.audit->entries(0, 10);
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ(entries->front().entry.subject, vault::Subject());
  EXPECT_EQ(entries->back().entry.subject, world.south.audit->subject_of("s1"));
}

TEST_F(OperationsTest, ParametersThatNobodyHeedsAreRefusedByName) {
  for (const bool retrieve : {true, false}) {
    const auto refused = ask(retrieve, {{"bogus", "1"}});
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 400);
    EXPECT_NE(refused->body.find("bogus"), std::string::npos) << refused->body;
    EXPECT_EQ(last().entry.outcome, vault::AuditOutcome::failed);
  }
}

TEST_F(OperationsTest, ACategoryThatThereIsNotIsRefusedByName) {
  const fhir::OperationParameter from{"from", world.north.id.hex()};
  const auto refused = ask(true, {from, {"category", "laboratory"}, {"category", "labs"}});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 400);
  EXPECT_NE(refused->body.find("OperationOutcome"), std::string::npos);
  EXPECT_NE(refused->body.find("category: there is none of the name labs"), std::string::npos) << refused->body;
  EXPECT_EQ(last().entry.outcome, vault::AuditOutcome::failed);
  EXPECT_EQ(last().entry.kind, vault::AuditKind::retrieve);
  EXPECT_TRUE(world.seen_at_north().empty());  // nobody was asked
  const json::Document published = definition_of_categories();
  for (const auto& concept_value : published.root().items_at("concept"))  // every code of the published list is one
    EXPECT_TRUE(careledger::exchange::is_category(concept_value.string_at("code"))) << concept_value.string_at("code");
}

TEST_F(OperationsTest, APatientHasOneRelationshipInTrust) {
  quiet.start();
  const auto first = ask(false, {{"holdInTrust", "true"}});
  ASSERT_TRUE(first) << first.error().message;
  const auto again = ask(false, {{"holdInTrust", "true"}});
  ASSERT_TRUE(again);
  const auto id_of = [](const fhir::OperationReply& reply) {
    const auto document = json::parse(reply.body);
    return std::string(document->root().items_at("parameter")[0].string_at("valueString"));
  };
  EXPECT_FALSE(id_of(*first).empty());
  EXPECT_EQ(id_of(*again), id_of(*first));
  const auto relationships = *world.south.relationships->of_patient("s1");
  EXPECT_EQ(std::ranges::count_if(relationships, [](const auto& one) { return one.held_in_trust; }), 1);
  EXPECT_FALSE(world.south.keys->holds(vault::Purpose::trust, id_of(*first)));
  operations.stop();
  quiet.stop();
}

TEST_F(ExchangeApi, ASignatureCountsOnce) {
  const auto key = *world.south.keys->signing(vault::Purpose::http_signature);
  const http::Request request = signed_release(key, world.south.id, std::string(100, 'x'));
  EXPECT_NE(call(request).status, 401);
  EXPECT_EQ(call(request).status, 401);
}

TEST_F(ExchangeApi, ASuspendedMemberIsTurnedAwayAtTheDoor) {
  const auto key = *world.south.keys->signing(vault::Purpose::http_signature);
  world.chain.must(world.chain.founder, *world.chain.by_founder, build::suspend(world.south.id));
  EXPECT_EQ(call(signed_release(key, world.south.id, "x")).status, 401);
}

TEST_F(ExchangeApi, TheLedgerTellsEverybodyWhatIsShared) {
  EXPECT_EQ(get("status").root().string_at("organisation"), world.north.id.hex());
  EXPECT_EQ(get("organisations").root().size(), 2u);
  EXPECT_EQ(get("account/" + world.at_north.hex()).root().find("sequence")->text(), "1");
  EXPECT_EQ(get("relationship/" + world.relationship_at_north().hex()).root().find("next_grant")->text(), "1");
  world.grant(world.terms());
  EXPECT_EQ(get("relationship/" + world.relationship_at_north().hex()).root().find("next_grant")->text(), "2");
  EXPECT_EQ(get("grant/" + world.relationship_at_north().hex() + "/1").root().find("revoked_height")->text(), "0");
  EXPECT_EQ(get("trust").root().string_at("ledger"), world.chain.replica->ledger().hex());
  for (const char* path : {"nothing", "account/12", "grant/12", "account/" /* and no id */, "relationship/zz", "consistency?from=x"})
    EXPECT_GE(call(http::make_request(http::Method::get, std::string("/ledger/v1/") + path)).status, 400) << path;
}

TEST_F(ExchangeApi, TheLogShowsThatItGoesOn) {
  const json::Document before = get("status");
  world.grant(world.terms());
  const json::Document proof = get("consistency?from=" + std::string(before.root().find("log_size")->text()));
  std::vector<Digest> hashes;
  for (const json::Value& hash : proof.root().items_at("hashes")) hashes.push_back(*Digest::from(*from_hex(hash.text())));
  const auto size = [](const json::Document& document, const char* name) {
    return std::stoull(std::string(document.root().find(name)->text()));
  };
  const auto root = [](const json::Document& document, const char* name) {
    return *Digest::from(*from_hex(document.root().string_at(name)));
  };
  EXPECT_TRUE(
      proof::verify_consistency(size(before, "log_size"), root(before, "log_root"), size(proof, "to"), root(proof, "root"), hashes));
}

TEST_F(ExchangeApi, PatientsSendCommandsAndNobodyElse) {
  const auto post = [this](const Bytes& body) {
    return call(http::make_request(http::Method::post, "/ledger/v1/commands", body, "application/x-protobuf"));
  };
  vault::AccountSigner patient(world.chain.replica->view(), world.at_north, 1, world.key_north.clone(), system_clock());
  const build::Order grant = build::grant(world.relationship_at_north(), 1, Digest{}, 0);
  const Bytes command = *patient.sign(grant.contract, grant.payload);
  const http::Response first = post(command);
  EXPECT_EQ(first.status, 200);
  EXPECT_NE(first.body.find(R"("outcome":"final")"), std::string::npos) << first.body;
  EXPECT_NE(first.body.find(R"("code":0)"), std::string::npos) << first.body;
  EXPECT_EQ(post(command).body, first.body);  // the same bytes get the first receipt
  EXPECT_NE(post(*patient.sign(grant.contract, grant.payload)).body.find("grant_exists"), std::string::npos);
  EXPECT_EQ(post("garbage").status, 400);
  EXPECT_EQ(post(*world.north.signer->sign(grant.contract, grant.payload)).status, 403);
  const build::Order rotate = build::rotate(kernel::single_key(world.key_south.public_key()));
  EXPECT_EQ(post(*patient.sign(rotate.contract, rotate.payload)).status, 403);
}

TEST(Enrolment, ACodeIsReadBackAndAnythingElseIsRefused) {
  SeededEntropy entropy{1};
  const Enrolment enrolment{kernel::single_key(crypto::SigningKey::generate(entropy).public_key()), entropy.take_id<Digest>()};
  const std::string code = enrolment_code(enrolment);
  const auto read = read_enrolment(code);
  ASSERT_TRUE(read);
  EXPECT_EQ(kernel::encode(read->authority), kernel::encode(enrolment.authority));
  EXPECT_EQ(read->nonce, enrolment.nonce);
  EXPECT_FALSE(read_enrolment(""));
  EXPECT_FALSE(read_enrolment(code + "AAAA"));
  EXPECT_FALSE(read_enrolment(code.substr(0, code.size() - 4)));
  EXPECT_FALSE(read_enrolment(std::string(5000, 'A')));
}

}  // namespace
}  // namespace careledger::edge::exchange
