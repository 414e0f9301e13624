#include "apps/network/engine_store.h"

#include <condition_variable>
#include <mutex>

#include "apps/network/engine_parts.h"
#include "apps/network/member.h"
#include "ordering/abci/engine_process.h"
#include "ordering/abci/rpc_client.h"

namespace careledger::apps::network {

namespace abci = ordering::abci;

namespace {

constexpr std::chrono::milliseconds kAskAgain{50};  // there is nothing that tells when another process listens

}  // namespace

Result<EngineBlocks> blocks_kept(abci::EngineRpc& engine) {
  const auto newest = engine.newest();
  const auto oldest = newest && newest->value > 0 ? engine.oldest() : Result<Height>(Height{1});
  if (newest && oldest) return EngineBlocks{*oldest, *newest};
  const Error& error = newest ? oldest.error() : newest.error();
  if (error.kind == ErrorKind::unavailable) return tl::make_unexpected(error);
  return fail(ErrorKind::corrupt, "the engine does not tell which blocks it keeps: " + error.message);
}

struct EngineStore::State {
  explicit State(const std::string& socket) : transport(socket), rpc(transport) {}
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<std::string> ended;  // how
  abci::RpcClient transport;
  abci::EngineRpc rpc;
  Result<EngineBlocks> kept = fail(ErrorKind::unavailable, "not asked yet");
  std::unique_ptr<abci::EngineProcess> process;  // last: it tells until it is gone
};

EngineStore::EngineStore(std::unique_ptr<State> state) : state_(std::move(state)) {}

EngineStore::~EngineStore() { state_->process.reset(); }

Result<std::unique_ptr<EngineStore>> EngineStore::open(const Layout& layout, const NetworkConfig& network, const kernel::Founding& founding,
                                                       vault::Keystore& keys, const std::string& engine, std::chrono::seconds patience) {
  CARELEDGER_TRY(std::string program, find_engine(engine));
  CARELEDGER_TRY(const abci::Genesis genesis, genesis_of(layout, founding));
  CARELEDGER_TRY(const crypto::SigningKey node_key, keys.signing(vault::Purpose::engine_node));
  const std::string home = layout.engine();
  CARELEDGER_CHECK(abci::prepare(system_files(), home, genesis, node_key, settings_of(network)));
  const abci::EnginePaths paths(home);
  auto store = std::unique_ptr<EngineStore>(new EngineStore(std::make_unique<State>(paths.rpc)));
  State& state = *store->state_;
  // A log of its own: the engine's tells why it ended.
  abci::ProcessConfig process{
      .program = std::move(program), .home = home, .log = home + "/inspect.log", .verb = "inspect", .sockets = {paths.rpc}};
  process.on_event = [&state](const std::string& what) {
    const std::lock_guard lock(state.mutex);
    state.ended = what;
    state.changed.notify_all();
  };
  CARELEDGER_TRY(state.process, abci::EngineProcess::start(std::move(process)));
  CARELEDGER_CHECK(store->await_answer(patience));
  return store;
}

Result<void> EngineStore::await_answer(std::chrono::seconds patience) {
  const auto begun = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begun < patience) {
    state_->kept = blocks_kept(state_->rpc);
    if (state_->kept || state_->kept.error().kind != ErrorKind::unavailable) return {};
    std::unique_lock lock(state_->mutex);
    state_->changed.wait_for(lock, kAskAgain, [this] { return state_->ended.has_value(); });
    if (state_->ended) return fail(ErrorKind::corrupt, "what the engine keeps cannot be read: " + *state_->ended);
  }
  return fail(ErrorKind::unavailable, "the engine was started to tell what it keeps, and does not answer");
}

const Result<EngineBlocks>& EngineStore::kept() const { return state_->kept; }
Height EngineStore::newest() const { return state_->kept ? state_->kept->newest : Height{0}; }
Height EngineStore::oldest() const { return state_->kept ? state_->kept->oldest : Height{1}; }
Result<proof::SignedHeader> EngineStore::header(Height height) { return state_->rpc.header(height); }
Result<proof::ValidatorSet> EngineStore::validators(Height height) { return state_->rpc.validators(height); }
Result<abci::EngineBlock> EngineStore::block(Height height) { return state_->rpc.block(height); }

}  // namespace careledger::apps::network
