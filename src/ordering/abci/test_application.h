// An application and the calls that tests make of it as an engine does.
#pragma once

#include <gtest/gtest.h>

#include "ordering/abci/application.h"
#include "ordering/test_founder.h"

namespace careledger::ordering::abci::testing {

namespace wire = careledger::abci;
using ordering::testing::Founder;

class ApplicationTest : public ::testing::Test {
 protected:
  static constexpr BlockTime kStart{1'800'000'000'000};

  void SetUp() override { open(); }
  void open() {
    application.reset();
    replica = founder.open(store);
    ASSERT_TRUE(replica);
    application = std::make_unique<Application>(*replica, ApplicationConfig{.version = "test"});
  }

  Result<wire::Response> init_chain(const std::string& chain, std::int64_t initial_height = 1) {
    wire::Request request;
    request.mutable_init_chain()->set_chain_id(chain);
    request.mutable_init_chain()->set_initial_height(initial_height);
    return application->handle(request);
  }
  Result<wire::Response> finalize(std::int64_t height, const std::vector<Bytes>& txs = {}, const Bytes& proposer = {}) {
    wire::Request request;
    auto& block = *request.mutable_finalize_block();
    block.set_proposer_address(proposer);
    block.set_height(height);
    set(*block.mutable_time(), height);
    for (const Bytes& one : txs) *block.add_txs() = one;
    return application->handle(request);
  }
  Result<wire::Response> commit() {
    wire::Request request;
    request.mutable_commit();
    return application->handle(request);
  }
  bool accepts(const std::vector<Bytes>& txs, std::int64_t height = 1) {
    wire::Request request;
    auto& block = *request.mutable_process_proposal();
    block.set_height(height);
    set(*block.mutable_time(), height);
    for (const Bytes& one : txs) *block.add_txs() = one;
    return application->handle(request)->process_proposal().status() == 1;
  }
  std::vector<Bytes> picked_of(const std::vector<Bytes>& txs, std::int64_t bytes_max = 1 << 20, std::int64_t seconds = 1) {
    wire::Request request;
    auto& block = *request.mutable_prepare_proposal();
    block.set_height(1);
    block.set_max_tx_bytes(bytes_max);
    set(*block.mutable_time(), seconds);
    for (const Bytes& one : txs) *block.add_txs() = one;
    const auto response = application->handle(request);
    return {response->prepare_proposal().txs().begin(), response->prepare_proposal().txs().end()};
  }
  std::uint32_t check(const Bytes& tx, bool again = false) {
    wire::Request request;
    request.mutable_check_tx()->set_type(again ? 1 : 0);
    request.mutable_check_tx()->set_tx(tx);
    return application->handle(request)->check_tx().code();
  }
  wire::ResponseInfo info() {
    wire::Request request;
    request.mutable_info()->set_abci_version("2.0.0");
    request.mutable_info()->set_block_version(proof::kBlockProtocol);
    return application->handle(request)->info();
  }
  wire::ResponseQuery query(const std::string& path, const Bytes& data = {}) {
    wire::Request request;
    request.mutable_query()->set_path(path);
    request.mutable_query()->set_data(data);
    return application->handle(request)->query();
  }
  static void set(comet::Timestamp& to, std::int64_t height) {
    const proof::Time time = proof::time_from({kStart.value + height * 1000});
    to.set_seconds(time.seconds);
    to.set_nanos(time.nanos);
  }
  static std::uint32_t number(kernel::KernelCode code) { return static_cast<std::uint32_t>(code); }

  Founder founder{kStart};
  std::shared_ptr<storage::Store> store = replica::memory_ledger_store();
  std::unique_ptr<replica::Replica> replica;
  std::unique_ptr<Application> application;
  Bytes first = founder.envelope({founder.admit(1, "North", kStart)});
};

}  // namespace careledger::ordering::abci::testing
