#include "apps/network/member.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "apps/clock_check.h"
#include "apps/network/blocks_fit.h"
#include "apps/network/engine_parts.h"
#include "codec/fhir/instant.h"
#include "ordering/abci/engine_ordering.h"
#include "ordering/abci/engine_process.h"
#include "ordering/abci/engine_rpc.h"
#include "ordering/abci/left_behind.h"
#include "ordering/abci/rpc_client.h"
#include "ordering/abci/signer.h"
#include "ordering/continued.h"

namespace careledger::apps::network {
namespace {

namespace abci = ordering::abci;

constexpr std::chrono::seconds kSoon{2};
constexpr std::int64_t kClockSteps = 2'000;  // milliseconds: of a network that was founded just now

std::string in_words(const kernel::Misbehaviour& what, const replica::View& view) {
  const bool attack = what.is(kernel::MisbehaviourKind::light_client_attack);
  return member_of_validator(view, what.validator) + (attack ? " signed a false header for light clients" : " voted twice") + " at block " +
         std::to_string(what.height) +
         ": its key is in two places, or in wrong hands. It stands on the ledger (network evidence); members may suspend it (network "
         "propose)";
}

bool is_program(const std::string& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

tl::unexpected<Error> no_program(const std::string& path) {
  struct stat found{};
  const bool there = ::stat(path.c_str(), &found) == 0;
  const std::string why = there ? (S_ISREG(found.st_mode) ? "may not be executed by this user" : "is no file") : std::strerror(errno);
  return fail(ErrorKind::not_found, "the engine cannot be " + path + ", which " + (there ? why : "is not there (" + why + ")") + ": name " +
                                        abci::kEngineName + " with --engine");
}

// It sleeps until the founding and answers nothing; the log that it is given does not say so.
void tell_of_founding(BlockTime founding, BlockTime now, const std::function<void(const std::string&)>& tell) {
  if (now.value + kClockSteps >= founding.value) return;
  tell("this machine's clock is " + span(founding.value - now.value) + " before the founding of the network (" +
       codec::fhir::format_instant(founding) +
       "): its engine waits for that time and takes part in nothing. Set the clock, keep it by NTP, and start the node again; the other "
       "members do not notice");
}

std::string own_folder() {
  std::array<char, 4096> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  const std::string self(path.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return self.substr(0, self.rfind('/') + 1);
}

}  // namespace

struct Member::State {
  explicit State(const Parts& parts)
      : replica(parts.replica),
        peers(std::make_shared<PeerBook>(parts.layout.config(), parts.network.peers)),
        own(parts.own),
        on_look(parts.on_look),
        keys(parts.replica, parts.keys, parts.own) {}
  const replica::Replica& replica;
  std::shared_ptr<const PeerBook> peers;
  const OrganisationId own;
  const std::function<void()> on_look;
  ValidatorKeys keys;
  const std::shared_ptr<std::atomic<std::uint64_t>> calls = std::make_shared<std::atomic<std::uint64_t>>(0);  // by engines
  std::mutex mutex;             // of broken and engine's pointer
  std::optional<Error> broken;  // our disk, by its first failure
  std::unique_ptr<abci::Signer> signer;
  std::unique_ptr<abci::RpcClient> rpc;
  std::unique_ptr<abci::RpcClient> soon;  // for people's questions: that the engine hangs is an answer to them
  std::unique_ptr<ordering::Ordering> ordering;
  std::unique_ptr<abci::SignerLink> link;
  std::unique_ptr<abci::EngineProcess> engine;

  using Tell = std::function<void(const std::string&)>;
  abci::ApplicationConfig application(const Parts& parts, const Tell& tell) const {
    abci::ApplicationConfig config = application_of(peers);
    config.snapshots = {.every = parts.engine.snapshot_every, .folder = parts.layout.snapshots()};
    config.retention = parts.engine.retention;
    config.on_unreadable = [tell](const Error& error) {
      tell("no old blocks are dropped (--keep-blocks) until what is stored of the ledger can be read, which is tried with each block: " +
           error.message + ". Look at the disk; stop the node and let careledger audit say what else is damaged");
    };
    config.on_misbehaviour = [tell, this](const kernel::Misbehaviour& what) { tell(in_words(what, replica.view())); };
    config.on_call = [calls = calls] { ++*calls; };
    config.on_passed_over = [tell, this](const abci::PassedOver& what) { tell(in_words(what, replica.view())); };
    return config;
  }
  abci::ProcessConfig process(const EngineChoice& engine_choice, const std::string& program, const std::string& home,
                              const Tell& tell) const {
    const abci::EnginePaths paths(home);
    abci::ProcessConfig config{.program = program, .home = home, .log = paths.log, .sockets = {paths.signer, paths.rpc}};
    config.on_event = tell;
    config.on_look = on_look;
    config.answers = [&rpc = *rpc] {
      const auto status = abci::EngineRpc(rpc).status();
      return status || status.error().kind != ErrorKind::unavailable;
    };
    config.calls = [calls = calls] { return calls->load(); };
    config.left_behind = [&rpc = *rpc, peers = peers, watch = std::make_shared<abci::LeftBehind>(engine_choice.behind_max)] {
      abci::EngineRpc engine(rpc);
      const auto status = engine.status();
      auto heights = engine.peer_heights();
      return status && heights && watch->look(*status, std::move(*heights), peers->peers().size());
    };
    config.look_ms = engine_choice.look_ms;
    config.complaint = [&signer = *signer, &rpc = *rpc] {
      const auto status = abci::EngineRpc(rpc).status();
      if (!status && status.error().kind == ErrorKind::malformed)
        return "its answers cannot be read (" + status.error().message + "): is it " + abci::kEngineName + " (--engine)?";
      return signer.knows_key() ? std::string() : "it fetched blocks past a change of its validator's key and did not ask for the new one";
    };
    return config;
  }

  // Our disk failed: before the engine hears of it and ends, too, which would look like the end of a replay.
  void breaks(const Error& error, const Replay& replay) {
    {
      const std::lock_guard lock(mutex);
      if (!broken) broken = error;
    }
    replay.end();
  }
  // Nothing would answer it any more, so it is not started again either.
  void end_engine() {
    abci::EngineProcess* running = nullptr;
    {
      const std::lock_guard lock(mutex);
      running = engine.get();
    }
    if (running != nullptr) running->stop();
  }
};

Member::Member(std::unique_ptr<State> state) : state_(std::move(state)) {}
Member::~Member() { stop(); }
ordering::Ordering& Member::ordering() { return *state_->ordering; }
ValidatorKeys& Member::validator_keys() { return state_->keys; }

Result<Standing> Member::standing() const {
  abci::EngineRpc engine(*state_->soon);
  CARELEDGER_TRY(const abci::EngineStatus status, engine.status());
  CARELEDGER_TRY(std::vector<std::string> connected, engine.connected());
  const auto heights = engine.peer_heights();  // what an engine says of itself alone, and in no lasting form: status does without
  const Seen seen{state_->ordering->attendance(), std::move(connected)};
  const replica::View view = state_->replica.view();
  const std::vector<PeerConfig> peers = state_->peers->peers();
  const std::uint64_t behind = heights ? abci::blocks_behind(status.height, *heights, peers.size()).value_or(0) : 0;
  Standing standing{seen.attendance.blocks, status.catching_up, behind, standing_of_members(view, seen, peers, state_->own)};
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return standing;
}

bool Member::engine_answers() const {
  const std::lock_guard lock(state_->mutex);
  return state_->engine && state_->engine->answers();
}

bool Member::failed() const {
  const std::lock_guard lock(state_->mutex);
  return state_->broken.has_value();
}

Result<std::unique_ptr<Member>> Member::start(const Parts& parts) {
  CARELEDGER_TRY(const std::string program, find_engine(parts.engine.program));
  CARELEDGER_TRY(abci::Genesis genesis, genesis_of(parts.layout, parts.founding));
  genesis.evidence = parts.engine.evidence;
  CARELEDGER_TRY(const crypto::SigningKey node_key, parts.keys.signing(vault::Purpose::engine_node));
  const abci::EngineSettings settings = settings_of(parts.network);
  const std::string home = parts.layout.engine();
  CARELEDGER_TRY(const Height kept, check_blocks(parts));
  CARELEDGER_CHECK(abci::prepare(system_files(), home, genesis, node_key, settings));
  const abci::EnginePaths paths(home);
  const auto tell = [on_event = parts.on_event](const std::string& what) {
    if (on_event) on_event(what);
  };
  auto member = std::unique_ptr<Member>(new Member(std::make_unique<State>(parts)));
  State& state = *member->state_;
  const Replay replay(parts.replica, kept);
  const auto fault = [tell, replay, &state](const Error& error) {
    tell(error.message);
    if (error.kind != ErrorKind::storage && error.kind != ErrorKind::corrupt) return;
    state.breaks(error, replay);
    state.end_engine();
  };
  tell_of_founding(genesis.time, parts.clock.now(), tell);
  if (const auto held = state.keys.check(); !held) tell(held.error().message);
  CARELEDGER_TRY(state.signer, abci::Signer::open(
                                   system_files(), parts.layout.signed_steps(), genesis.chain_id,
                                   [&keys = state.keys] { return keys.mandate(); }, parts.replica.view().height(),
                                   [&replica = parts.replica, &clock = parts.clock] {
                                     const replica::View view = replica.view();
                                     return abci::LedgerTip{view.height(), view.time(), clock.now()};
                                   }));
  state.rpc = std::make_unique<abci::RpcClient>(paths.rpc);
  state.soon = std::make_unique<abci::RpcClient>(paths.rpc, kSoon);
  abci::EngineConfig config;
  config.socket = paths.application;
  config.epoch_ms = parts.founding.epoch_ms();
  config.on_disk = [replay, &state](const Error& error) { state.breaks(error, replay); };
  config.on_fault = fault;
  config.on_clock = [tell](std::int64_t ahead_ms) { tell(wrong_clock(ahead_ms)); };
  config.application = state.application(parts, tell);
  if (parts.grown != nullptr) config.application.base = parts.grown->seal_height();
  config.application.app_state = genesis.app_state;
  CARELEDGER_TRY(state.ordering, abci::start(parts.replica, *state.rpc, parts.clock, std::move(config)));
  if (parts.grown != nullptr) state.ordering = ordering::continue_chain(std::move(state.ordering), parts.replica, *parts.grown);
  state.link = std::make_unique<abci::SignerLink>(*state.signer, paths.signer, fault);
  const auto told = [tell, replay](const std::string& what) {
    tell(what);
    replay.end();
  };
  CARELEDGER_TRY(auto engine, abci::EngineProcess::start(state.process(parts.engine, program, home, told)));
  {
    const std::lock_guard lock(state.mutex);
    if (state.broken) return tl::make_unexpected(*state.broken);
    state.engine = std::move(engine);
  }
  replay.await();
  const std::lock_guard lock(state.mutex);
  if (state.broken) return tl::make_unexpected(*state.broken);
  return member;
}

void Member::stop() {
  if (state_->engine) state_->engine->stop();  // first: so that it ends in order, with its application still there
  if (state_->ordering) state_->ordering->stop();
  if (state_->link) state_->link->stop();
}

Result<std::string> find_engine(const std::string& wished) {
  if (wished.find('/') != std::string::npos) {
    if (is_program(wished)) return wished;
    return no_program(wished);
  }
  if (std::string beside = own_folder() + wished; is_program(beside)) return beside;
  const char* list = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nothing here changes the environment
  std::string rest = list == nullptr ? "" : list;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    if (std::string path = rest.substr(0, end) + "/" + wished; is_program(path)) return path;
    rest.erase(0, end + 1);
  }
  return fail(ErrorKind::not_found,
              "the engine (" + wished + ") is neither beside this program nor in PATH: name " + abci::kEngineName + " with --engine");
}

}  // namespace careledger::apps::network
