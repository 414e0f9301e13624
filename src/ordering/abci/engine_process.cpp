#include "ordering/abci/engine_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <mutex>
#include <thread>

#include "base/descriptor.h"

namespace careledger::ordering::abci {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::minutes kSteady{1};  // who lived so long may be started again at once
constexpr std::size_t kLastWords = 300;     // bytes of the log that are told

// The end of the log on one line: the engine says there why it gave up.
std::string last_words(const std::string& path) {
  std::ifstream log(path, std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::int64_t>(log ? static_cast<std::streamoff>(log.tellg()) : 0);
  if (size <= 0) return "none";
  const auto count = std::min<std::int64_t>(size, kLastWords);
  std::string words(static_cast<std::size_t>(count), '\0');
  log.seekg(size - count);
  log.read(words.data(), count);
  for (char& c : words)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  return words;
}

std::string how(int status) {
  if (WIFSIGNALED(status)) return "by signal " + std::to_string(WTERMSIG(status));
  return "with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

struct EngineProcess::State {
  const ProcessConfig config;
  mutable std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  pid_t child = 0;
  std::atomic<std::uint64_t> starts{0};
  std::thread watcher;

  void watch();
  pid_t spawn() const;
  int wait_for_end(pid_t pid);
};

// Only calls that are safe after a fork of one thread among many; everything else was made before.
pid_t EngineProcess::State::spawn() const {
  std::string name = "cometbft", verb = "start", flag = "--home", home = config.home;
  std::array<char*, 5> arguments = {name.data(), verb.data(), flag.data(), home.data(), nullptr};
  const Descriptor log(::open(config.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(log.get(), STDOUT_FILENO);
  ::dup2(log.get(), STDERR_FILENO);
  ::execv(config.program.c_str(), arguments.data());
  ::_exit(127);
}

int EngineProcess::State::wait_for_end(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

void EngineProcess::State::watch() {
  milliseconds again{config.again_min_ms};
  std::unique_lock lock(mutex);
  while (!stopping) {
    for (const std::string& socket : config.sockets) ::unlink(socket.c_str());
    const auto born = Clock::now();
    child = spawn();
    const pid_t pid = child;
    if (pid > 0) {
      ++starts;
      lock.unlock();
      const int status = wait_for_end(pid);
      lock.lock();
      child = 0;
      changed.notify_all();
      if (stopping) return;
      if (Clock::now() - born > kSteady) again = milliseconds(config.again_min_ms);
      if (config.on_event)
        config.on_event("the engine ended " + how(status) + "; started again in " + std::to_string(again.count()) +
                        " ms; its last words: " + last_words(config.log));
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
  auto state = std::unique_ptr<State>(new State{std::move(config), {}, {}, false, 0, {}, {}});
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
  if (!state_->watcher.joinable()) return;
  {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
    if (state_->child > 0) ::kill(state_->child, SIGTERM);
    if (!state_->changed.wait_for(lock, milliseconds(state_->config.stop_ms), [this] { return state_->child == 0; }))
      ::kill(state_->child, SIGKILL);
  }
  state_->watcher.join();
}

}  // namespace careledger::ordering::abci
