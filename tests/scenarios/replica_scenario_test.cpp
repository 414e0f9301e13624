// Plays every scenario file on a replica: in memory with a restart after every block, and on disk with some. Both must end in one app hash.
#include <gtest/gtest.h>
#include <unistd.h>

#include "files.h"
#include "replica/test_world.h"
#include "replica_ledger.h"
#include "scenario.h"
#include "test_contracts.h"

namespace careledger::scenarios {
namespace {

class Folder {  // a new one, gone with its owner
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "careledger-scenario-XXXXXX").string();
    CARELEDGER_ASSERT(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::shared_ptr<storage::Store> open() const {
    replica::LedgerStoreOptions options;
    options.folder = (path_ / "ledger").string();
    auto store = replica::open_ledger_store(options);
    CARELEDGER_ASSERT(store.has_value());
    return std::move(*store);
  }

 private:
  std::filesystem::path path_;
};

class OnReplica : public testing::TestWithParam<std::filesystem::path> {
 protected:
  // Plays the file, expects no failure, and gives the app hash at the end.
  Digest play_on(const ReplicaLedger::StoreOpener& open, std::uint64_t restart) {
    Digest app_hash;
    const auto maker = [&](const scenarios::Setup& setup) {
      auto watched = std::make_unique<Watched>(setup, open, restart, app_hash);
      return std::unique_ptr<LedgerUnderTest>(std::move(watched));
    };
    const auto played = play(GetParam().filename(), contents(GetParam()), maker);
    for (const auto& failure : played.failures) ADD_FAILURE() << failure;
    EXPECT_GT(played.commands, 0u);
    return app_hash;
  }

 private:
  class Watched final : public LedgerUnderTest {  // notes the app hash after each block
   public:
    Watched(const scenarios::Setup& setup, const ReplicaLedger::StoreOpener& open, std::uint64_t restart, Digest& app_hash)
        : ledger_(setup, open, restart), app_hash_(app_hash) {}
    LedgerId ledger() const override { return ledger_.ledger(); }
    BlockTime next_time() const override { return ledger_.next_time(); }
    void pass_ms(std::int64_t ms) override { ledger_.pass_ms(ms); }
    std::vector<kernel::Code> block(std::span<const ledger::SignedCommand> commands) override {
      auto codes = ledger_.block(commands);
      app_hash_ = ledger_.app_hash();
      return codes;
    }

   private:
    ReplicaLedger ledger_;
    Digest& app_hash_;
  };
};

TEST_P(OnReplica, EveryLineGetsItsCodeOnEveryStore) {
  const std::shared_ptr<storage::Store> memory = replica::memory_ledger_store();
  const Folder folder;
  const Digest in_memory = play_on([&] { return memory; }, 1);
  const Digest on_disk = play_on([&] { return folder.open(); }, 20);
  EXPECT_EQ(in_memory.hex(), on_disk.hex());
}

INSTANTIATE_TEST_SUITE_P(Scenarios, OnReplica, testing::ValuesIn(files()), [](const auto& info) { return info.param.stem().string(); });

// A program that went on under rules it does not know would fork from those that do.
TEST(Protocol, ABlockUnderRulesOfANewerProgramIsNotExecuted) {
  replica::test::World world(1);
  const auto replica = replica::test::open_replica(world, replica::memory_ledger_store());
  const auto activate = world.command(world.founder(), contracts::build::activate({2}, {3}));
  world.run(*replica, {world.batch({activate})});
  world.run(*replica, {});
  const auto execution = replica->execute(world.next_block(replica->view(), {}));
  ASSERT_FALSE(execution.has_value());
  EXPECT_EQ(execution.error().kind, ErrorKind::newer_format);
  EXPECT_EQ(replica->view().height(), Height{2});
}

}  // namespace
}  // namespace careledger::scenarios
