// From a header that people vouch for to a snapshot's height, over the RPC of nodes that may lie.
#include "apps/network/trusted_headers.h"

#include <gtest/gtest.h>

#include <future>

#include "edge/http/server.h"
#include "edge/rpc/rpc.h"
#include "ordering/local/chain_maker.h"
#include "ordering/local/local.h"
#include "ordering/test_founder.h"

namespace careledger::apps::network {
namespace {

using ordering::testing::Founder;

constexpr std::uint64_t kBlocks = 9;

// A ledger of one validator, and its RPC on loopback.
class Chain {
 public:
  Chain(Founder& founder, std::uint64_t validator) : replica_(founder.open(replica::memory_ledger_store())) {
    SeededEntropy entropy(validator);
    auto started = ordering::local::start(*replica_, crypto::SigningKey::generate(entropy), system_clock(), {.epoch_ms = 1});
    ordering_ = std::move(started.value());
    ordering_->host(founder.id(), founder.signer());
    for (std::uint64_t i = 1; ordering_->height().value < kBlocks; ++i) {
      std::promise<ordering::Answer> answered;
      ordering_->submit(founder.id(), founder.admit(i, "Organisation " + std::to_string(i), system_clock().now()), ordering::Lane::urgent,
                        [&answered](const ordering::Answer& answer) { answered.set_value(answer); });
      const Height height = answered.get_future().get().receipt->height;
      std::promise<void> provable;
      ordering_->when_provable(height, [&provable] { provable.set_value(); });
      provable.get_future().wait();
    }
    const auto rules = [](Height) { return ordering::chain_json::Rules{{ordering::local::kBlockBytesMax, -1}, {}}; };
    rpc_ = std::make_unique<edge::rpc::Rpc>(edge::rpc::Node{ordering_.get(), replica_.get(), rules, "test", "0.1.0"});
    server_ = std::move(edge::http::Server::start(threads_, {}, *rpc_).value());
  }
  ~Chain() {
    server_.reset();
    ordering_->stop();
  }
  HeaderServer server() const { return header_server(server_->origin(), "").value(); }
  proof::Header header(std::uint64_t height) const { return ordering_->header({height}).value().header; }
  Digest hash(std::uint64_t height) const { return *Digest::from(proof::hash_of(header(height))); }
  LedgerId ledger() const { return replica_->ledger(); }

 private:
  std::unique_ptr<replica::Replica> replica_;
  std::unique_ptr<ordering::Ordering> ordering_;
  std::unique_ptr<edge::rpc::Rpc> rpc_;
  edge::http::IoThreads threads_{1, system_clock()};
  std::unique_ptr<edge::http::Server> server_;
};

// Shows the heights from `from` to `to` as another chain has them.
class Mixed final : public ordering::abci::Transport {
 public:
  Mixed(HeaderServer honest, HeaderServer other, std::uint64_t from, std::uint64_t to)
      : honest_(std::move(honest)), other_(std::move(other)), from_(from), to_(to) {}
  Result<Bytes> get(const std::string& target) override {
    const std::uint64_t height = std::stoull(target.substr(target.find('=') + 1));
    return (height >= from_ && height <= to_ ? other_ : honest_).rpc->get(target);
  }
  Result<Bytes> post_form(const std::string&, Bytes) override { return fail(ErrorKind::unsupported, "for reading"); }

 private:
  HeaderServer honest_, other_;
  const std::uint64_t from_, to_;
};

class TrustedHeadersTest : public ::testing::Test {
 protected:
  TrustedHeaders from(std::uint64_t height, const Digest& hash, const Chain& other) const {
    std::vector<HeaderServer> servers;
    servers.push_back(chain.server());
    servers.push_back(other.server());
    return {chain.ledger(), {height}, hash, std::move(servers), system_clock()};
  }
  std::string refusal(const TrustedHeaders& headers, std::uint64_t height) const {
    const auto point = headers.at({height});
    return point ? "" : point.error().message;
  }

  Founder founder{system_clock().now()};
  Chain chain{founder, 1};
};

TEST_F(TrustedHeadersTest, LeadForwardsAndBackwardsToTheSamePoint) {
  for (const std::uint64_t trusted : {1, 4, 5, 9}) {
    const auto point = from(trusted, chain.hash(trusted), chain).at({4});
    ASSERT_TRUE(point) << trusted << ": " << point.error().message;
    EXPECT_EQ(point->height.value, 4u);
    EXPECT_EQ(point->time, proof::block_time(chain.header(4).time));
    EXPECT_EQ(point->app_hash.view(), chain.header(5).app_hash);
    EXPECT_EQ(point->ledger, chain.ledger());
  }
}

TEST_F(TrustedHeadersTest, AnotherHeaderThanTheOneVouchedForLeadsNowhere) {
  EXPECT_NE(refusal(from(3, chain.hash(4), chain), 5).find("another header 3 than --trust names"), std::string::npos);
  EXPECT_NE(refusal(from(3, chain.hash(3), chain), 1000).find("1000"), std::string::npos);  // there is none yet
  std::vector<HeaderServer> servers;
  for (int i = 0; i < 2; ++i) servers.push_back(chain.server());
  const TrustedHeaders elsewhere(LedgerId{}, {3}, chain.hash(3), std::move(servers), system_clock());
  EXPECT_NE(refusal(elsewhere, 5).find("of another ledger"), std::string::npos);
}

TEST_F(TrustedHeadersTest, AHeaderFromTheFutureOrOfAnotherChainIsRefusedBeforeAnybodyIsAskedForASnapshot) {
  EXPECT_TRUE(from(3, chain.hash(3), chain).check());
  const auto future = from(1000, chain.hash(3), chain).check();
  ASSERT_FALSE(future);
  EXPECT_EQ(future.error().kind, ErrorKind::not_found);
  EXPECT_EQ(
      future.error().message.find("--trust names block 1000, which is not there: take the height and hash of a block that the members"), 0u)
      << future.error().message;
  EXPECT_EQ(from(3, chain.hash(4), chain).check().error().kind, ErrorKind::invalid);
  const Chain fork{founder, 2};
  EXPECT_EQ(from(3, chain.hash(3), fork).check().error().kind, ErrorKind::conflict);
}

TEST_F(TrustedHeadersTest, AForkIsSeenByTheOtherServer) {
  const Chain fork{founder, 2};
  const auto point = from(3, chain.hash(3), fork).at({5});
  ASSERT_FALSE(point);
  EXPECT_EQ(point.error().kind, ErrorKind::conflict);
  EXPECT_NE(point.error().message.find("different blocks of height 6"), std::string::npos) << point.error().message;
}

TEST_F(TrustedHeadersTest, AServerThatLeavesTheChainIsNotFollowed) {
  const Chain fork{founder, 2};
  const auto refusal_of = [&](std::uint64_t trusted, std::uint64_t from, std::uint64_t to, std::uint64_t height) {
    std::vector<HeaderServer> servers;
    for (int i = 0; i < 2; ++i) servers.push_back({"mixed", std::make_unique<Mixed>(chain.server(), fork.server(), from, to)});
    const TrustedHeaders headers(chain.ledger(), {trusted}, chain.hash(trusted), std::move(servers), system_clock());
    return refusal(headers, height);
  };
  EXPECT_EQ(refusal_of(3, 100, 100, 6), "");                                                        // honest
  EXPECT_NE(refusal_of(3, 6, 9, 6).find("header: "), std::string::npos);                            // forwards: signed by others
  EXPECT_NE(refusal_of(3, 7, 7, 6).find("header: "), std::string::npos);                            // in the header with the app hash alone
  EXPECT_NE(refusal_of(8, 1, 4, 4).find("another block 4 than the one after"), std::string::npos);  // backwards
  EXPECT_NE(refusal_of(8, 6, 6, 4).find("another block 6 than the one after"), std::string::npos);  // on the way
}

}  // namespace
}  // namespace careledger::apps::network
