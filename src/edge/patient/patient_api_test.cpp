// A wallet's requests against a real ledger, vault and audit map: who is let in, what is kept, what is proven.
#include "edge/patient/patient_api.h"

#include <gtest/gtest.h>

#include "edge/http/client.h"
#include "exchange/test_world.h"

namespace careledger::edge::patient {
namespace {

namespace build = contracts::build;
namespace json = codec::json;
using careledger::exchange::grant_id;
using careledger::exchange::Refusal;
using careledger::exchange::Terms;
using careledger::exchange::testing::World;

class Patient : public ::testing::Test {
 protected:
  ~Patient() override { world.chain.ordering->stop(); }  // its thread gives work to the workers, which go before it
  static const crypto::SigningKey& log_secret() {
    static const crypto::SigningKey key = crypto::SigningKey::generate(system_entropy());
    return key;
  }
  static proof::NoteKey log_key() { return {"careledger/test", proof::NoteKind::ed25519, log_secret().public_key()}; }
  PatientApiParts parts_of(careledger::exchange::testing::Member& member, const std::string& name, auth::FailedLogins& logins) {
    return {member.id, name,     *world.chain.replica, *world.chain.ordering, *member.audit, *member.relationships, logins, system_clock(),
            workers,   log_key()};
  }
  static http::Request request(http::Method method, const std::string& target, const std::string& body, const crypto::SigningKey& key,
                               const AccountId& account) {
    http::Request out = http::make_request(method, target, body, body.empty() ? "" : "application/json");
    EXPECT_TRUE(http::read_target(out.target, 100, out));
    out.authority = "node.example";
    http::sign_request(out, out.authority, key, account.hex(), std::chrono::seconds(60), system_clock(), system_entropy());
    return out;
  }
  static http::Response call(PatientApi& api, http::Request request) {
    std::promise<http::Response> promise;
    api.handle(std::move(request), [&](http::Response response) { promise.set_value(std::move(response)); });
    return promise.get_future().get();
  }
  http::Response at_north(http::Method method, const std::string& target, const std::string& body = {}) {
    return call(north, request(method, target, body, world.key_north, world.at_north));
  }
  http::Response at_south(http::Method method, const std::string& target, const std::string& body = {}) {
    return call(south, request(method, target, body, world.key_south, world.at_south));
  }

  // Puts a grant on the ledger and gives the JSON that a wallet deposits.
  std::string granted(const Terms& terms, std::uint32_t number = 1) {
    const json::Document consent = careledger::exchange::make_consent(terms);
    const Bytes salt(32, 's');
    vault::AccountSigner by(world.chain.replica->view(), world.at_north, 1, world.key_north.clone(), system_clock());
    world.chain.must(world.north.id, by,
                     build::grant(world.relationship_at_north(), number, careledger::exchange::commitment_to(consent.root(), salt), 0));
    return R"({"consent":)" + json::compact(consent.root()) + R"(,"salt":")" + to_hex(salt) + R"(","relationship":")" +
           world.relationship_at_north().hex() + R"(","number":)" + std::to_string(number) + "}";
  }

  World world;
  http::WorkerPool workers{1, 4};
  auth::FailedLogins north_logins{*world.north.audit, system_clock()};
  auth::FailedLogins south_logins{*world.south.audit, system_clock()};
  PatientApi north{parts_of(world.north, "North", north_logins)};
  PatientApi south{parts_of(world.south, "South", south_logins)};
};

TEST_F(Patient, SeesTheRelationship) {
  const http::Response response = at_north(http::Method::get, "/patient/v1/relationship");
  ASSERT_EQ(response.status, 200) << response.body;
  const auto document = json::parse(response.body);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().string_at("relationship"), world.relationship_at_north().hex());
  EXPECT_EQ(document->root().find("organisation")->string_at("name"), "North");
  EXPECT_EQ(document->root().string_at("subject"), world.north.audit->subject_of("n1").hex());
}

TEST_F(Patient, WithoutTheKeyOfTheAccountNobodyIsLetIn) {
  const auto target = "/patient/v1/relationship";
  http::Request unsigned_request = http::make_request(http::Method::get, target);
  ASSERT_TRUE(http::read_target(unsigned_request.target, 10, unsigned_request));
  EXPECT_EQ(call(north, std::move(unsigned_request)).status, 401);
  EXPECT_EQ(call(north, request(http::Method::get, target, {}, world.key_south, world.at_north)).status, 401);
  EXPECT_EQ(call(north, request(http::Method::get, target, {}, world.key_north, world.north.id)).status, 401);
  // A patient of South is nobody at North.
  EXPECT_EQ(call(north, request(http::Method::get, target, {}, world.key_south, world.at_south)).status, 403);
  const auto entries = world.north.audit->entries(0, 100);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 4u);
  for (const auto& one : *entries) EXPECT_EQ(one.entry.kind, vault::AuditKind::failed_login);
  EXPECT_EQ(entries->front().entry.details, R"({"door":"patient","credential":"none","leftOut":0})");
  EXPECT_EQ(entries->back().entry.details, R"({"door":"patient","credential":"refused","leftOut":0})");
}

TEST_F(Patient, ARequestCountsOnceAndOnlyAsItWasSigned) {
  const http::Request once = request(http::Method::get, "/patient/v1/relationship", {}, world.key_north, world.at_north);
  EXPECT_EQ(call(north, once).status, 200);
  EXPECT_EQ(call(north, once).status, 401);
  http::Request elsewhere = request(http::Method::get, "/patient/v1/relationship", {}, world.key_north, world.at_north);
  elsewhere.target = "/patient/v1/accesses";
  ASSERT_TRUE(http::read_target(elsewhere.target, 10, elsewhere));
  EXPECT_EQ(call(north, std::move(elsewhere)).status, 401);
  http::Request other_body = request(http::Method::post, "/patient/v1/consents", "{}", world.key_north, world.at_north);
  other_body.body = "[]";
  EXPECT_EQ(call(north, std::move(other_body)).status, 401);
}

TEST_F(Patient, HandsInACheckpointThatTheLedgerStillContainsAndNoOther) {
  const replica::View view = world.chain.replica->view();
  const crypto::SigningKey wallet = crypto::SigningKey::generate(system_entropy());
  const proof::NoteKey key{"wallet-1", proof::NoteKind::cosignature, wallet.public_key()};
  const auto body = [&](const proof::Checkpoint& checkpoint, bool by_wallet) {
    proof::Note note{proof::to_text(checkpoint), {}};
    note.signatures.push_back(proof::sign_note(note.text, log_key().name, log_secret()));
    if (by_wallet) note.signatures.push_back(proof::cosign(note.text, key.name, wallet, 3600));
    json::Document document;
    json::Value root = document.object();
    document.set(root, "key", document.string(proof::to_text(key)));
    document.set(root, "note", document.string(proof::encode(note)));
    return json::compact(root);
  };
  const std::string target = "/patient/v1/cosignatures";
  const proof::Checkpoint seen{log_key().name, view.log_size(), view.log_root()};
  EXPECT_EQ(at_north(http::Method::post, target, body(seen, true)).status, 201);
  EXPECT_EQ(at_north(http::Method::post, target, body(seen, false)).status, 422);
  EXPECT_EQ(at_north(http::Method::post, target, body({seen.origin, seen.size, Digest{}}, true)).status, 409);
  EXPECT_EQ(at_north(http::Method::post, target, body({seen.origin, seen.size + 100, seen.root}, true)).status, 409);
  EXPECT_EQ(at_north(http::Method::post, target, body({"careledger/other", seen.size, seen.root}, true)).status, 422);
  std::size_t kept = 0;
  ASSERT_TRUE(world.north.relationships->each_cosigned([&](const vault::Cosigned& cosigned) -> Result<void> {
    ++kept;
    EXPECT_EQ(cosigned.relationship, world.relationship_at_north());
    EXPECT_NE(cosigned.note.find(proof::to_text(seen)), Bytes::npos);
    return {};
  }));
  EXPECT_EQ(kept, 1u);
}

TEST_F(Patient, DepositsAnOpeningAtTheGranteeWhichThenReceives) {
  world.north.put("Observation", "o1", careledger::exchange::testing::lab_result("o1"));
  const std::string opening = granted(world.terms());
  EXPECT_EQ(at_north(http::Method::post, "/patient/v1/consents", opening).status, 201);
  EXPECT_EQ(at_south(http::Method::post, "/patient/v1/consents", opening).status, 201);
  const auto received = world.south.requester->retrieve(world.wish());
  ASSERT_TRUE(received) << received.error().message;
  EXPECT_EQ(received->refusal, std::nullopt);
  EXPECT_EQ(received->resources.size(), 1u);
}

TEST_F(Patient, AnOpeningThatTheLedgerDoesNotHoldIsNotKept) {
  std::string opening = granted(world.terms());
  std::string other = opening;
  other.replace(other.find(to_hex(Bytes(32, 's'))), 2, "00");
  EXPECT_EQ(at_north(http::Method::post, "/patient/v1/consents", other).status, 409);
  other = opening;
  other.replace(other.rfind('1'), 1, "2");
  EXPECT_EQ(at_north(http::Method::post, "/patient/v1/consents", other).status, 409);
  EXPECT_EQ(at_north(http::Method::post, "/patient/v1/consents", "{}").status, 422);
  EXPECT_EQ(at_north(http::Method::post, "/patient/v1/consents", "{").status, 400);
  EXPECT_FALSE(*world.north.relationships->terms(grant_id(world.relationship_at_north(), 1)));
}

TEST_F(Patient, AnOpeningForOthersIsRefused) {
  Terms terms = world.terms();
  terms.organisations = {world.north.id};
  EXPECT_EQ(at_south(http::Method::post, "/patient/v1/consents", granted(terms)).status, 403);
}

TEST_F(Patient, AWithdrawalStopsTheCustodianAtOnce) {
  const std::string opening = granted(world.terms());
  EXPECT_EQ(at_north(http::Method::post, "/patient/v1/consents", opening).status, 201);
  EXPECT_EQ(at_south(http::Method::post, "/patient/v1/consents", opening).status, 201);
  EXPECT_EQ(at_north(http::Method::post, "/patient/v1/consents/1/withdraw").status, 200);
  const auto received = world.south.requester->retrieve(world.wish());
  ASSERT_TRUE(received) << received.error().message;
  EXPECT_EQ(received->refusal, Refusal::consent_revoked);
  // Depositing it again does not undo the withdrawal.
  EXPECT_EQ(at_north(http::Method::post, "/patient/v1/consents", opening).status, 201);
  EXPECT_EQ(world.south.requester->retrieve(world.wish())->refusal, Refusal::consent_revoked);
  EXPECT_EQ(at_north(http::Method::post, "/patient/v1/consents/x/withdraw").status, 422);
}

TEST_F(Patient, SeesEveryAccessAndAttemptWithProofThatNoneIsMissing) {
  ASSERT_EQ(world.south.requester->retrieve(world.wish())->refusal, Refusal::no_consent);
  const http::Response response = at_north(http::Method::get, "/patient/v1/accesses");
  ASSERT_EQ(response.status, 200) << response.body;
  const auto report = proof::verify(response.body, world.chain.trust());
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->kind, proof::ClaimKind::access_list);
  EXPECT_EQ(report->organisation, world.north.id);
  EXPECT_EQ(report->entries, 1u);
  EXPECT_EQ(report->opened, 1u);
  // The look at the list is an access too.
  EXPECT_EQ(proof::verify(at_north(http::Method::get, "/patient/v1/accesses").body, world.chain.trust())->entries, 2u);
  const http::Response notices = at_north(http::Method::get, "/patient/v1/notices");
  ASSERT_EQ(notices.status, 200);
  EXPECT_NE(notices.body.find("no_consent"), std::string::npos);
  EXPECT_EQ(std::count(notices.body.begin(), notices.body.end(), '\n'), 1);
}

// What one bundle does not hold comes in the next, from where the one before says that it ends. The looks themselves come last.
TEST_F(Patient, ALongListComesInPartsThatTogetherAreComplete) {
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(at_north(http::Method::get, "/patient/v1/relationship").status == 200);
  PatientApiParts parts = parts_of(world.north, "North", north_logins);
  parts.part_max = 3;
  PatientApi short_parts(parts);
  const auto get = [&](const std::string& query) {
    return call(short_parts, request(http::Method::get, "/patient/v1/accesses" + query, {}, world.key_north, world.at_north));
  };
  std::vector<std::uint64_t> entries;
  std::optional<proof::Report> last;
  std::string query;
  do {
    const http::Response response = get(query);
    ASSERT_EQ(response.status, 200) << response.body;
    const auto report = proof::verify(response.body, world.chain.trust());
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->opened, report->entries);
    EXPECT_EQ(report->after.has_value(), last.has_value());
    if (last) {
      EXPECT_LT(*report->after, *last->before) << "nothing lies between the parts";
      EXPECT_GE(report->head.size(), last->head.size());
    }
    entries.push_back(report->entries);
    last = *report;
    if (last->before) query = "?from=" + proof::to_text(*last->before);
  } while (last->before);
  EXPECT_EQ(entries, (std::vector<std::uint64_t>{3, 3, 3})) << "the seven, and a look for each part but the last";
  const http::Response whole = at_north(http::Method::get, "/patient/v1/accesses");
  EXPECT_FALSE(proof::verify(whole.body, world.chain.trust())->is_part());
}

TEST_F(Patient, ARangeOfTimeIsProvenAndABadOneRefused) {
  ASSERT_EQ(at_north(http::Method::get, "/patient/v1/relationship").status, 200);
  const auto first = static_cast<std::uint64_t>(world.north.audit->entries(0, 1)->front().recorded.time.value);
  const auto range = [&](std::uint64_t from, std::uint64_t to) {
    const http::Response response =
        at_north(http::Method::get, "/patient/v1/accesses?from=" + std::to_string(from) + "&to=" + std::to_string(to));
    EXPECT_EQ(response.status, 200) << response.body;
    return proof::verify(response.body, world.chain.trust()).value();
  };
  const proof::Report before = range(0, first);
  EXPECT_EQ(before.entries, 0u);
  EXPECT_EQ(before.before, (proof::AuditPlace{first, 0}));
  const proof::Report at = range(first, first + 1);
  EXPECT_GE(at.entries, 1u);
  EXPECT_FALSE(at.after);
  const proof::Report later = range(first + 3'600'000, first + 7'200'000);
  EXPECT_EQ(later.entries, 0u);
  EXPECT_TRUE(later.after && !later.before);
  for (const char* bad : {"?from=", "?from=x", "?from=1.", "?from=1.2.3", "?from=-1", "?from=18446744073709551616", "?to=1.4294967296",
                          "?since=1", "?from=2&to=1"})
    EXPECT_EQ(at_north(http::Method::get, std::string("/patient/v1/accesses") + bad).status, 422) << bad;
}

// A signer that lets no head through until it is told to.
class Gate final : public vault::CommandSigner {
 public:
  explicit Gate(vault::CommandSigner& inner) : inner_(inner) {}
  Result<Bytes> sign(ContractId contract, Bytes payload) override {
    is_open_.wait();
    return inner_.sign(contract, std::move(payload));
  }
  void open() { opened_.set_value(); }

 private:
  vault::CommandSigner& inner_;
  std::promise<void> opened_;
  std::shared_future<void> is_open_ = opened_.get_future().share();
};

TEST_F(Patient, ListsThatWaitForTheLedgerHoldNoThread) {
  world.north.audit->stop_heads();
  Gate gate(*world.north.signer);
  world.north.audit->start_heads(*world.chain.ordering, gate);
  http::Offload offload(north, workers);  // one thread
  std::vector<std::promise<http::Response>> lists(3);
  for (auto& list : lists)
    offload.handle(request(http::Method::get, "/patient/v1/accesses", {}, world.key_north, world.at_north),
                   [&list](http::Response response) { list.set_value(std::move(response)); });
  std::promise<void> ran;
  ASSERT_TRUE(workers.post([&ran] { ran.set_value(); }));
  ran.get_future().wait();  // behind all three: they hung here before
  gate.open();
  for (auto& list : lists) EXPECT_EQ(list.get_future().get().status, 200);
  world.north.audit->stop_heads();
}

TEST_F(Patient, AListIsAnsweredWhenTheHeadsStop) {
  world.north.audit->stop_heads();
  EXPECT_EQ(at_north(http::Method::get, "/patient/v1/accesses").status, 503);
}

}  // namespace
}  // namespace careledger::edge::patient
