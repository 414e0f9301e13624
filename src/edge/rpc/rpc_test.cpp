#include "edge/rpc/rpc.h"

#include <gtest/gtest.h>

#include <future>

#include "contracts/all.h"
#include "contracts/registry/registry.h"
#include "edge/http/test_support.h"
#include "edge/rpc/methods.h"
#include "kernel/sign.h"
#include "kernel/tables.h"
#include "ordering/chain_json.h"
#include "ordering/headers_kept.h"
#include "ordering/local/chain_maker.h"
#include "ordering/local/local.h"
#include "proof/comet.pb.h"
#include "proof/simple_map.h"
#include "replica/ledger_store.h"

namespace careledger::edge::rpc {
namespace {

using codec::json::Document;
using codec::json::Value;
using http::testing::RawSocket;
using ordering::Answer;

class Envelopes final : public ordering::BatchSigner {
 public:
  explicit Envelopes(crypto::SigningKey key) : key_(std::move(key)) {}
  std::uint32_t key_number() const override { return 2; }
  crypto::Signature sign(ByteView message) const override { return key_.sign(message); }

 private:
  crypto::SigningKey key_;
};

ordering::chain_json::Rules embedded_rules(Height) { return {{ordering::local::kBlockBytesMax, -1}, {}}; }

// An embedded ledger with a few organisations admitted, and its RPC on loopback.
class RpcTest : public ::testing::Test {
 protected:
  void SetUp() override {
    founding_.set_format(1);
    founding_.set_name("test");
    founding_.set_created_ms(clock_.now().value);
    *founding_.mutable_founder() = kernel::single_key(founder_key_.public_key());
    kernel::add_key(*founding_.mutable_founder(), kernel::KeyRole::batch, batch_key_.public_key());
    founding_.set_founder_nonce(Bytes(32, 'n'));
    founding_.set_epoch_ms(1);
    founding_.set_protocol(1);
    founder_ = kernel::account_id(founding_.founder(), founding_.founder_nonce());
    replica::Config config;
    config.founding = kernel::encode(founding_);
    auto replica = replica::Replica::open(config, store_, contracts::all());
    ASSERT_TRUE(replica) << replica.error().message;
    replica_ = std::move(*replica);
    auto started = ordering::local::start(*replica_, validator_.clone(), clock_, ordering::local::Config{.epoch_ms = 1});
    ASSERT_TRUE(started) << started.error().message;
    ordering_ = std::move(*started);
    ordering_->host(founder_, std::make_shared<Envelopes>(batch_key_.clone()));
    for (std::uint64_t i = 1; i <= 3; ++i) admit(i);
    rpc_ = std::make_unique<Rpc>(Node{ordering_.get(), replica_.get(), embedded_rules, "test", "0.1.0"});
    auto server = http::Server::start(threads_, {}, *rpc_);
    ASSERT_TRUE(server);
    server_ = std::move(*server);
  }
  void TearDown() override {
    server_.reset();
    ordering_->stop();
  }

  void admit(std::uint64_t sequence) {
    contracts::registry::Payload payload;
    auto& admit = *payload.mutable_admit();
    *admit.mutable_authority() = kernel::single_key(crypto::SigningKey::generate(entropy_).public_key());
    admit.set_nonce(entropy_.take(32));
    admit.set_name("organisation " + std::to_string(sequence));
    admit.set_kind(1);
    admit.set_sealing_key(entropy_.take(32));
    const kernel::CommandOrder order{replica_->ledger(), founder_, sequence, {clock_.now().value + 60'000}, {1}};
    const auto command = kernel::encode(kernel::sign_command(order, kernel::encode(payload), {1, &founder_key_}));
    std::promise<Answer> answered;
    ordering_->submit(founder_, command, ordering::Lane::urgent, [&](const Answer& answer) { answered.set_value(answer); });
    const auto answer = answered.get_future().get();
    ASSERT_EQ(answer.outcome, ordering::Outcome::final);
    std::promise<void> provable;
    ordering_->when_provable(answer.receipt->height, [&] { provable.set_value(); });
    provable.get_future().get();
  }

  Document parse(const std::string& text) {
    auto parsed = codec::json::parse(text);
    EXPECT_TRUE(parsed) << text;
    return parsed ? std::move(*parsed) : Document();
  }
  Document get(const std::string& target, int status = 200) {
    RawSocket socket(server_->port());
    socket.send("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto [head, body] = socket.answer();
    EXPECT_EQ(http::testing::status_of(head), status) << body;
    return parse(body);
  }
  Document post(const std::string& body) {
    RawSocket socket(server_->port());
    socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return parse(socket.answer().second);
  }
  static const Value& at(const Value& root, std::initializer_list<std::string_view> path) {
    static const Value nothing;
    const Value* value = &root;
    for (const auto key : path) {
      value = value->find(key);
      if (value == nullptr) return nothing;
    }
    return *value;
  }

  ManualClock clock_;
  SeededEntropy entropy_{1};
  crypto::SigningKey founder_key_ = crypto::SigningKey::generate(entropy_);
  crypto::SigningKey batch_key_ = crypto::SigningKey::generate(entropy_);
  crypto::SigningKey validator_ = crypto::SigningKey::generate(entropy_);
  kernel::Founding founding_;
  AccountId founder_;
  std::shared_ptr<storage::Store> store_ = replica::memory_ledger_store();
  std::unique_ptr<replica::Replica> replica_;
  std::unique_ptr<ordering::Ordering> ordering_;
  http::testing::TestClock server_clock_;
  http::IoThreads threads_{1, server_clock_};
  std::unique_ptr<Rpc> rpc_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(RpcTest, ShowsTheCommitOfAHeight) {
  const auto answer = get("/commit?height=2");
  const auto header = *ordering_->header({2});
  const auto& shown = at(answer.root(), {"result", "signed_header"});
  EXPECT_EQ(at(answer.root(), {"id"}).text(), "-1");
  EXPECT_EQ(at(shown, {"header", "height"}).text(), "2");
  EXPECT_EQ(at(shown, {"header", "chain_id"}).text(), header.header.chain_id);
  EXPECT_EQ(at(shown, {"header", "app_hash"}).text(), ordering::chain_json::upper_hex(header.header.app_hash));
  EXPECT_EQ(at(shown, {"header", "version", "block"}).text(), "11");
  EXPECT_EQ(at(shown, {"commit", "block_id", "hash"}).text(), ordering::chain_json::upper_hex(header.commit.block_id.hash));
  EXPECT_TRUE(at(shown, {"commit", "block_id", "parts", "total"}).is_number());
  const auto signatures = at(shown, {"commit", "signatures"}).items();
  ASSERT_EQ(signatures.size(), 1u);
  EXPECT_EQ(signatures[0].find("block_id_flag")->text(), "2");
  EXPECT_EQ(from_base64(signatures[0].string_at("signature")), header.commit.signatures[0].signature);
  EXPECT_TRUE(at(answer.root(), {"result", "canonical"}).boolean());
}

TEST_F(RpcTest, PagesTheValidators) {
  const auto answer = post(R"({"jsonrpc":"2.0","id":7,"method":"validators","params":{"height":"2","page":"1","per_page":"100"}})");
  EXPECT_EQ(at(answer.root(), {"id"}).text(), "7");
  EXPECT_EQ(at(answer.root(), {"result", "total"}).text(), "1");
  const auto validators = at(answer.root(), {"result", "validators"}).items();
  ASSERT_EQ(validators.size(), 1u);
  EXPECT_EQ(validators[0].find("pub_key")->string_at("type"), "tendermint/PubKeyEd25519");
  EXPECT_EQ(from_base64(validators[0].find("pub_key")->string_at("value")), validator_.public_key().bytes());
  const auto beyond = post(R"({"jsonrpc":"2.0","id":7,"method":"validators","params":{"page":"2"}})");
  EXPECT_EQ(at(beyond.root(), {"error", "data"}).text(), "page should be within [1, 1] range, given 2");
}

TEST_F(RpcTest, SaysTooHighInCometsWords) {
  const auto answer = post(R"({"jsonrpc":"2.0","id":1,"method":"commit","params":{"height":"999"}})");
  EXPECT_EQ(at(answer.root(), {"error", "code"}).text(), "-32603");
  EXPECT_EQ(at(answer.root(), {"error", "data"}).text(),
            "height 999 must be less than or equal to the current blockchain height " + std::to_string(ordering_->height().value));
  get("/commit?height=999", 500);
  get("/commit?height=x", 500);
  get("/commit?height=0", 500);
}

TEST_F(RpcTest, RulesThatCannotBeReadAreAnErrorAndNotTheFoundedOnes) {
  const auto unreadable = [](Height) -> Result<ordering::chain_json::Rules> { return fail(ErrorKind::storage, "the disk cannot be read"); };
  const Node node{ordering_.get(), replica_.get(), unreadable, "test", "0.1.0"};
  for (const std::string_view method : {"consensus_params", "genesis"}) {
    Document document;
    const auto answer = call(node, method, Arguments(), document);
    ASSERT_FALSE(answer) << method;
    EXPECT_EQ(answer.error().kind, ErrorKind::storage) << method;
  }
}

TEST_F(RpcTest, TellsWhereItStands) {
  const auto status = get("/status");
  EXPECT_EQ(at(status.root(), {"result", "sync_info", "latest_block_height"}).text(), std::to_string(ordering_->height().value));
  EXPECT_EQ(at(status.root(), {"result", "node_info", "network"}).text(), ordering_->header({1})->header.chain_id);
  EXPECT_EQ(at(get("/abci_info").root(), {"result", "response", "data"}).text(), "careledger");
  EXPECT_TRUE(at(get("/health").root(), {"result"}).is_object());
  EXPECT_EQ(at(get("/genesis").root(), {"result", "genesis", "initial_height"}).text(), "1");
  EXPECT_EQ(at(get("/net_info").root(), {"result", "n_peers"}).text(), "0");
}

TEST_F(RpcTest, ItsEarliestBlockIsTheFirstWithASignedHeader) {
  const auto earliest = [this] { return std::string(at(get("/status").root(), {"result", "sync_info", "earliest_block_height"}).text()); };
  EXPECT_EQ(earliest(), "1");
  const replica::SideRow row = ordering::headers_from({3});
  storage::Batch batch;
  batch.put(replica::columns::kMeta, replica::side_key(row.key), row.value);
  ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
  admit(4);  // seen from the next block on
  EXPECT_EQ(earliest(), "3");
}

// Drops what it is asked for first, again and again, as a commit between two questions does.
class Dropping final : public ordering::Ordering {
 public:
  Dropping(ordering::Ordering& rest, int times, std::function<void(Height)> drop) : rest_(rest), times_(times), drop_(std::move(drop)) {}
  void submit(OrganisationId, Bytes, ordering::Lane, UniqueFunction<void(const Answer&)>) override {}
  void host(OrganisationId, std::shared_ptr<const ordering::BatchSigner>) override {}
  Result<proof::SignedHeader> header(Height height) const override {
    if (height == rest_.height() || times_-- <= 0) return rest_.header(height);
    drop_(height);
    return fail(ErrorKind::not_found, "it was dropped just now");
  }
  Result<proof::ValidatorSet> validators(Height height) const override { return rest_.validators(height); }
  Height height() const override { return rest_.height(); }
  void when_provable(Height, UniqueFunction<void()>) override {}
  bool has_quorum() const override { return true; }
  void stop() override {}

 private:
  ordering::Ordering& rest_;
  mutable int times_;
  const std::function<void(Height)> drop_;
};

TEST_F(RpcTest, AnEarliestBlockThatIsDroppedMeanwhileIsAskedForAnew) {
  std::uint64_t admitted = 3;
  const auto drop = [&](Height height) {
    const replica::SideRow row = ordering::headers_from(next(height));
    storage::Batch batch;
    batch.put(replica::columns::kMeta, replica::side_key(row.key), row.value);
    ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
    admit(++admitted);
  };
  const auto status_after = [&](int times) {
    const Dropping ordering(*ordering_, times, drop);
    const Node node{&ordering, replica_.get(), embedded_rules, "test", "0.1.0"};
    Document document;
    const auto said = call(node, "status", {}, document);
    return said ? std::string(at(*said, {"sync_info", "earliest_block_height"}).text()) : said.error().message;
  };
  EXPECT_EQ(status_after(0), "1");
  EXPECT_EQ(status_after(2), "3");
  EXPECT_NE(status_after(3).find("is not available"), std::string::npos);
}

// What it says are the consensus parameters hashes to what the headers say.
TEST_F(RpcTest, TheConsensusParametersAreTheChains) {
  const auto params = get("/consensus_params?height=2");
  const auto& block = at(params.root(), {"result", "consensus_params", "block"});
  const proof::BlockLimits limits{std::stoll(std::string(block.string_at("max_bytes"))),
                                  std::stoll(std::string(block.string_at("max_gas")))};
  EXPECT_EQ(proof::params_hash(limits), ordering_->header({2})->header.consensus_hash);
}

TEST_F(RpcTest, AnswersAQueryWithItsProof) {
  const auto key = kernel::kAccounts.key(founder_);
  const auto answer = get("/abci_query?path=\"/store/state/key\"&data=0x" + to_hex(key.view()) + "&prove=true");
  const auto& response = at(answer.root(), {"result", "response"});
  EXPECT_EQ(response.find("code")->text(), "0") << codec::json::compact(response);
  EXPECT_EQ(from_base64(response.string_at("key")), Bytes(key.view()));
  EXPECT_EQ(kernel::RowValue(from_base64(response.string_at("value")).value()), replica_->view().rows().read(key));
  const auto ops = at(response, {"proofOps", "ops"}).items();
  ASSERT_EQ(ops.size(), 2u);
  EXPECT_EQ(ops[0].string_at("type"), "simple:v");
  EXPECT_EQ(from_base64(ops[1].string_at("key")), "state");
  const auto height = std::stoull(std::string(response.string_at("height")));
  EXPECT_LT(height, ordering_->height().value);  // so that the header with its app hash is there
}

TEST_F(RpcTest, AbsenceGoesByIcs23) {
  auto key = Bytes(kernel::kAccounts.key(founder_).view());
  key.back() = static_cast<char>(key.back() ^ 1);
  const auto answer = get("/abci_query?path=\"/store/state/key\"&data=0x" + to_hex(key) + "&prove=true");
  const auto& response = at(answer.root(), {"result", "response"});
  EXPECT_EQ(response.find("code")->text(), "0");
  EXPECT_TRUE(response.find("value")->is_null());
  const auto ops = at(response, {"proofOps", "ops"}).items();
  ASSERT_EQ(ops.size(), 2u);
  EXPECT_EQ(ops[0].string_at("type"), "ics23:simple");
}

TEST_F(RpcTest, RefusesQueriesItDoesNotKnow) {
  const auto code = [this](const std::string& query) { return std::string(at(get(query).root(), {"result", "response", "code"}).text()); };
  EXPECT_EQ(code("/abci_query?path=\"/p2p/filter\"&data=0x01"), "1");
  EXPECT_EQ(code("/abci_query?path=\"/store/state/key\"&data=0x01&height=9999"), "2");
  EXPECT_EQ(code("/abci_query?path=\"/root\"&data=0x01"), "3");
  EXPECT_EQ(code("/abci_query?path=\"/root\"&data=\"log\""), "0");
  get("/abci_query?path=\"/root\"&data=0xzz", 500);
  get("/abci_query?path=\"/root\"", 500);
}

TEST_F(RpcTest, SpeaksJsonRpc) {
  EXPECT_EQ(at(post("{").root(), {"error", "code"}).text(), "-32700");
  EXPECT_EQ(at(post(R"({"jsonrpc":"2.0","id":"a","method":"broadcast_tx_sync"})").root(), {"error", "code"}).text(), "-32601");
  EXPECT_EQ(at(post(R"({"jsonrpc":"2.0","id":"a","method":"commit","params":[1,2]})").root(), {"error", "code"}).text(), "-32602");
  EXPECT_EQ(at(post(R"({"jsonrpc":"2.0","id":"a","method":"header","params":["1"]})").root(), {"result", "header", "height"}).text(), "1");
  const auto several = post(R"([{"id":1,"method":"health"},{"method":"health"},{"id":"x","method":"health"}])");
  ASSERT_EQ(several.root().items().size(), 2u);
  EXPECT_EQ(several.root().items()[1].string_at("id"), "x");
  get("/unknown", 404);
  get("/broadcast_tx_sync?tx=0x00", 404);
}

std::string masked(unsigned opcode, std::string payload) {
  std::string out{static_cast<char>(0x80 | opcode), static_cast<char>(0x80 | payload.size()), 1, 2, 3, 4};
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ static_cast<char>(i % 4 + 1));
  return out;
}

TEST_F(RpcTest, KeepsAWebSocket) {
  RawSocket socket(server_->port());
  const std::string ask =
      "GET /websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";  // the example of RFC 6455
  socket.send(ask);
  const auto head = socket.until("\r\n\r\n");
  EXPECT_EQ(http::testing::status_of(head), 101);
  EXPECT_NE(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos) << head;
  EXPECT_NE(head.find("Connection: Upgrade"), std::string::npos);
  socket.send(masked(9, "hello"));
  EXPECT_EQ(socket.exactly(7), std::string("\x8a\x05hello"));
  for (const char c : masked(1, R"({"id":1,"method":"health"})")) socket.send({&c, 1});
  const std::string answer = R"({"jsonrpc":"2.0","id":1,"result":{}})";
  EXPECT_EQ(socket.exactly(2 + answer.size()).substr(2), answer);
  socket.send(masked(8, ""));
  EXPECT_EQ(socket.to_end(), std::string("\x88\x02\x03\xe8"));
  RawSocket breach(server_->port());
  breach.send(ask + "\x81\x02hi");  // not masked
  breach.until("\r\n\r\n");
  EXPECT_EQ(breach.to_end(), std::string("\x88\x02\x03\xea"));
  get("/websocket", 426);
}

}  // namespace
}  // namespace careledger::edge::rpc
