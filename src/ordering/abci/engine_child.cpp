#include "ordering/abci/engine_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "base/descriptor.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::size_t kLastWords = 300;           // bytes of the log that are told
constexpr std::int64_t kLogEnd = 65'536;          // bytes in which they are looked for: a panic has a stack behind it
constexpr std::string_view kPanic = "\npanic: ";  // Go's own, which ends it; a log line has no line break inside

Descriptor open_log(const std::string& path) {
  static_cast<void>(::rename(path.c_str(), (path + ".1").c_str()));  // there is none yet, or only the new words are kept
  return Descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
}

// Why the child could not become the engine; 0: it did. It writes that before it ends.
int failure_of(const Descriptor& told, pid_t child) {
  int why = 0;
  ssize_t count = 0;
  while ((count = ::read(told.get(), &why, sizeof why)) < 0 && errno == EINTR) {
  }
  if (count != static_cast<ssize_t>(sizeof why)) return 0;
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return why;
}

}  // namespace

std::string last_words(const std::string& path) {
  std::ifstream log(path, std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::int64_t>(log ? static_cast<std::streamoff>(log.tellg()) : 0);
  if (size <= 0) return "none";
  const auto count = std::min(size, kLogEnd);
  std::string words(static_cast<std::size_t>(count), '\0');
  log.seekg(size - count);
  log.read(words.data(), count);
  std::size_t begin = words.size() > kLastWords ? words.size() - kLastWords : 0;
  for (const std::string_view panic : {kGaveUp, kPanic})
    if (const std::size_t at = words.rfind(panic); at != std::string::npos) begin = words[at] == '\n' ? at + 1 : at;
  words = words.substr(begin, kLastWords);
  for (char& c : words)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  return words;
}

std::string how_ended(int status) {
  if (WIFSIGNALED(status)) return "by signal " + std::to_string(WTERMSIG(status));
  return "with status " + std::to_string(WEXITSTATUS(status));
}

// In the child only calls that are safe after a fork of one thread among many; everything else was made before.
pid_t spawn(const ProcessConfig& config) {
  std::string name = "cometbft", verb = config.verb, flag = "--home", home = config.home;
  std::string path = "PATH=/usr/local/bin:/usr/bin:/bin", home_variable = "HOME=" + config.home;
  std::array<char*, 5> arguments = {name.data(), verb.data(), flag.data(), home.data(), nullptr};
  std::vector<std::string> variables = config.variables;
  std::vector<char*> environment = {path.data(), home_variable.data()};
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  const Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const Descriptor log = open_log(config.log);
  const int words = log.get() >= 0 ? log.get() : nothing.get();
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return -1;
  const Descriptor told(ends[0]);
  std::optional<Descriptor> tell(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = config.fork != nullptr ? config.fork() : ::fork();
  if (pid < 0) return pid;
  if (pid > 0) {
    tell.reset();
    const int why = failure_of(told, pid);
    errno = why;
    return why == 0 ? pid : -1;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::setsid();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(nothing.get(), STDIN_FILENO) < 0 || ::dup2(words, STDOUT_FILENO) < 0 || ::dup2(words, STDERR_FILENO) < 0) ::_exit(127);
  // Libraries make sockets that a child would inherit.
  if (::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) ::close_range(STDERR_FILENO + 1, ~0U, 0);
  ::execve(config.program.c_str(), arguments.data(), environment.data());
  const int why = errno;
  static_cast<void>(::write(tell->get(), &why, sizeof why));
  ::_exit(127);
}

Result<void> run_to_its_end(const ProcessConfig& config) {
  if (::access(config.program.c_str(), X_OK) != 0) return fail(ErrorKind::not_found, "the engine " + config.program + " is not there");
  const pid_t pid = spawn(config);
  if (pid < 0) return fail(ErrorKind::storage, std::string("the engine could not be started: ") + std::strerror(errno));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(ErrorKind::corrupt,
              "the engine's " + config.verb + " ended " + how_ended(status) + "; its last words: " + last_words(config.log));
}

}  // namespace careledger::ordering::abci
