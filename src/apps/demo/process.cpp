#include "apps/demo/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/descriptor.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to us

namespace careledger::apps::demo {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::minutes kLongestRun{5};  // of one command
constexpr milliseconds kReadyTime{120'000};
constexpr milliseconds kStopTime{60'000};
constexpr milliseconds kKillTime{10'000};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

int exit_of_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

int wait_for(int pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return exit_of_status(status);
}

Descriptor watch(int pid) { return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

// False when the descriptor has nothing to say before the time is over.
bool ready_within(int descriptor, milliseconds time) {
  const auto end = SteadyClock::now() + time;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - SteadyClock::now()).count();
    pollfd wanted{descriptor, POLLIN, 0};
    const int told = ::poll(&wanted, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (told > 0) return true;
    if (told == 0 || errno != EINTR) return false;
  }
}

struct Streams {  // of a child; -1: ours
  int out = -1;
  int err = -1;
};

// In the child only calls that are safe after a fork of one thread among many; everything else was made before.
Result<int> spawn(std::vector<std::string> arguments, std::vector<std::string> environment, Streams streams, Life life) {
  arguments.insert(arguments.begin(), "careledger");
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (std::strncmp(*variable, "NOTIFY_SOCKET=", 14) != 0) environment.emplace_back(*variable);
  const std::vector<char*> given = pointers(arguments), variables = pointers(environment);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(ErrorKind::unavailable, std::string("cannot start careledger: ") + std::strerror(errno));
  if (pid > 0) return pid;
  if (life == Life::with_us) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
  }
  if (streams.out >= 0 && ::dup2(streams.out, STDOUT_FILENO) < 0) ::_exit(127);
  if (streams.err >= 0 && ::dup2(streams.err, STDERR_FILENO) < 0) ::_exit(127);
  ::execve("/proc/self/exe", given.data(), variables.data());
  ::_exit(127);
}

// Blocks until the child says READY=1 (true) or ends (false): both are descriptors, so nothing is polled by time.
bool wait_ready(int socket, int pid) {
  const Descriptor child = watch(pid);
  std::array<pollfd, 2> wanted{{{socket, POLLIN, 0}, {child.get(), POLLIN, 0}}};
  for (;;) {
    const int told = ::poll(wanted.data(), wanted.size(), static_cast<int>(kReadyTime.count()));
    if (told == 0 || (told < 0 && errno != EINTR)) return false;
    if (told < 0) continue;
    if ((wanted[0].revents & POLLIN) != 0) {
      std::array<char, 512> text{};
      const ssize_t got = ::recv(socket, text.data(), text.size(), 0);
      if (got > 0 && std::string_view(text.data(), static_cast<std::size_t>(got)).find("READY=1") != std::string_view::npos) return true;
    }
    if ((wanted[1].revents & POLLIN) != 0) return false;
  }
}

// A network's node has one child, its engine. A thread of the node that started it is its parent in this list.
int child_of(int pid) {
  std::error_code gone;
  for (auto at = std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone);
       !gone && at != std::filesystem::end(at); at.increment(gone)) {
    std::ifstream list(at->path() / "children");
    if (int child = 0; list >> child) return child;
  }
  return 0;
}

}  // namespace

Result<Finished> run_self(const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(ErrorKind::unavailable, "no pipe");
  const Descriptor from(ends[0]);
  const auto pid = spawn(arguments, {}, {.out = ends[1]}, Life::with_us);
  ::close(ends[1]);
  if (!pid) return tl::make_unexpected(pid.error());
  const auto end = SteadyClock::now() + kLongestRun;
  Finished finished;
  std::array<char, 4096> chunk{};
  bool in_time = true;
  for (ssize_t got = 1; got != 0 && in_time;) {
    in_time = ready_within(from.get(), std::chrono::duration_cast<milliseconds>(end - SteadyClock::now()));
    got = in_time ? ::read(from.get(), chunk.data(), chunk.size()) : 0;
    if (got > 0) finished.out.append(chunk.data(), static_cast<std::size_t>(got));
  }
  if (!in_time) ::kill(*pid, SIGKILL);
  finished.exit = wait_for(*pid);
  if (!in_time) return fail(ErrorKind::unavailable, "careledger " + arguments.front() + " did not end in time");
  return finished;
}

Result<codec::json::Document> run_json(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "--json");
  CARELEDGER_TRY(const Finished finished, run_self(arguments));
  CARELEDGER_TRY(codec::json::Document answer, codec::json::parse(finished.out.empty() ? "{}" : finished.out));
  if (finished.exit == 0) return answer;
  const codec::json::Value* error = answer.root().find("error");
  return fail(ErrorKind::invalid, error != nullptr
                                      ? std::string(error->string_at("message"))
                                      : "careledger " + arguments[1] + " ended with exit code " + std::to_string(finished.exit));
}

Result<Served> Served::start(const std::string& folder, const std::string& scratch, const std::vector<std::string>& more, Life life) {
  const std::string path = scratch + "/notify", words = scratch + "/node.out";
  ::unlink(path.c_str());
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return fail(ErrorKind::invalid, path + " is too long for a socket");
  std::memcpy(address.sun_path, path.c_str(), path.size());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)  // NOLINT: the socket interface
    return fail(ErrorKind::storage, "cannot make " + path + ": " + std::strerror(errno));
  std::vector<std::string> arguments{"serve", folder};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Descriptor told(::open(words.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  CARELEDGER_TRY(const int pid, spawn(arguments, {"NOTIFY_SOCKET=" + path}, {.out = told.get(), .err = told.get()}, life));
  Served served;
  served.pid_ = pid;
  if (wait_ready(socket.get(), pid)) return served;
  const int exit = served.stop();
  return fail(ErrorKind::unavailable,
              "careledger serve ended before it was ready, with exit code " + std::to_string(exit) + "; its words are in " + words);
}

Served::Served(Served&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), frozen_engine_(std::exchange(other.frozen_engine_, 0)), frozen_(other.frozen_) {}
Served& Served::operator=(Served&& other) noexcept {
  if (this != &other) {
    stop();
    pid_ = std::exchange(other.pid_, 0);
    frozen_engine_ = std::exchange(other.frozen_engine_, 0);
    frozen_ = other.frozen_;
  }
  return *this;
}
Served::~Served() { stop(); }

int Served::engine() const { return pid_ == 0 ? 0 : child_of(pid_); }

// The node first: from then on it starts no other engine, and the engine's id stays its own.
void Served::freeze() {
  if (pid_ == 0 || frozen_) return;
  ::kill(pid_, SIGSTOP);
  siginfo_t how{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &how, WSTOPPED | WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  frozen_ = true;
  frozen_engine_ = engine();
  if (frozen_engine_ > 0) ::kill(frozen_engine_, SIGSTOP);
}

void Served::cut_off() {
  if (pid_ == 0 || frozen_engine_ > 0) return;
  frozen_engine_ = engine();
  if (frozen_engine_ > 0) ::kill(frozen_engine_, SIGSTOP);
}

void Served::thaw() {
  if (pid_ == 0) return;
  const int stopped = std::exchange(frozen_engine_, 0);
  if (stopped > 0 && stopped == engine()) ::kill(stopped, SIGCONT);  // who was only cut off may have taken another engine since
  if (std::exchange(frozen_, false)) ::kill(pid_, SIGCONT);
}

void Served::kill_hard() {
  if (pid_ == 0) return;
  const int its_engine = engine();
  const Descriptor watched = its_engine > 0 ? watch(its_engine) : Descriptor(-1);
  ::kill(pid_, SIGKILL);
  wait_for(std::exchange(pid_, 0));
  frozen_ = false;
  frozen_engine_ = 0;
  if (watched.get() >= 0) ready_within(watched.get(), kKillTime);
}

void Served::begin_to_stop() {
  if (pid_ == 0) return;
  thaw();
  ::kill(pid_, SIGTERM);
}

int Served::stop() {
  if (pid_ == 0) return 0;
  begin_to_stop();
  if (const Descriptor watched = watch(pid_); !ready_within(watched.get(), kStopTime)) ::kill(pid_, SIGKILL);
  return wait_for(std::exchange(pid_, 0));
}

void Served::leave() { pid_ = 0; }

}  // namespace careledger::apps::demo
