#include "bench/engine_node.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <thread>

#include "bench/common.h"
#include "bench/loaded_ledger.h"
#include "bench/snapshot_node.h"
#include "ordering/abci/engine_ordering.h"
#include "ordering/test_founder.h"

namespace careledger::bench {
namespace {

namespace abci = ordering::abci;
namespace wire = careledger::abci;

constexpr const char* kRun = "--engine-node";

void tell(const Answered& answer) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (::write(STDOUT_FILENO, &answer, sizeof answer) != sizeof answer) ::_exit(1);  // nobody listens any more
}

bool read_all(void* to, std::size_t size) {
  for (char* at = static_cast<char*>(to); size > 0;) {
    const ssize_t some = ::read(STDIN_FILENO, at, size);
    if (some <= 0) return false;
    at += some;
    size -= static_cast<std::size_t>(some);
  }
  return true;
}

// One key signs one envelope after the other.
class Counted final : public ordering::BatchSigner {
 public:
  explicit Counted(crypto::SigningKey key) : signer_(2, std::move(key)) {}
  std::uint32_t key_number() const override { return signer_.key_number(); }
  crypto::Signature sign(ByteView message) const override {
    ++signed_;
    return signer_.sign(message);
  }
  std::uint64_t count() const { return signed_; }

 private:
  const ordering::testing::Envelopes signer_;
  mutable std::atomic<std::uint64_t> signed_{0};
};

// What answers to Ask.
class Work {
 public:
  virtual ~Work() = default;
  virtual void answer(const Asked& asked, Bytes body) = 0;
  virtual void stop() = 0;
};

class LedgerWork final : public Work {
 public:
  explicit LedgerWork(const NodeOrder& order) : world_(1, order.created) {
    admit(world_, order.count);
    replica_ =
        replica::test::open_replica(world_, open_ledger(order.folder + "/ledger"), std::max(1u, std::thread::hardware_concurrency()) - 1);
    engine_ = std::make_unique<abci::TestEngine>(network_of(order, kernel::chain_id(replica_->ledger())), order.index, order.folder);
    need(engine_->prepare(replica_->view().height()));
    abci::EngineConfig config;
    config.socket = engine_->paths().application;
    config.batch_bytes = order.batch_bytes;
    config.in_flight_max = kBatchesInFlight;
    config.on_fault = [](const Error& error) { abci::TestEngine::tell(error.message); };
    config.application.is_peer = engine_->is_peer();
    config.application.snapshots = {.every = kSnapshotEvery, .folder = order.folder + "/snapshots"};
    ordering_ = need(abci::start(*replica_, engine_->rpc(), system_clock(), config));
    const auto& own = world_.organisations()[order.index];
    signer_ = std::make_shared<Counted>(world_.batch_key(own).clone());
    ordering_->host(own.id, signer_);
    need(engine_->run());
  }

  void answer(const Asked& asked, Bytes body) override {
    const std::uint64_t number = asked.number;
    switch (asked.what) {
      case Ask::submit:
        return ordering_->submit(world_.organisations()[asked.organisation].id, std::move(body), ordering::Lane::urgent,
                                 [number](const ordering::Answer& answer) { tell(told(number, answer)); });
      case Ask::provable: return ordering_->when_provable(ordering_->height(), [number] { tell({number}); });
      case Ask::round: {
        std::uint64_t height = 0;
        std::memcpy(&height, body.data(), std::min(body.size(), sizeof height));
        const auto header = ordering_->header({height});
        return tell({number, Told::value, 0, header ? static_cast<std::uint64_t>(header->commit.round) : 0});
      }
      case Ask::batches: return tell({number, Told::value, 0, signer_->count()});
      default: return tell({number, Told::value, 0, ordering_->height().value});
    }
  }
  void stop() override {
    engine_->process().stop();
    ordering_->stop();
  }

 private:
  static Answered told(std::uint64_t number, const ordering::Answer& answer) {
    if (answer.outcome == ordering::Outcome::busy) return {number, Told::busy, answer.retry_after_ms, 0};
    if (answer.outcome == ordering::Outcome::unknown) return {number, Told::unknown, 0, 0};
    const kernel::Code code = answer.receipt->code;
    if (!code.ok()) return {number, Told::not_done, std::uint32_t{code.contract.value} << 16 | code.number, answer.receipt->height.value};
    return {number, Told::done, 0, answer.receipt->height.value};
  }

  replica::test::World world_;
  std::unique_ptr<replica::Replica> replica_;
  std::unique_ptr<abci::TestEngine> engine_;
  std::shared_ptr<Counted> signer_;
  std::unique_ptr<ordering::Ordering> ordering_;
};

// Accepts everything and remembers how much: its hash changes with every block that holds something, as a ledger's does.
class EmptyApplication final : public abci::Handler {
 public:
  explicit EmptyApplication(std::uint8_t index) : index_(static_cast<char>(index)) {}

  Result<wire::Response> handle(const wire::Request& request) override {
    wire::Response response;
    if (request.has_info()) {
      response.mutable_info()->set_last_block_height(height_);
      if (height_ > 0) response.mutable_info()->set_last_block_app_hash(hash());
    } else if (request.has_init_chain()) {
      response.mutable_init_chain()->set_app_hash(hash());
    } else if (request.has_query()) {
      response.mutable_query()->set_code(0);
    } else if (request.has_check_tx()) {
      response.mutable_check_tx()->set_code(0);
    } else if (request.has_prepare_proposal()) {
      propose(request.prepare_proposal(), *response.mutable_prepare_proposal());
    } else if (request.has_process_proposal()) {
      response.mutable_process_proposal()->set_status(1);
    } else if (request.has_finalize_block()) {
      finalise(request.finalize_block(), *response.mutable_finalize_block());
    } else if (request.has_commit()) {
      response.mutable_commit();
    } else {
      return fail(ErrorKind::unsupported, "a call that a benchmark does not make");
    }
    return response;
  }

  std::uint64_t own() const { return own_; }
  void wait_for_room(std::uint64_t given) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return own_ + kEmptyBatchesInFlight > given; });
  }

 private:
  Bytes hash() const { return Bytes(24, 0) + Bytes(reinterpret_cast<const char*>(&count_), sizeof count_); }
  static void propose(const wire::RequestPrepareProposal& asked, wire::ResponsePrepareProposal& proposal) {
    std::int64_t room = asked.max_tx_bytes();
    for (const Bytes& one : asked.txs())
      if ((room -= static_cast<std::int64_t>(one.size()) + 16) > 0) *proposal.add_txs() = one;
  }
  void finalise(const wire::RequestBlock& block, wire::ResponseFinalizeBlock& done) {
    height_ = block.height();
    count_ += static_cast<std::uint64_t>(block.txs_size());
    std::uint64_t own = 0;
    for (const Bytes& one : block.txs()) {
      done.add_tx_results();
      if (one.front() == index_) ++own;
    }
    done.set_app_hash(hash());
    const std::lock_guard lock(mutex_);
    own_ += own;
    changed_.notify_all();
  }

  const char index_;
  std::int64_t height_ = 0;  // the consensus connection's alone, once it runs
  std::uint64_t count_ = 0;
  std::atomic<std::uint64_t> own_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};

// Keeps its batches in flight as long as it lives.
class EmptyWork final : public Work {
 public:
  explicit EmptyWork(const NodeOrder& order)
      : application_(static_cast<std::uint8_t>(order.index)),
        engine_(network_of(order, "careledger-bench"), order.index, order.folder),
        batch_bytes_(order.batch_bytes),
        entropy_(order.index + 1) {
    need(engine_.prepare({0}));
    server_ = need(abci::SocketServer::listen({.path = engine_.paths().application}, application_));
    need(engine_.run());
    std::thread([this, index = order.index] { load(static_cast<char>(index)); }).detach();
  }
  void answer(const Asked& asked, Bytes) override { tell({asked.number, Told::value, 0, application_.own()}); }
  void stop() override { engine_.process().stop(); }

 private:
  void load(char index) {
    abci::EngineRpc rpc(engine_.rpc());
    Bytes batch(batch_bytes_, index);
    for (std::uint64_t given = 0;; ++given) {
      application_.wait_for_room(given);
      batch.replace(1, 32, entropy_.take(32));
      for (;;) {
        const auto taken = rpc.submit(batch);
        if (taken && *taken == abci::Admission::taken) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));  // the engine is not there yet, or full
      }
    }
  }

  EmptyApplication application_;
  abci::TestEngine engine_;
  const std::size_t batch_bytes_;
  std::unique_ptr<abci::SocketServer> server_;
  SeededEntropy entropy_;
};

}  // namespace

bool is_engine_node(int argc, char** argv) { return argc == 11 && std::string(argv[1]) == kRun; }

int run_engine_node(char** argv) {
  const NodeOrder order{.folder = argv[2],
                        .index = std::strtoull(argv[3], nullptr, 10),
                        .count = std::strtoull(argv[4], nullptr, 10),
                        .port = std::strtoull(argv[5], nullptr, 10),
                        .created = {std::atoll(argv[6])},
                        .engine = argv[7],
                        .app_hash = argv[8],
                        .batch_bytes = std::strtoull(argv[9], nullptr, 10),
                        .servers = argv[10]};
  if (!order.servers.empty()) begin_with_snapshot(order);
  std::unique_ptr<Work> work;
  if (order.app_hash.empty()) work = std::make_unique<EmptyWork>(order);
  else work = std::make_unique<LedgerWork>(order);
  tell({0, Told::ready, 0, 0});
  Asked asked;
  while (read_all(&asked, sizeof asked)) {
    Bytes body(asked.size, 0);
    if (!read_all(body.data(), body.size())) break;
    work->answer(asked, std::move(body));
  }
  work->stop();
  ::_exit(0);  // threads of the load may still wait
}

void become_engine_node(const NodeOrder& order) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a benchmark that is broken off leaves no node behind
  const std::string index = std::to_string(order.index), count = std::to_string(order.count), port = std::to_string(order.port),
                    created = std::to_string(order.created.value), batch = std::to_string(order.batch_bytes);
  ::execl("/proc/self/exe", "node", kRun, order.folder.c_str(), index.c_str(), count.c_str(), port.c_str(), created.c_str(),
          order.engine.c_str(), order.app_hash.c_str(), batch.c_str(), order.servers.c_str(), static_cast<char*>(nullptr));
  ::_exit(1);
}

}  // namespace careledger::bench
