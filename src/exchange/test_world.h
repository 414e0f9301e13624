// A ledger with two members in memory, each with vault, audit map and both sides of an exchange. For tests of exchange and edge.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "contracts/all.h"
#include "contracts/build.h"
#include "contracts/rules.h"
#include "exchange/custodian.h"
#include "exchange/release.h"
#include "exchange/requester.h"
#include "kernel/sign.h"
#include "kernel/tables.h"
#include "ordering/local/local.h"
#include "replica/ledger_store.h"
#include "vault/account_signer.h"
#include "vault/keystore_signer.h"

namespace careledger::exchange::testing {

namespace build = contracts::build;

class TestEnvelopes final : public ordering::BatchSigner {
 public:
  TestEnvelopes(std::uint32_t number, crypto::SigningKey key) : number_(number), key_(std::move(key)) {}
  std::uint32_t key_number() const override { return number_; }
  crypto::Signature sign(ByteView message) const override { return key_.sign(message); }

 private:
  std::uint32_t number_;
  crypto::SigningKey key_;
};

class TestChain {  // an embedded ledger with its founder
 public:
  TestChain() {
    kernel::Founding founding;
    founding.set_format(1);
    founding.set_name("test");
    founding.set_created_ms(system_clock().now().value);
    *founding.mutable_founder() = kernel::single_key(founder_key_.public_key());
    kernel::add_key(*founding.mutable_founder(), kernel::KeyRole::batch, batch_key_.public_key());
    founding.set_founder_nonce(Bytes(32, 'n'));
    founding.set_epoch_ms(1);
    founding.set_protocol(1);
    founder = kernel::account_id(founding.founder(), founding.founder_nonce());
    replica::Config config;
    config.founding = kernel::encode(founding);
    replica = std::move(*replica::Replica::open(config, store_, contracts::all()));
    ordering::local::Config local;
    local.epoch_ms = 1;
    ordering = std::move(*ordering::local::start(*replica, crypto::SigningKey::generate(system_entropy()), system_clock(), local));
    ordering->host(founder, std::make_shared<TestEnvelopes>(2, batch_key_.clone()));
    by_founder = std::make_unique<vault::AccountSigner>(replica->view(), founder, 1, founder_key_.clone(), system_clock());
  }
  ~TestChain() { ordering->stop(); }

  // The code of a command, once it is final.
  kernel::Code send(const OrganisationId& organisation, vault::CommandSigner& by, const build::Order& order) {
    std::promise<ordering::Answer> promise;
    ordering->submit(organisation, *by.sign(order.contract, order.payload), ordering::Lane::urgent,
                     [&](const ordering::Answer& answer) { promise.set_value(answer); });
    const ordering::Answer answer = promise.get_future().get();
    EXPECT_TRUE(answer.receipt.has_value());
    return answer.receipt ? answer.receipt->code : kernel::code_of(kernel::KernelCode::malformed);
  }
  void must(const OrganisationId& organisation, vault::CommandSigner& by, const build::Order& order) {
    const kernel::Code code = send(organisation, by, order);
    EXPECT_TRUE(code.ok()) << kernel::code_name(replica->contracts(), code);
  }
  void wait_provable(Height height) {
    std::promise<void> provable;
    ordering->when_provable(height, [&] { provable.set_value(); });
    provable.get_future().wait();
  }
  proof::Trust trust() const {
    proof::Trust trust;
    trust.ledger = replica->ledger();
    trust.chain_id = kernel::chain_id(trust.ledger);
    trust.validators = *ordering->validators({1});
    return trust;
  }

  AccountId founder;
  std::unique_ptr<replica::Replica> replica;
  std::unique_ptr<ordering::Ordering> ordering;
  std::unique_ptr<vault::AccountSigner> by_founder;

 private:
  crypto::SigningKey founder_key_ = crypto::SigningKey::generate(system_entropy());
  crypto::SigningKey batch_key_ = crypto::SigningKey::generate(system_entropy());
  std::shared_ptr<storage::Store> store_ = replica::memory_ledger_store();
};

class Hooked final : public vault::CommandSigner {  // does something before it signs
 public:
  Hooked(vault::CommandSigner& inner, std::function<void()> hook) : inner_(inner), hook_(std::move(hook)) {}
  Result<Bytes> sign(ContractId contract, Bytes payload) override {
    hook_();
    return inner_.sign(contract, std::move(payload));
  }

 private:
  vault::CommandSigner& inner_;
  std::function<void()> hook_;
};

class Loopback final : public Courier {  // hands sealed requests to custodians in this process
 public:
  explicit Loopback(const OrganisationId& from) : from_(from) {}
  std::map<OrganisationId, Custodian*> custodians;
  std::function<Bytes(Bytes)> tamper;  // with the answer, when set

  Result<Bytes> send(const OrganisationId& to, ByteView sealed) override {
    last_request = Bytes(sealed);
    const auto found = custodians.find(to);
    if (found == custodians.end()) return fail(ErrorKind::not_found, "no such custodian");
    std::promise<Result<Bytes>> promise;
    found->second->release(from_, sealed, [&](Result<Bytes> answer) { promise.set_value(std::move(answer)); });
    Result<Bytes> answer = promise.get_future().get();
    if (answer && tamper) return tamper(std::move(*answer));
    return answer;
  }
  Bytes last_request;

 private:
  OrganisationId from_;
};

class Member {
 public:
  Member(TestChain& chain, const std::string& name) : chain_(chain) {
    keys = vault::Keystore::in_memory(system_clock(), system_entropy());
    admit(name);
    chain.ordering->host(id, std::move(*vault::batch_signer(*keys, *chain.replica, id)));
    signer = std::move(*vault::KeystoreSigner::make(*keys, *chain.replica, id, system_clock()));
    clinician = accredit();
    vault::VaultOptions options;
    options.organisation = id;
    records = std::move(*vault::Vault::open(options, *keys, system_clock(), system_entropy()));
    records->start_anchoring(*chain.ordering, *signer);
    audit = open_audit();
    audit->start_heads(*chain.ordering, *signer);
    relationships = std::make_unique<vault::Relationships>(*records);
    promises = std::move(*PromiseBook::open({}, *keys, system_files(), system_entropy()));
    courier = std::make_unique<Loopback>(id);
    custodian = std::make_unique<Custodian>(custodian_parts());
    requester = std::make_unique<Requester>(RequesterParts{id, *chain.replica, *chain.ordering, *keys, *records, *audit, *relationships,
                                                           *promises, *courier, system_clock(), system_entropy()});
  }
  ~Member() {
    records->stop_anchoring();
    audit->stop_heads();
    for (std::vector<std::thread> threads = posted(); !threads.empty(); threads = posted())
      for (std::thread& thread : threads) thread.join();
  }

  // Work is posted to a thread a piece.
  CustodianParts custodian_parts() {
    const auto post = [this](UniqueFunction<void()> work) {
      const std::lock_guard lock(pool_mutex_);
      pool_.emplace_back([work = std::move(work)]() mutable { work(); });
      return true;
    };
    return {id, *chain_.replica, *chain_.ordering, *keys, *records, *audit, *relationships, system_clock(), system_entropy(), post};
  }
  std::unique_ptr<vault::AuditMap> open_audit() {
    vault::AuditOptions options;
    options.organisation = id;
    options.epoch_ms = 20;
    return std::move(*vault::AuditMap::open(options, *keys, system_files(), system_clock(), system_entropy()));
  }
  Digest accredit() {
    const Digest nonce = system_entropy().take_id<Digest>();
    const std::uint32_t until = contracts::day_of(system_clock().now()) + 300;
    chain_.must(id, *signer,
                build::accredit(nonce, contracts::registry::HolderKind::practitioner, contracts::registry::Role::physician, until));
    return contracts::registry::holder_id(id, nonce.view());
  }
  // Stores a resource and waits until it is on the ledger, provably.
  void put(const std::string& type, const std::string& resource_id, const std::string& body) {
    auto transaction = std::move(*records->begin());
    const std::uint32_t version = *transaction->next_version(type, resource_id);
    const auto staged = transaction->put({type, resource_id, version, body});
    ASSERT_TRUE(staged) << staged.error().message;
    const auto committed = transaction->commit();
    ASSERT_TRUE(committed) << committed.error().message;
    std::promise<vault::AnchorState> promise;
    records->when_anchored(committed->last_number, [&](const vault::AnchorState& state) { promise.set_value(state); });
    const vault::AnchorState state = promise.get_future().get();
    ASSERT_EQ(state.state, vault::Anchoring::final);
    chain_.wait_provable(state.height);
  }

  OrganisationId id;
  Digest clinician;
  std::unique_ptr<vault::Keystore> keys;
  std::unique_ptr<vault::KeystoreSigner> signer;
  std::unique_ptr<vault::Vault> records;
  std::unique_ptr<vault::AuditMap> audit;
  std::unique_ptr<vault::Relationships> relationships;
  std::unique_ptr<PromiseBook> promises;
  std::unique_ptr<Loopback> courier;
  std::unique_ptr<Custodian> custodian;
  std::unique_ptr<Requester> requester;

 private:
  void admit(const std::string& name) {
    build::NewOrganisation order;
    order.authority = kernel::single_key(keys->signing(vault::Purpose::command)->public_key());
    using vault::Purpose;
    constexpr std::pair<Purpose, kernel::KeyRole> kOthers[] = {{Purpose::batch, kernel::KeyRole::batch},
                                                               {Purpose::http_signature, kernel::KeyRole::request},
                                                               {Purpose::cosign, kernel::KeyRole::checkpoint},
                                                               {Purpose::promise, kernel::KeyRole::promise}};
    for (const auto& [purpose, role] : kOthers) kernel::add_key(order.authority, role, keys->signing(purpose)->public_key());
    order.nonce = system_entropy().take_id<Digest>();
    order.name = name;
    order.kind = contracts::registry::OrganisationKind::hospital;
    order.sealing_key = keys->opening()->public_key();
    id = order.id();
    chain_.must(chain_.founder, *chain_.by_founder, build::admit(order));
  }
  std::vector<std::thread> posted() {
    const std::lock_guard lock(pool_mutex_);
    return std::exchange(pool_, {});
  }
  TestChain& chain_;
  std::mutex pool_mutex_;
  std::vector<std::thread> pool_;
};

// One patient, with a key for each of two members.
class World {
 public:
  World() {
    south.courier->custodians[north.id] = north.custodian.get();
    north.put("Patient", "n1", R"({"resourceType":"Patient","id":"n1","identifier":[{"system":"urn:ssn","value":"42"}]})");
    south.put("Patient", "s1", R"({"resourceType":"Patient","id":"s1","identifier":[{"system":"urn:ssn","value":"42"}]})");
    at_north = relate(north, key_north, "n1");
    at_south = relate(south, key_south, "s1");
  }

  AccountId relate(Member& member, const crypto::SigningKey& key, const std::string& patient_id) {
    build::NewPatient patient;
    patient.authority = kernel::single_key(key.public_key());
    patient.nonce = system_entropy().take_id<Digest>();
    chain.must(member.id, *member.signer, build::propose(patient));
    const RelationshipId id = contracts::relationship::relationship_id(member.id, patient.id());
    vault::AccountSigner by(chain.replica->view(), patient.id(), 1, key.clone(), system_clock());
    chain.must(member.id, by, build::accept(id));
    EXPECT_TRUE(member.relationships->put({id, patient.id(), patient_id, false, vault::RelationshipState::active}));
    return patient.id();
  }
  RelationshipId relationship_at_north() const { return contracts::relationship::relationship_id(north.id, at_north); }
  RelationshipId relationship_at_south() const { return contracts::relationship::relationship_id(south.id, at_south); }

  Terms terms() const {
    Terms terms;
    terms.patient = at_north;
    terms.custodian = north.id;
    terms.organisations = {south.id};
    terms.purposes = {"TREAT"};
    terms.categories = {"laboratory"};
    terms.withheld = {"Observation.note"};
    terms.from = {system_clock().now().value - 60'000};
    terms.until = {system_clock().now().value + 3'600'000};
    return terms;
  }
  // On the ledger, and deposited at the grantee.
  void grant(const Terms& terms, std::uint32_t number = 1) {
    const codec::json::Document consent = make_consent(terms);
    const Bytes salt = system_entropy().take(32);
    vault::AccountSigner by(chain.replica->view(), at_north, 1, key_north.clone(), system_clock());
    chain.must(north.id, by, build::grant(relationship_at_north(), number, commitment_to(consent.root(), salt), 0));
    EXPECT_TRUE(south.relationships->put_terms(
        {grant_id(relationship_at_north(), number), relationship_at_south(), codec::json::canonical(consent.root()), salt, false}));
  }
  Retrieval wish() const {
    Retrieval wish;
    wish.from = north.id;
    wish.patient_id = "s1";
    wish.practitioner = south.clinician;
    wish.actor = "Practitioner/" + south.clinician.hex();
    wish.role = "clinician";
    wish.purpose = "TREAT";
    return wish;
  }
  std::vector<vault::OpenedEntry> seen_at_north() const { return *north.audit->newest_of(north.audit->subject_of("n1"), 100); }

  TestChain chain;
  Member north{chain, "North"};
  Member south{chain, "South"};
  crypto::SigningKey key_north = crypto::SigningKey::generate(system_entropy());
  crypto::SigningKey key_south = crypto::SigningKey::generate(system_entropy());
  AccountId at_north;
  AccountId at_south;
};

inline std::string lab_result(const std::string& id, const std::string& patient = "n1") {
  return R"({"resourceType":"Observation","id":")" + id +
         R"(","text":{"status":"generated","div":"<div>5.5</div>"},"status":"final","category":[{"coding":[{"code":"laboratory"}]}],)" +
         R"("code":{"text":"potassium"},"subject":{"reference":"Patient/)" + patient +
         R"("},"valueQuantity":{"value":5.50},"note":[{"text":"private"}]})";
}

}  // namespace careledger::exchange::testing
