// The wallet's file, and a whole node in this process: a patient enrols at two hospitals, grants, revokes, and reads who saw what.
#include "apps/wallet.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <set>

#include "apps/founding.h"
#include "apps/node.h"
#include "base/test_folder.h"
#include "proof/trust.h"
#include "replica/stored_block.h"

namespace careledger::apps {
namespace {

namespace http = edge::http;
namespace json = codec::json;

class WalletFiles : public ::testing::Test {
 protected:
  TestFolder folder;
  std::string path = folder.path() + "/me.wallet";
};

TEST_F(WalletFiles, WhatIsSavedIsReadBackAndOnlyTheOwnerMayRead) {
  auto file = WalletFile::create(path, {}, system_entropy());
  ASSERT_TRUE(file) << file.error().message;
  const auto key = file->add_key("North");
  ASSERT_TRUE(key);
  file->wallet().grants.push_back({"aa", "bb", 3, "cc", R"({"resourceType":"Consent"})", "South", true});
  file->wallet().ledger = "dd";
  (*key)->subject = "ee";
  ASSERT_TRUE(file->save());
  auto again = WalletFile::open(path, {}, system_entropy());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(wallet_json(again->wallet()).view(), wallet_json(file->wallet()).view());
  struct stat status{};
  for (const std::string& name : {path, path + ".key"}) {
    ASSERT_EQ(::stat(name.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
  EXPECT_EQ(system_files().read_all(path, 1 << 20)->find("North"), Bytes::npos);
}

TEST_F(WalletFiles, AnotherKeyAFlippedBitOrANewerFormatIsRefused) {
  ASSERT_TRUE(WalletFile::create(path, {}, system_entropy()));
  EXPECT_EQ(WalletFile::create(path, {}, system_entropy()).error().kind, ErrorKind::conflict);
  const Bytes bytes = *system_files().read_all(path, 1 << 20);
  const std::string passphrase = folder.path() + "/passphrase";
  ASSERT_TRUE(system_files().replace(passphrase, "correct horse"));
  EXPECT_EQ(WalletFile::open(path, {passphrase, {}}, system_entropy()).error().kind, ErrorKind::wrong_key);
  for (std::size_t i = 0; i < bytes.size(); i += 7) {
    Bytes flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x40);
    ASSERT_TRUE(system_files().replace(path, flipped));
    EXPECT_FALSE(WalletFile::open(path, {}, system_entropy())) << i;
  }
  Bytes newer = bytes;
  newer[5] = '2';
  ASSERT_TRUE(system_files().replace(path, newer));
  EXPECT_EQ(WalletFile::open(path, {}, system_entropy()).error().kind, ErrorKind::newer_format);
  ASSERT_TRUE(system_files().replace(path, bytes));
  ASSERT_TRUE(system_files().replace(path + ".key", Bytes(32, 'x')));
  EXPECT_EQ(WalletFile::open(path, {}, system_entropy()).error().kind, ErrorKind::wrong_key);
}

TEST_F(WalletFiles, APassphraseOpensWhatItSealed) {
  const std::string right = folder.path() + "/right", wrong = folder.path() + "/wrong";
  ASSERT_TRUE(system_files().replace(right, "correct horse\n"));
  ASSERT_TRUE(system_files().replace(wrong, "battery staple\n"));
  ASSERT_TRUE(WalletFile::create(path, {right, {}}, system_entropy()));
  EXPECT_TRUE(WalletFile::open(path, {right, {}}, system_entropy()));
  EXPECT_EQ(WalletFile::open(path, {wrong, {}}, system_entropy()).error().kind, ErrorKind::wrong_key);
  EXPECT_EQ(WalletFile::open(path, {}, system_entropy()).error().kind, ErrorKind::wrong_key);
}

// Two hospitals in one process, reached over HTTP only.
class Consortium : public ::testing::Test {
 protected:
  void SetUp() override {
    NewLedger order;
    order.organisations = {{"North Hospital", "hospital", 0}, {"South Clinic", "clinic", 0}};
    order.epoch_ms = 1;
    ASSERT_TRUE(found_ledger(layout, order, system_clock(), system_entropy(), {}));
    auto opened = Node::open(layout, {}, system_clock(), system_entropy());
    ASSERT_TRUE(opened) << opened.error().message;
    node = std::move(*opened);
    ServeConfig config;
    config.any_port = true;
    config.log.file = folder.path() + "/log";
    const auto serving = node->serve(config);
    ASSERT_TRUE(serving) << serving.error().message;
    auto created = WalletFile::create(folder.path() + "/me.wallet", {}, system_entropy());
    ASSERT_TRUE(created);
    file.emplace(std::move(*created));
  }
  void TearDown() override {
    if (node) node->stop();
  }

  std::string origin(const std::string& name) { return node->find(name)->origin(); }
  http::Response fhir(const std::string& name, edge::auth::Role role, http::Method method, const std::string& target,
                      const std::string& body = {}) {
    Organisation& organisation = *node->find(name);
    edge::auth::Principal principal;
    principal.organisation = organisation.config().id;
    principal.role = role;
    principal.actor = "Practitioner/" + organisation.config().clinician.hex();
    const auto key = organisation.keys().signing(vault::Purpose::access_token);
    const auto token = edge::auth::issue_token(*key, principal, std::chrono::minutes(5), system_clock(), system_entropy());
    EXPECT_TRUE(token) << token.error().message;
    http::Request request = http::make_request(method, "/fhir/" + target, body, body.empty() ? "" : "application/fhir+json");
    request.headers.set("Authorization", "Bearer " + *token);
    http::ClientConfig config;
    config.origin = organisation.origin();
    const auto client = http::Client::make(config);
    const auto response = (*client)->call(request);
    EXPECT_TRUE(response) << response.error().message;
    return response ? *response : http::Response{};
  }
  void put(const std::string& name, const std::string& target, const std::string& body) {
    const http::Response response = fhir(name, edge::auth::Role::system, http::Method::put, target, body);
    ASSERT_EQ(response.status, 201) << response.body;
  }
  void enrol(const std::string& name, const std::string& patient) {
    const auto key = file->add_key(name);
    ASSERT_TRUE(key);
    const std::string parameters =
        R"({"resourceType":"Parameters","parameter":[{"name":"enrolment","valueString":")" + (*key)->enrolment_code() + R"("}]})";
    const http::Response response =
        fhir(name, edge::auth::Role::clinician, http::Method::post, "Patient/" + patient + "/$relationship", parameters);
    ASSERT_EQ(response.status, 200) << response.body;
    EXPECT_NE(response.body.find("proposed"), std::string::npos);
    const auto accepted = accept_relationship(*file, origin(name), {}, name);
    ASSERT_TRUE(accepted) << accepted.error().message;
    EXPECT_EQ(accepted->organisation, name);
  }
  http::Response retrieve() {
    return fhir("South Clinic", edge::auth::Role::clinician, http::Method::post, "Patient/s1/$retrieve?from=North%20Hospital");
  }
  // All that `wallet log` would show.
  Result<std::vector<Access>> accesses(const LogRange& range = {}, std::vector<Bytes>* proofs = nullptr) {
    std::vector<Access> all;
    const auto log = read_log(*file, {origin("North Hospital"), {}, range}, [&](const AccessPart& part) -> Result<void> {
      all.insert(all.end(), part.accesses.begin(), part.accesses.end());
      if (proofs != nullptr) proofs->push_back(part.proof);
      return {};
    });
    if (!log) return tl::make_unexpected(log.error());
    EXPECT_EQ(log->entries, all.size());
    return all;
  }
  // So many reads by a monitor, each its own entry.
  void watch(std::size_t times) {
    vault::AuditMap& audit = node->find("North Hospital")->audit();
    vault::AuditEntry entry;
    entry.subject = audit.subject_of("n1");
    entry.actor = "Device/monitor";
    std::promise<void> all;
    std::atomic<std::size_t> left = times;
    for (std::size_t i = 0; i < times; ++i) {
      audit.append(entry, [&](const Result<vault::Recorded>& recorded) {
        EXPECT_TRUE(recorded);
        if (--left == 0) all.set_value();
      });
    }
    all.get_future().wait();
  }
  GrantOrder order() {
    GrantOrder order;
    order.node = origin("North Hospital");
    order.grantee = "South Clinic";
    order.grantee_node = origin("South Clinic");
    order.categories = {"laboratory"};
    order.withheld = {"Observation.note"};
    return order;
  }
  void prepare() {
    put("North Hospital", "Patient/n1",
        R"({"resourceType":"Patient","id":"n1","identifier":[{"system":"urn:ssn","value":"42"}],"birthDate":"1970-01-01"})");
    put("North Hospital", "Observation/o1",
        R"({"resourceType":"Observation","id":"o1","status":"final","category":[{"coding":[{"code":"laboratory"}]}],)"
        R"("code":{"text":"potassium"},"subject":{"reference":"Patient/n1"},"valueQuantity":{"value":5.50},"note":[{"text":"private"}]})");
    put("South Clinic", "Patient/s1", R"({"resourceType":"Patient","id":"s1","identifier":[{"system":"urn:ssn","value":"42"}]})");
    enrol("North Hospital", "n1");
    enrol("South Clinic", "s1");
  }

  TestFolder folder;
  Layout layout = layout_of(folder.path() + "/data");
  std::unique_ptr<Node> node;
  std::optional<WalletFile> file;
};

TEST_F(Consortium, ARecordFlowsAsThePatientSaysAndEveryAccessIsSeen) {
  prepare();
  const http::Response before = retrieve();
  EXPECT_EQ(before.status, 403) << before.body;
  EXPECT_NE(before.body.find(R"("code":"no_consent")"), std::string::npos) << before.body;

  const auto granted = make_grant(*file, order());
  ASSERT_TRUE(granted) << granted.error().message;
  const http::Response released = retrieve();
  ASSERT_EQ(released.status, 200) << released.body;
  EXPECT_NE(released.body.find("5.50"), std::string::npos);
  EXPECT_NE(released.body.find("REDACTED"), std::string::npos);
  EXPECT_EQ(released.body.find("private"), std::string::npos);

  const auto revoked = revoke_grants(*file, origin("North Hospital"), {}, 0);
  ASSERT_TRUE(revoked) << revoked.error().message;
  EXPECT_EQ(*revoked, std::vector<std::uint32_t>{granted->number});
  EXPECT_NE(retrieve().body.find("consent_revoked"), std::string::npos);

  const auto log = accesses();
  ASSERT_TRUE(log) << log.error().message;
  std::vector<std::string> seen;
  for (const Access& access : *log)
    if (access.organisation == "South Clinic") seen.push_back(access.kind);
  EXPECT_EQ(seen, (std::vector<std::string>{"refusal", "release", "refusal"}));
  EXPECT_NE(log->back().sentence().find("refused to South Clinic: consent_revoked"), std::string::npos);
}

TEST_F(Consortium, TheWalletCosignsWhatItSawUnderAnotherKeyForEachOrganisation) {
  prepare();
  ASSERT_TRUE(make_grant(*file, order()));
  const auto trust = proof::parse_trust(file->wallet().trust);
  ASSERT_TRUE(trust);
  const auto remembered = proof::open_checkpoint(file->wallet().checkpoint, *trust);
  ASSERT_TRUE(remembered) << remembered.error().message;
  EXPECT_EQ(remembered->witnesses, 2u);
  EXPECT_EQ(remembered->checkpoint.size, file->wallet().log_size);
  std::set<std::string> keys;
  for (const char* name : {"North Hospital", "South Clinic"}) {
    const vault::Relationships relationships(node->find(name)->vault());
    ASSERT_TRUE(relationships.each_cosigned([&](const vault::Cosigned& cosigned) -> Result<void> {
      keys.insert(cosigned.key);
      const auto key = proof::parse_note_key(cosigned.key);
      EXPECT_TRUE(key);
      const auto note = proof::parse_note(cosigned.note);
      const auto verdict = proof::verify_note(*note, std::vector{*key, *trust->log});
      EXPECT_TRUE(verdict && verdict->signers.size() == 2);
      EXPECT_EQ(verdict->signers.back().time_s % 3600, 0u);
      return {};
    }));
  }
  EXPECT_EQ(keys.size(), 2u);
}

TEST_F(Consortium, WhatItRemembersHoldsItsOwnLastAct) {
  prepare();
  ASSERT_TRUE(make_grant(*file, order()));
  ASSERT_TRUE(revoke_grants(*file, origin("North Hospital"), {}, 0));
  const replica::View view = node->ledger().replica().view();
  const auto at_revocation = [&]() -> std::uint64_t {  // entries of the log with the revocation as the last: nothing follows it but heads
    for (Height height = view.height(); height.value > 0; --height.value)
      for (const auto& command : (*view.block(height))->commands)
        if (command.code.contract == contracts::build::kConsent && command.code.ok()) return (*view.block(height))->log_first + 1;
    return 0;
  }();
  ASSERT_GT(at_revocation, 0u);
  EXPECT_GE(file->wallet().log_size, at_revocation);
}

TEST_F(Consortium, ACheckpointWithoutItsWitnessesIsRefusedByTheWallet) {
  prepare();
  auto trust = *proof::parse_trust(file->wallet().trust);
  trust.witnesses.push_back({"nobody", proof::NoteKind::cosignature, crypto::SigningKey::generate(system_entropy()).public_key()});
  trust.quorum = 3;
  file->wallet().trust = proof::to_text(trust);
  const auto read = accesses();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::corrupt);
  EXPECT_NE(read.error().message.find("witnesses"), std::string::npos);
}

TEST_F(Consortium, AnOlderListOrAnotherHistoryIsRefusedByTheWallet) {
  prepare();
  ASSERT_TRUE(accesses());
  WalletKey& key = *file->wallet().by_label("North Hospital");
  const std::uint64_t seen = key.head_size;
  key.head_size = seen + 1000;
  EXPECT_EQ(accesses().error().kind, ErrorKind::corrupt);
  key.head_size = seen;
  const std::string subject = key.subject;
  EXPECT_EQ(subject, node->find("North Hospital")->audit().subject_of("n1").hex());
  key.subject = node->find("North Hospital")->audit().subject_of("nobody").hex();  // a list of somebody else, complete as it may be
  EXPECT_EQ(accesses().error().kind, ErrorKind::corrupt);
  EXPECT_EQ(accept_relationship(*file, origin("North Hospital"), {}, {}).error().kind, ErrorKind::corrupt);
  key.subject = subject;
  EXPECT_TRUE(accesses());
  Wallet& wallet = file->wallet();
  const std::string root = wallet.log_root;
  wallet.log_root = std::string(64, '0');
  EXPECT_EQ(accesses().error().kind, ErrorKind::corrupt);
  wallet.log_root = root;
  wallet.ledger = std::string(64, '0');
  EXPECT_EQ(accesses().error().kind, ErrorKind::corrupt);
}

TEST_F(Consortium, AListOfAnyLengthIsReadInPartsThatLeaveNothingOut) {
  prepare();
  const std::size_t before = accesses()->size();
  watch(25'000);
  std::vector<Bytes> proofs;
  const auto all = accesses({}, &proofs);
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(proofs.size(), 3u);
  EXPECT_EQ(all->size(), before + 1 + 25'000 + 2) << "the first look, the reads, and the looks at the parts before the last";
  EXPECT_EQ(std::ranges::count(*all, "Device/monitor", &Access::actor), 25'000);
  EXPECT_TRUE(std::ranges::is_sorted(*all, {}, &Access::time));
  const BlockTime middle = (*all)[all->size() / 2].time;
  const auto early = accesses({{}, middle});
  const auto late = accesses({middle, {}});
  ASSERT_TRUE(early && late);
  EXPECT_EQ(early->size(), static_cast<std::size_t>(std::ranges::count_if(*all, [&](BlockTime t) { return t < middle; }, &Access::time)));
  EXPECT_GE(early->size() + late->size(), all->size());
}

// The node's parts, given to the walk by somebody who may leave out, repeat and exchange them.
TEST_F(Consortium, APartThatIsMissingOrOutOfOrderIsNoticed) {
  prepare();
  watch(21'000);
  std::vector<Bytes> proofs;
  ASSERT_TRUE(accesses({}, &proofs));
  ASSERT_EQ(proofs.size(), 3u);
  const proof::Trust trust = *proof::parse_trust(file->wallet().trust);
  const std::string north = node->find("North Hospital")->config().id.hex();
  const auto told = [&](std::initializer_list<std::size_t> order, const LogRange& range = {}) -> std::string {
    WalletKey& key = *file->wallet().by_label("North Hospital");
    key.head_size = key.as_of = 0;
    ListWalk walk(trust, north, range);
    for (const std::size_t i : order)
      if (const auto part = walk.take(proofs[i], key); !part) return part.error().message;
    return walk.done() ? "complete" : "more to come";
  };
  EXPECT_EQ(told({0, 1, 2}), "complete");
  EXPECT_EQ(told({0, 1}), "more to come");
  EXPECT_NE(told({0, 2}).find("does not go on where the one before ended"), std::string::npos);
  EXPECT_NE(told({0, 0}).find("does not go on"), std::string::npos);
  EXPECT_NE(told({1}).find("begins with a later entry than the first"), std::string::npos);
  EXPECT_NE(told({0, 2, 1}).find("does not go on"), std::string::npos);
  const BlockTime first{1};
  EXPECT_EQ(told({0}, {first, {}}), "more to come");
  EXPECT_NE(told({1}, {first, {}}).find("begins later than it was asked to"), std::string::npos);
  EXPECT_EQ(told({0}, {{}, first}), "complete") << "it reaches beyond what was asked for";
  EXPECT_NE(told({2, 0}, {BlockTime{4'000'000'000'000}, {}}).find("older than one this wallet has seen"), std::string::npos);
}

TEST_F(Consortium, HeldInTrustARelationshipIsActiveAtOnce) {
  put("North Hospital", "Patient/n1", R"({"resourceType":"Patient","id":"n1"})");
  const http::Response response = fhir("North Hospital", edge::auth::Role::clinician, http::Method::post, "Patient/n1/$relationship",
                                       R"({"resourceType":"Parameters","parameter":[{"name":"holdInTrust","valueBoolean":true}]})");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_NE(response.body.find("active"), std::string::npos);
}

TEST_F(Consortium, WhoHasNoRelationshipIsTurnedAway) {
  ASSERT_TRUE(file->add_key("nobody"));
  EXPECT_FALSE(accept_relationship(*file, origin("North Hospital"), {}, {}));
  EXPECT_FALSE(accesses());
  EXPECT_FALSE(make_grant(*file, order()));
}

}  // namespace
}  // namespace careledger::apps
