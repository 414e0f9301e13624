// A member's start whose ledger is behind its engine's blocks: the engine is this test, behind a program that only says what it shall do.
#include "apps/network/member.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "base/files.h"
#include "base/test_folder.h"
#include "contracts/all.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "kernel/test_members.h"
#include "ordering/abci/fake_engine.h"
#include "ordering/abci/signer.h"
#include "replica/ledger_store.h"
#include "storage/test_faulty_store.h"

namespace careledger::apps::network {
namespace {

namespace abci = ordering::abci;
using storage::testing::Fault;
using vault::Purpose;

constexpr std::uint64_t kKeptBlocks = 5;  // by the engine; the ledger has none

class MemberStart : public ::testing::Test {
 protected:
  void SetUp() override {
    kernel::FoundingMember own = kernel::test_member(1);
    own.set_validator_key(keystore_->signing(Purpose::validator)->public_key().bytes());
    founding_ = kernel::test_founding({std::move(own), kernel::test_member(2), kernel::test_member(3), kernel::test_member(4)}, kFounded);
    replica::Config config;
    config.founding = kernel::encode(founding_);
    auto opened = replica::Replica::open(config, store_, contracts::all());
    ASSERT_TRUE(opened) << opened.error().message;
    replica_ = std::move(*opened);
    ASSERT_TRUE(system_files().make_folder(layout_.engine() + "/data"));
    ASSERT_TRUE(system_files().replace(layout_.engine() + "/data/blockstore.db", "blocks"));
    ASSERT_TRUE(abci::Signer::create(system_files(), layout_.signed_steps(), kernel::chain_id(replica_->ledger())));
    ASSERT_EQ(::mkfifo(verbs_.c_str(), 0600), 0);
    verb_ = ::open(verbs_.c_str(), O_RDWR | O_CLOEXEC);
    std::ofstream(program_) << "#!/bin/sh\necho $1 > " << verbs_ << "\nexec sleep 1000\n";
    ::chmod(program_.c_str(), 0700);
    engine_ = std::thread([this] { play(); });
  }
  void TearDown() override {
    std::ofstream(verbs_) << "end\n";
    if (engine_.joinable()) engine_.join();
    ::close(verb_);
  }

  // What the program was started for next.
  std::string next_verb() const {
    std::string word;
    for (char one = 0; ::read(verb_, &one, 1) == 1 && one != '\n';) word += one;
    return word;
  }
  void play() {
    for (std::string verb = next_verb(); verb != "end"; verb = next_verb()) {
      if (verb == "inspect") tell_of_blocks();
      if (verb == "start") replay();
    }
  }
  // To whatever is asked on one connection.
  void tell_of_blocks() const {
    const std::string body =
        R"({"jsonrpc":"2.0","id":-1,"result":{"last_height":")" + std::to_string(kKeptBlocks) + R"(","block_metas":[]}})";
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    const Descriptor listener(abci::bind_to(abci::EnginePaths(layout_.engine()).rpc, 8));
    pollfd asked{listener.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&asked, 1, 10'000), 1);
    const Descriptor line(::accept(listener.get(), nullptr, nullptr));
    char buffer[4096];
    while (abci::receive_some(line.get(), buffer, sizeof(buffer)) > 0) abci::send_all(line.get(), answer);
  }
  void replay() {
    abci::testing::FakeEngine engine;
    engine.connect(abci::EnginePaths(layout_.engine()).application);
    engine.info();
    engine.init_chain(replica_->ledger());
    for (std::uint64_t height = 1; height <= kKeptBlocks; ++height) {
      if (height == fails_at_) store_->fail_next_write(Fault::before_write);
      engine.finalize({}, static_cast<std::int64_t>(height), {kFounded + static_cast<std::int64_t>(height) * 1000});
      if (height == fails_at_) return fail_commit(engine);
      engine.commit();
    }
  }
  // Until the other side closes: it answers with an exception, or with nothing.
  static void fail_commit(abci::testing::FakeEngine& engine) {
    abci::testing::wire::Request commit;
    commit.mutable_commit();
    EXPECT_TRUE(engine.consensus().send(commit));
    while (engine.consensus().receive()) {
    }
  }
  Result<std::unique_ptr<Member>> start() {
    EngineChoice choice;
    choice.program = program_;
    return Member::start({layout_, network_, kernel::test_member_id(1), founding_, *replica_, *keystore_, clock_, choice});
  }

  static constexpr std::int64_t kFounded = 1'800'000'000'000;
  TestFolder folder_;
  const Layout layout_{folder_.path() + "/node"};
  const std::string program_ = folder_.path() + "/engine", verbs_ = folder_.path() + "/verbs";
  const NetworkConfig network_{"127.0.0.1:1", {}};
  ManualClock clock_;
  SeededEntropy entropy_{1};
  std::unique_ptr<vault::Keystore> keystore_ = vault::Keystore::in_memory(clock_, entropy_);
  kernel::Founding founding_;
  std::shared_ptr<storage::testing::FaultyStore> store_ = std::make_shared<storage::testing::FaultyStore>(replica::memory_ledger_store());
  std::unique_ptr<replica::Replica> replica_;
  std::uint64_t fails_at_ = 0;  // the block that the disk does not take
  int verb_ = -1;
  std::thread engine_;
};

TEST_F(MemberStart, EndsWhenTheLedgerHasExecutedWhatTheEngineKeeps) {
  const auto member = start();
  ASSERT_TRUE(member) << member.error().message;
  EXPECT_EQ(replica_->view().height(), Height{kKeptBlocks});
  EXPECT_FALSE((*member)->failed());
}

TEST_F(MemberStart, IsNoneWhenTheDiskFailsMeanwhile) {
  fails_at_ = 3;
  const auto member = start();
  ASSERT_FALSE(member) << "its engine is ended, and nothing would be ordered here";
  EXPECT_EQ(member.error().kind, ErrorKind::storage);
  EXPECT_EQ(replica_->view().height(), Height{2});
}

}  // namespace
}  // namespace careledger::apps::network
