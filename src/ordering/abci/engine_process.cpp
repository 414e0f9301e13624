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
#include <optional>
#include <thread>
#include <utility>

#include "base/descriptor.h"
#include "base/printable.h"
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
// In the log when the engine at a member's address is one of another network (p2p/transport.go).
constexpr std::string_view kOtherChain = R"("_msg":"Error dialing peer","err":"incompatible: peer is on a different network. )";
constexpr const char* kCompareNumbers =
    "): this folder is of another network than that member's. Compare the ledger's number in founding.txt with the other members, by a way "
    "on which people know each other; whose differs founds or joins anew. The other members do not notice";
constexpr std::string_view kInTheFuture = " is too far in the future ";
// What an engine says as it ends, and what helps.
struct KnownWords {
  std::string_view words;
  std::string_view advice;
};
constexpr std::string_view kOtherState =
    "this node's state is not what the others agreed on: it was changed here, or another build of careledger runs here than at the other "
    "members; take theirs: stop the node, install the others' build and run careledger network rollback, or, where that refuses, move its "
    "ledger and engine folders away and run careledger network recover";
constexpr std::string_view kDiskIsFull = "the disk is full: make room, and the engine goes on by itself; the other members do not notice";
constexpr std::uintmax_t kRoomToSpeak = 64 * 1024;  // bytes
constexpr std::size_t kChainsShown = 200;           // bytes
constexpr std::string_view kOtherProgram = "is it CometBFT v0.38.25? Name it with --engine";
constexpr std::array<KnownWords, 9> kKnownWords = {{
    {"AppHash does not match", kOtherState},
    {"wrong Block.Header.", kOtherState},
    {"bind: address already in use",
     "another process has this member's port: end it, or describe this member at another one (careledger network describe)"},
    {"cannot assign requested address",
     "this machine has no such address: describe this member at the one that it has (careledger network describe)"},
    {"no space left on device", kDiskIsFull},
    {"resource temporarily unavailable", "another engine works in this folder: end it, unless it is one that is just ending"},
    {"permission denied", "the engine's folder and all in it must belong to the user as whom the node runs"},
    {"unknown command", kOtherProgram},
    {"unknown flag", kOtherProgram},
}};

constexpr std::int64_t kHalfThere = 512;  // bytes of the log's end that are looked at again: words may be half there
constexpr const char* kAsksNothing =
    "the engine runs, and neither asks this node for anything nor answers: is it CometBFT v0.38.25 (--engine), and this machine's clock "
    "right? Its engine.log may say what holds it up; then start the node again. The other members do not notice";
constexpr const char* kSetTheClock =
    "this machine's clock is over a minute behind the network's blocks, which the engine therefore refuses: nothing becomes final "
    "here. Set it, keep it by NTP, and start the node again; the other members do not notice";

// "" or ": what helps". On a full disk its words may not have got into the log.
std::string advice_for(const std::string& words, const std::string& home) {
  std::error_code error;
  if (const auto room = std::filesystem::space(home, error); !error && room.available < kRoomToSpeak)
    return ": " + std::string(kDiskIsFull);
  const auto known =
      std::ranges::find_if(kKnownWords, [&words](const KnownWords& one) { return words.find(one.words) != std::string::npos; });
  return known == kKnownWords.end() ? std::string() : ": " + std::string(known->advice);
}

// By which call it failed tells the number: a fork's are about what this machine has left.
std::string not_started(const std::string& program, int why) {
  const bool of_fork = why == EAGAIN || why == ENOMEM || why == EMFILE || why == ENFILE;
  return "(" + program + ") could not be started: " + std::strerror(why) + (of_fork ? std::string() : ": " + std::string(kOtherProgram));
}

// The engine goes on writing where it does: what is there is copied, and the file emptied.
void shorten_log(const std::string& path, std::uint64_t bytes_max) {
  std::error_code error;
  if (const auto bytes = std::filesystem::file_size(path, error); error || bytes <= bytes_max) return;
  std::filesystem::copy_file(path, path + ".1", std::filesystem::copy_options::overwrite_existing, error);
  static_cast<void>(::truncate(path.c_str(), 0));
}

// What a peer that runs another chain is told of: "Got its chain, expected ours"; empty: none. It has shown the key of the member that is
// dialled there.
std::string other_chain_in(std::string_view log) {
  const std::size_t at = log.rfind(kOtherChain);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = log.substr(at + kOtherChain.size());
  return printable(rest.substr(0, std::min(rest.find('"'), kChainsShown)));
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
  Looks(const ProcessConfig& config, std::atomic<bool>& answers)
      : config_(config), answers_(answers), calls_(config.calls ? config.calls() : 0) {}
  // Before its first answer it may be at work on what it replays; from then on it answers, or hangs.
  bool is_awaited() const { return config_.answers && !answered_; }
  void listen() { answered_ = answers_ = config_.answers(); }
  // Why it has to be ended; empty: it is well, or an end would not help it.
  std::string look() {
    if (config_.on_look) config_.on_look();
    const std::string fresh = fresh_log();
    if (!clock_told_ && config_.on_event && tells_of_our_clock(fresh)) {
      clock_told_ = true;
      config_.on_event(kSetTheClock);
    }
    tell_of_silence();
    tell_of_other_chain(fresh);
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
    silent_ = answers_ || !answered_ ? 0 : silent_ + 1;  // before its first answer its silence says nothing, nor later on
    return silent_ >= kSilentMax;
  }
  void tell_of_other_chain(std::string_view fresh) {
    if (chain_told_ || !config_.on_event) return;
    const std::string chains = other_chain_in(fresh);
    if (chains.empty()) return;
    chain_told_ = true;
    config_.on_event("the engine at a member's address runs another chain (" + chains + kCompareNumbers);
  }
  void tell_of_silence() {
    if (!config_.calls || !config_.on_event) return;
    const std::uint64_t before = std::exchange(calls_, config_.calls());
    quiet_ = calls_ == before && !answered_ ? quiet_ + 1 : 0;
    if (quiet_ < kSilentMax || quiet_told_) return;
    quiet_told_ = true;
    config_.on_event(kAsksNothing);
  }
  bool is_complained_of() {
    if (!config_.complaint) return false;
    const bool before = !std::exchange(complaint_, config_.complaint()).empty();
    return before && !complaint_.empty();
  }

  const ProcessConfig& config_;
  std::atomic<bool>& answers_;  // now
  std::uint64_t calls_;         // until the last look
  int quiet_ = 0;               // looks without one
  bool quiet_told_ = false;
  bool clock_told_ = false;
  bool chain_told_ = false;
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
  std::atomic<bool> answers{false};
  std::thread watcher;

  void watch();
  std::string wait_for_end(pid_t pid);
  bool is_stopping() const {
    const std::lock_guard lock(mutex);
    return stopping;
  }
  std::string run_once(std::unique_lock<std::mutex>& lock);
};

// Why it had to be killed; empty: it ended by itself. It stays unreaped, so that its number is nobody else's while stop() may signal it.
std::string EngineProcess::State::wait_for_end(pid_t pid) {
  const Descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));  // the C library's own is not for C++ yet
  pollfd watched{ended.get(), POLLIN, 0};
  Looks looks(config, answers);
  std::string killed;
  auto next = Clock::now() + milliseconds(config.look_ms);
  while (ended.get() >= 0) {
    auto wait = std::max(std::chrono::ceil<milliseconds>(next - Clock::now()), milliseconds(0));
    if (looks.is_awaited()) wait = std::min(wait, milliseconds(config.first_ms));
    const int news = ::poll(&watched, 1, static_cast<int>(wait.count()));
    if (news > 0 || (news < 0 && errno != EINTR)) break;
    const bool due = Clock::now() >= next;
    if (due) next = Clock::now() + milliseconds(config.look_ms);
    if (news < 0 || !killed.empty() || is_stopping()) continue;
    if (!due) {
      looks.listen();
      continue;
    }
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
  if (pid < 0) return not_started(config.program, errno);
  child = pid;
  ++starts;
  lock.unlock();
  const std::string killed = wait_for_end(pid);
  answers = false;
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
      const std::string words = last_words(config.log);
      config.on_event("the engine " + what + "; started again in " + std::to_string(again.count()) + " ms; its last words: " + words +
                      advice_for(words, config.home));
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
    return fail(ErrorKind::not_found,
                "the engine " + config.program + " is not there, or may not be executed: name CometBFT v0.38.25 with --engine");
  auto state = std::unique_ptr<State>(new State{std::move(config), {}, {}, {}, false, 0, {}, {}, {}});
  State& s = *state;
  s.watcher = std::thread([&s] { s.watch(); });
  return std::unique_ptr<EngineProcess>(new EngineProcess(std::move(state)));
}

int EngineProcess::process_id() const {
  const std::lock_guard lock(state_->mutex);
  return state_->child;
}
std::uint64_t EngineProcess::starts() const { return state_->starts; }
bool EngineProcess::answers() const { return state_->answers; }

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
