// Answers of a real CometBFT v0.38.25 (tests/vectors/engine, recorded from a network of one that tests/engine makes), read back.
#include "ordering/abci/engine_rpc.h"

#include <gtest/gtest.h>

#include "proof/test_vectors.h"

namespace careledger::ordering::abci {
namespace {

using proof::testing::read_file;

// Gives one answer to everything.
class Fixed final : public Transport {
 public:
  explicit Fixed(Bytes body) : answer(std::move(body)) {}
  Result<Bytes> get(const std::string& target) override {
    asked = target;
    return answer;
  }
  Result<Bytes> post_form(const std::string& target, Bytes form) override {
    asked = target + " " + form;
    return answer;
  }
  Bytes answer;
  std::string asked;
};

void replace(Bytes& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  ASSERT_NE(at, Bytes::npos) << from;
  text.replace(at, from.size(), to);
}

TEST(EngineRpc, AHeaderIsReadSoThatItsHashIsTheOneThatWasSigned) {
  Fixed engine(read_file("engine/commit.json"));
  EngineRpc rpc(engine);
  const auto found = rpc.header({3});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(engine.asked, "/commit?height=3");
  Fixed set(read_file("engine/validators.json"));
  const auto validators = EngineRpc(set).validators({3});
  ASSERT_TRUE(validators) << validators.error().message;
  const auto verified = proof::verify_commit(*found, *validators);
  EXPECT_TRUE(verified) << verified.error().message;
}

TEST(EngineRpc, AHeaderThatIsNotTheOneItsCommitIsForIsRefused) {
  Fixed engine(read_file("engine/commit.json"));
  EngineRpc rpc(engine);
  EXPECT_EQ(rpc.header({4}).error().kind, ErrorKind::malformed);
  for (const auto& [from, to] : {std::pair{"\"app\":\"1\"", "\"app\":\"2\""}, std::pair{".572236384Z", ".572236385Z"},
                                 std::pair{"\"height\":\"3\"", "\"height\":\"3 \""}}) {
    engine.answer = read_file("engine/commit.json");
    replace(engine.answer, from, to);
    EXPECT_EQ(rpc.header({3}).error().kind, ErrorKind::malformed) << to;
  }
}

// A block with the recorded header, which is of an empty one.
Bytes block_with(const std::string& transactions) {
  const Bytes commit = read_file("engine/commit.json");
  const std::size_t from = commit.find("\"header\":");
  const std::size_t to = commit.find(",\"commit\":");
  return R"({"jsonrpc":"2.0","id":-1,"result":{"block_id":{},"block":{)" + commit.substr(from, to - from) + R"(,"data":{"txs":[)" +
         transactions + R"(]},"last_commit":{}}}})";
}

TEST(EngineRpc, ABlockIsReadWhenItsTransactionsAreThoseOfItsHeader) {
  Fixed engine(block_with(""));
  EngineRpc rpc(engine);
  const auto found = rpc.block({3});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(engine.asked, "/block?height=3");
  EXPECT_TRUE(found->transactions.empty());
  EXPECT_EQ(found->header.height, 3);
  EXPECT_EQ(rpc.block({4}).error().kind, ErrorKind::malformed);
  engine.answer = block_with("\"AP8=\"");
  EXPECT_EQ(parse_block(engine.answer)->transactions, std::vector{Bytes("\x00\xff", 2)});
  EXPECT_EQ(rpc.block({3}).error().kind, ErrorKind::malformed);  // nothing in its header speaks of it
  engine.answer = block_with("\"?\"");
  EXPECT_EQ(parse_block(engine.answer).error().kind, ErrorKind::malformed);
  engine.answer = R"({"jsonrpc":"2.0","id":-1,"result":{"block_id":{},"block":null}})";
  EXPECT_EQ(rpc.block({3}).error().kind, ErrorKind::not_found);
  engine.answer = read_file("engine/missing.json");
  EXPECT_EQ(rpc.block({999}).error().kind, ErrorKind::not_found);
}

TEST(EngineRpc, TheNewestBlockIsWhereTheStoreEnds) {
  Fixed engine(R"({"jsonrpc":"2.0","id":-1,"result":{"last_height":"7","block_metas":[]}})");
  EXPECT_EQ(EngineRpc(engine).newest(), Height{7});
  EXPECT_EQ(engine.asked, "/blockchain");
  engine.answer = R"({"jsonrpc":"2.0","id":-1,"result":{"last_height":"x"}})";
  EXPECT_EQ(EngineRpc(engine).newest().error().kind, ErrorKind::malformed);
}

TEST(EngineRpc, OneWithoutABlockSaysSoAndOneThatCannotTellDoesNot) {
  Fixed engine(read_file("engine/empty.json"));
  EXPECT_EQ(EngineRpc(engine).newest(), Height{0});
  engine.answer = R"({"jsonrpc":"2.0","id":-1,"error":{"code":-32603,"message":"Internal error","data":"leveldb: manifest corrupted"}})";
  ASSERT_FALSE(EngineRpc(engine).newest());
  EXPECT_NE(EngineRpc(engine).newest().error().message.find("manifest corrupted"), std::string::npos);
}

TEST(EngineRpc, TheOldestBlockIsTheOneThatItsRefusalNames) {
  Fixed engine(read_file("engine/commit.json"));
  EXPECT_EQ(EngineRpc(engine).oldest(), Height{1});
  EXPECT_EQ(engine.asked, "/commit?height=1");
  engine.answer = read_file("engine/missing.json");  // no block at all
  EXPECT_EQ(EngineRpc(engine).oldest(), Height{1});
  const auto lowest = [](const std::string& number) {
    return R"({"jsonrpc":"2.0","id":-1,"error":{"code":-32603,"message":"Internal error",)"
           R"("data":"height 1 is not available, lowest height is )" +
           number + "\"}}";
  };
  engine.answer = lowest("26");
  EXPECT_EQ(EngineRpc(engine).oldest(), Height{26});
  for (const char* wrong : {"", "x", "26 or so", "-1", "0", "99999999999999999999"}) {
    engine.answer = lowest(wrong);
    EXPECT_EQ(EngineRpc(engine).oldest().error().kind, ErrorKind::malformed) << wrong;
  }
}

TEST(EngineRpc, WhatIsNotThereIsNotFoundWithTheEnginesWords) {
  Fixed engine(read_file("engine/missing.json"));
  const auto missing = EngineRpc(engine).header({999});
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_NE(missing.error().message.find("height 999"), std::string::npos);
}

TEST(EngineRpc, AnAdmissionIsTakenKnownOrFull) {
  Fixed engine(read_file("engine/taken.json"));
  EngineRpc rpc(engine);
  EXPECT_EQ(rpc.submit(Bytes("\x00\xff", 2)), Admission::taken);
  EXPECT_EQ(engine.asked, "/broadcast_tx_async tx=0x00ff");
  const auto error = [](const std::string& data) {
    return R"({"jsonrpc":"2.0","id":-1,"error":{"code":-32603,"message":"Internal error","data":")" + data + "\"}}";
  };
  engine.answer = error("tx already exists in cache");
  EXPECT_EQ(*rpc.submit("x"), Admission::known);
  engine.answer = error("mempool is full: number of txs 20000 (max: 20000), total txs bytes 5 (max: 6)");
  EXPECT_EQ(*rpc.submit("x"), Admission::full);
  engine.answer = error("mempool is still rechecking after a new committed block, so it is considered as full");
  EXPECT_EQ(*rpc.submit("x"), Admission::full);
  engine.answer = error("something else");
  EXPECT_EQ(rpc.submit("x").error().kind, ErrorKind::unavailable);
  engine.answer = "<html>";
  EXPECT_EQ(rpc.submit("x").error().kind, ErrorKind::malformed);
}

TEST(EngineRpc, TheStatusSaysHeightAndVersion) {
  const auto status = parse_status(read_file("engine/status.json"));
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->height, Height{3});
  EXPECT_EQ(status->version, "0.38.25");
  EXPECT_FALSE(status->catching_up);
}

TEST(EngineRpc, PeersSayHowHighTheyAre) {
  const auto peer = [](const std::string& height) {
    return R"({"node_address":")" + std::string(40, 'a') + R"(@127.0.1.12:40000","peer_state":{"round_state":{"height":")" + height +
           R"(","round":0,"step":1},"stats":{"votes":"0","block_parts":"0"}}})";
  };
  const auto dump = [](const std::string& peers) {
    return R"({"jsonrpc":"2.0","id":-1,"result":{"round_state":{"height":"4"},"peers":[)" + peers + "]}}";
  };
  Fixed engine(dump(peer("0") + "," + peer("71") + "," + peer("1")));
  EngineRpc rpc(engine);
  const auto heights = rpc.peer_heights();
  ASSERT_TRUE(heights) << heights.error().message;
  EXPECT_EQ(engine.asked, "/dump_consensus_state");
  EXPECT_EQ(*heights, (std::vector<Height>{{0}, {70}, {0}}));
  engine.answer = dump("");
  EXPECT_TRUE(rpc.peer_heights()->empty());
  const auto one = parse_peer_heights(dump(R"({"node_address":"a@b","peer_state":null})"));  // it has come just now
  ASSERT_TRUE(one);
  EXPECT_TRUE(one->empty());
  for (const std::string& wrong : {dump(peer("-1")), dump(peer("x")), dump("{}"), dump(R"({"peer_state":7})")}) {
    engine.answer = wrong;
    EXPECT_EQ(rpc.peer_heights().error().kind, ErrorKind::malformed) << wrong;
  }
}

TEST(EngineRpc, ConnectedAreThoseWhoseIdsItNames) {
  Fixed engine(R"({"jsonrpc":"2.0","id":-1,"result":{"listening":true,"n_peers":"1","peers":[{"node_info":{"id":")" + std::string(40, 'a') +
               R"("},"is_outbound":true}]}})");
  EngineRpc rpc(engine);
  const auto connected = rpc.connected();
  ASSERT_TRUE(connected) << connected.error().message;
  EXPECT_EQ(engine.asked, "/net_info");
  EXPECT_EQ(*connected, std::vector<std::string>{std::string(40, 'a')});
  replace(engine.answer, "aa", "a?");
  EXPECT_EQ(rpc.connected().error().kind, ErrorKind::malformed);
}

}  // namespace
}  // namespace careledger::ordering::abci
