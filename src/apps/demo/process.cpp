#include "apps/demo/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/descriptor.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to us

namespace careledger::apps::demo {
namespace {

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

Result<int> spawn(std::vector<std::string> arguments, std::vector<std::string> environment, posix_spawn_file_actions_t* actions) {
  arguments.insert(arguments.begin(), "careledger");
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (std::strncmp(*variable, "NOTIFY_SOCKET=", 14) != 0) environment.emplace_back(*variable);
  int pid = 0;
  const int failed = ::posix_spawn(&pid, "/proc/self/exe", actions, nullptr, pointers(arguments).data(), pointers(environment).data());
  if (failed != 0) return fail(ErrorKind::unavailable, std::string("cannot start careledger: ") + std::strerror(failed));
  return pid;
}

class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }
  void send(int descriptor, const std::string& file) {
    ::posix_spawn_file_actions_addopen(&actions_, descriptor, file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  }

 private:
  posix_spawn_file_actions_t actions_{};
};

// Blocks until the child says READY=1 (true) or ends (false): both are descriptors, so nothing is polled by time.
bool wait_ready(int socket, int pid) {
  const Descriptor child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  std::array<pollfd, 2> wanted{{{socket, POLLIN, 0}, {child.get(), POLLIN, 0}}};
  for (;;) {
    if (::poll(wanted.data(), wanted.size(), 120'000) <= 0 && errno != EINTR) return false;
    if ((wanted[0].revents & POLLIN) != 0) {
      std::array<char, 512> text{};
      const ssize_t got = ::recv(socket, text.data(), text.size(), 0);
      if (got > 0 && std::string_view(text.data(), static_cast<std::size_t>(got)).find("READY=1") != std::string_view::npos) return true;
    }
    if ((wanted[1].revents & POLLIN) != 0) return false;
  }
}

}  // namespace

Result<Finished> run_self(const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(ErrorKind::unavailable, "no pipe");
  const Descriptor from(ends[0]);
  FileActions actions;
  ::posix_spawn_file_actions_adddup2(actions.get(), ends[1], STDOUT_FILENO);
  auto pid = spawn(arguments, {}, actions.get());
  ::close(ends[1]);
  if (!pid) return tl::make_unexpected(pid.error());
  Finished finished;
  std::array<char, 4096> chunk{};
  for (ssize_t got = 0; (got = ::read(from.get(), chunk.data(), chunk.size())) != 0;)
    if (got > 0) finished.out.append(chunk.data(), static_cast<std::size_t>(got));
  finished.exit = wait_for(*pid);
  return finished;
}

Result<Served> Served::start(const std::string& folder, const std::string& scratch, const std::vector<std::string>& more) {
  const std::string path = scratch + "/notify";
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
  FileActions actions;
  actions.send(STDERR_FILENO, scratch + "/node.out");
  CARELEDGER_TRY(const int pid, spawn(arguments, {"NOTIFY_SOCKET=" + path}, actions.get()));
  Served served;
  served.pid_ = pid;
  if (wait_ready(socket.get(), pid)) return served;
  const int exit = served.stop();
  return fail(ErrorKind::unavailable, "careledger serve ended before it was ready, with exit code " + std::to_string(exit));
}

Served::Served(Served&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
Served& Served::operator=(Served&& other) noexcept {
  if (this != &other) {
    stop();
    pid_ = std::exchange(other.pid_, 0);
  }
  return *this;
}
Served::~Served() { stop(); }

void Served::kill_hard() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  wait_for(std::exchange(pid_, 0));
}

int Served::stop() {
  if (pid_ == 0) return 0;
  ::kill(pid_, SIGTERM);
  return wait_for(std::exchange(pid_, 0));
}

void Served::leave() { pid_ = 0; }

}  // namespace careledger::apps::demo
