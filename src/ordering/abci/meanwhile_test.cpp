// What an engine asks on its other connections while one of them waits for our disk.
#include <filesystem>
#include <future>

#include "ordering/abci/fake_engine.h"
#include "ordering/abci/test_application.h"
#include "storage/test_faulty_store.h"

namespace careledger::ordering::abci {
namespace {

namespace wire = careledger::abci;

class MeanwhileTest : public testing::ApplicationTest {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/careledger-meanwhile-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    store = disk;
    testing::ApplicationTest::SetUp();
    auto made = SocketServer::listen({.path = folder_ + "/engine.sock"}, *application);
    ASSERT_TRUE(made) << made.error().message;
    server_ = std::move(*made);
    engine.connect(folder_ + "/engine.sock");
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  static BlockTime at(std::int64_t height) { return {kStart.value + height * 1000}; }
  wire::ResponseQuery row_of_founder() {
    wire::Request request;
    request.mutable_query()->set_path("/store/state/key");
    request.mutable_query()->set_data(Bytes("\x02") + founder.id().bytes());
    return engine.query().ask(request).query();
  }
  std::uint32_t check_in_pool(const Bytes& tx) {
    wire::Request request;
    request.mutable_check_tx()->set_tx(tx);
    return engine.mempool().ask(request).check_tx().code();
  }
  bool has_snapshots_answer() {
    wire::Request request;
    request.mutable_list_snapshots();
    return engine.snapshot().ask(request).has_list_snapshots();
  }

  std::shared_ptr<storage::testing::FaultyStore> disk = std::make_shared<storage::testing::FaultyStore>(replica::memory_ledger_store());
  testing::FakeEngine engine;

 private:
  std::string folder_;
  std::unique_ptr<SocketServer> server_;
};

TEST_F(MeanwhileTest, QueriesAndChecksAreAnsweredFromTheCommittedStateWhileACommitWaitsForTheDisk) {
  const Bytes second = founder.envelope({founder.admit(2, "South", kStart)}, 2);
  const Bytes third = founder.envelope({founder.admit(3, "East", kStart)}, 3);
  engine.finalize({first}, 1, at(1));
  engine.commit();
  engine.finalize({}, 2, at(2));
  engine.commit();
  const auto before = row_of_founder();
  ASSERT_EQ(before.code(), 0u) << before.log();

  std::promise<void> writing, written;
  disk->on_next_write([&] {
    writing.set_value();
    written.get_future().wait();
  });
  engine.finalize({second}, 3, at(3));
  auto committed = std::async(std::launch::async, [&] { return engine.commit(); });
  writing.get_future().wait();
  auto asked = std::async(std::launch::async, [&] {
    const auto row = row_of_founder();
    EXPECT_EQ(row.height(), before.height());
    EXPECT_EQ(row.value(), before.value());
    EXPECT_EQ(row.proof_ops().ops_size(), 2);
    EXPECT_EQ(check_in_pool(first), number(kernel::KernelCode::replayed));
    EXPECT_EQ(check_in_pool(second), 0u);  // not used up as long as its block is not durable
    EXPECT_EQ(check_in_pool(third), 0u);
    EXPECT_TRUE(has_snapshots_answer());
  });
  EXPECT_EQ(asked.wait_for(std::chrono::seconds(20)), std::future_status::ready) << "they wait for the disk";
  EXPECT_EQ(committed.wait_for(std::chrono::seconds(0)), std::future_status::timeout) << "it is told before it is durable";
  written.set_value();
  EXPECT_TRUE(committed.get().has_commit());
  asked.wait();
  EXPECT_EQ(check_in_pool(second), number(kernel::KernelCode::replayed));
  engine.finalize({}, 4, at(4));
  engine.commit();
  EXPECT_NE(row_of_founder().value(), before.value());
}

}  // namespace
}  // namespace careledger::ordering::abci
