#include "ordering/abci/engine_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>
#include <utility>

#include "base/descriptor.h"
#include "ordering/abci/engine_child.h"

namespace careledger::ordering::abci {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::minutes kSteady{1};  // who lived so long may be started again at once
constexpr int kSilentMax = 2;               // looks without an answer
// In the log when a block that two thirds voted for is over a minute ahead of this machine's clock (state/validation.go), which the engine
// then refuses: as it decides, and as it catches up.
constexpr std::array<std::string_view, 3> kRefusesBlock = {
    R"("_msg":"CONSENSUS FAILURE!!!","err":"precommit step; +2/3 prevoted for an invalid block: block time )",
    R"("_msg":"CONSENSUS FAILURE!!!","err":"+2/3 committed an invalid block: block time )",
    R"("_msg":"Error in validation","err":"block time )"};
constexpr std::string_view kInTheFuture = " is too far in the future ";
constexpr std::int64_t kHalfThere = 512;  // bytes of the log's end that are looked at again: words may be half there
constexpr const char* kSetTheClock =
    "this machine's clock is over a minute behind the network's blocks, which the engine therefore refuses: nothing becomes final "
    "here. Set it, keep it by NTP, and start the node again; the other members do not notice";

// The engine goes on writing where it does: what is there is copied, and the file emptied.
void shorten_log(const std::string& path, std::uint64_t bytes_max) {
  std::error_code error;
  if (const auto bytes = std::filesystem::file_size(path, error); error || bytes <= bytes_max) return;
  std::filesystem::copy_file(path, path + ".1", std::filesystem::copy_options::overwrite_existing, error);
  static_cast<void>(::truncate(path.c_str(), 0));
}

bool tells_of_our_clock(std::string_view log) {
  return std::ranges::any_of(kRefusesBlock, [log](std::string_view words) {
    const std::size_t at = log.rfind(words);
    if (at == std::string_view::npos) return false;
    const std::string_view rest = log.substr(at + words.size());
    return rest.substr(0, rest.find('"')).find(kInTheFuture) != std::string_view::npos;
  });
}

// Of one life of the engine.
class Looks {
 public:
  explicit Looks(const ProcessConfig& config) : config_(config) {}
  // Why it has to be ended; empty: it is well, or an end would not help it.
  std::string look() {
    const std::string fresh = fresh_log();
    if (!clock_told_ && config_.on_event && tells_of_our_clock(fresh)) {
      clock_told_ = true;
      config_.on_event(kSetTheClock);
    }
    std::string why;
    if (fresh.find(kGaveUp) != std::string::npos) why = "its consensus failed and stood still";
    else if (is_silent()) why = "it did not answer any more";
    else if (answers_ && config_.left_behind && config_.left_behind())
      why = "it stayed far behind the other members and did not ask for whole blocks any more";
    else if (is_complained_of()) why = complaint_;
    if (why.empty()) shorten_log(config_.log, config_.log_bytes_max);  // its last words are still to be told
    return why;
  }

 private:
  std::string fresh_log() {
    std::ifstream log(config_.log, std::ios::binary | std::ios::ate);
    const auto size = static_cast<std::int64_t>(log ? static_cast<std::streamoff>(log.tellg()) : 0);
    if (size < read_) read_ = 0;  // it was shortened
    std::string fresh(static_cast<std::size_t>(size - read_), '\0');
    log.seekg(read_);
    log.read(fresh.data(), size - read_);
    read_ = std::max<std::int64_t>(read_, size - kHalfThere);
    return fresh;
  }
  bool is_silent() {
    if (!config_.answers) return false;
    answers_ = config_.answers();
    answered_ = answered_ || answers_;
    silent_ = answers_ ? 0 : silent_ + 1;
    return answered_ && silent_ >= kSilentMax;
  }
  bool is_complained_of() {
    if (!config_.complaint) return false;
    const bool before = !std::exchange(complaint_, config_.complaint()).empty();
    return before && !complaint_.empty();
  }

  const ProcessConfig& config_;
  bool answers_ = false;  // now
  bool clock_told_ = false;
  bool answered_ = false;
  int silent_ = 0;
  std::string complaint_;  // of the last look
  std::int64_t read_ = 0;  // bytes of the log
};

}  // namespace

struct EngineProcess::State {
  const ProcessConfig config;
  std::mutex stopping_mutex;  // of stop() alone
  mutable std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  pid_t child = 0;
  std::atomic<std::uint64_t> starts{0};
  std::thread watcher;

  void watch();
  std::string wait_for_end(pid_t pid) const;
  bool is_stopping() const {
    const std::lock_guard lock(mutex);
    return stopping;
  }
  std::string run_once(std::unique_lock<std::mutex>& lock);
};

// Why it had to be killed; empty: it ended by itself. It stays unreaped, so that its number is nobody else's while stop() may signal it.
std::string EngineProcess::State::wait_for_end(pid_t pid) const {
  const Descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));  // the C library's own is not for C++ yet
  pollfd watched{ended.get(), POLLIN, 0};
  Looks looks(config);
  std::string killed;
  while (ended.get() >= 0) {
    const int news = ::poll(&watched, 1, static_cast<int>(config.look_ms));
    if (news > 0 || (news < 0 && errno != EINTR)) break;
    if (news < 0 || !killed.empty() || is_stopping()) continue;
    killed = looks.look();
    if (!killed.empty()) ::kill(pid, SIGKILL);
  }
  siginfo_t how{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &how, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  return killed;
}

// From start to end; what became of it.
std::string EngineProcess::State::run_once(std::unique_lock<std::mutex>& lock) {
  for (const std::string& socket : config.sockets) ::unlink(socket.c_str());
  const pid_t pid = spawn(config);
  if (pid < 0) return std::string("could not be started: ") + std::strerror(errno);
  child = pid;
  ++starts;
  lock.unlock();
  const std::string killed = wait_for_end(pid);
  lock.lock();
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  child = 0;
  changed.notify_all();
  return killed.empty() ? "ended " + how_ended(status) : "was killed: " + killed;
}

void EngineProcess::State::watch() {
  milliseconds again{config.again_min_ms};
  std::unique_lock lock(mutex);
  while (!stopping) {
    const auto born = Clock::now();
    const std::string what = run_once(lock);
    if (stopping) return;
    if (Clock::now() - born > kSteady) again = milliseconds(config.again_min_ms);
    if (config.on_event) {
      lock.unlock();
      config.on_event("the engine " + what + "; started again in " + std::to_string(again.count()) +
                      " ms; its last words: " + last_words(config.log));
      lock.lock();
    }
    changed.wait_for(lock, again, [this] { return stopping; });
    again = std::min(again * 2, milliseconds(config.again_max_ms));
  }
}

EngineProcess::EngineProcess(std::unique_ptr<State> state) : state_(std::move(state)) {}
EngineProcess::~EngineProcess() { stop(); }

Result<std::unique_ptr<EngineProcess>> EngineProcess::start(ProcessConfig config) {
  if (::access(config.program.c_str(), X_OK) != 0)
    return fail(ErrorKind::not_found, "the engine " + config.program + " is not there; install CometBFT v0.38.25 (./dev setup does)");
  auto state = std::unique_ptr<State>(new State{std::move(config), {}, {}, {}, false, 0, {}, {}});
  State& s = *state;
  s.watcher = std::thread([&s] { s.watch(); });
  return std::unique_ptr<EngineProcess>(new EngineProcess(std::move(state)));
}

int EngineProcess::process_id() const {
  const std::lock_guard lock(state_->mutex);
  return state_->child;
}
std::uint64_t EngineProcess::starts() const { return state_->starts; }

void EngineProcess::stop() {
  const std::lock_guard one_at_a_time(state_->stopping_mutex);
  if (!state_->watcher.joinable()) return;
  {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
    if (state_->child > 0) ::kill(state_->child, SIGTERM);
    state_->changed.wait_for(lock, milliseconds(state_->config.stop_ms), [this] { return state_->child == 0; });
    if (state_->child > 0) ::kill(state_->child, SIGKILL);  // never 0 or below: that would be a group, or everybody
  }
  state_->watcher.join();
}

}  // namespace careledger::ordering::abci
